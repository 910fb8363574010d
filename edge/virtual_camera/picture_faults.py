"""What can be wrong with what a camera sees: each fault changes one picture after another."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_SWING_S = 1.5  # a knocked camera is still again after that
_SWING_SHARE = 0.7  # of the picture's width that it turned away
_SHAKE_SHARE = 0.025  # of the picture's height, to each side: a pole in the wind
_NUDGE_SHARE = 0.06  # of the picture's width: pushed by a broom
_SPRAY_S = 20.0  # until the paint covers everything
_BLUR_SHARE = 0.012  # of the picture's height, standard deviation: focused on a drop on the glass


class PictureSpoiler:
    """Spoils the pictures of one stream. Several faults at once add up; freezing comes first, size last.

    Pictures are (height, width, 3) uint8 RGB. The same numbers and faults give the same bytes.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._held: Picture | None = None
        self._swing_from: int | None = None
        self._spray_from: int | None = None

    def spoilt(self, picture: Picture, number: int, faults: frozenset[str]) -> Picture:
        """Picture `number` of the stream as a camera with these faults shows it; always even-sided."""
        if "freeze" not in faults:
            self._held = None
        if "swing" not in faults:
            self._swing_from = None
        if "sprayed" not in faults:
            self._spray_from = None
        for name, change in self._changes().items():
            if name in faults:
                picture = change(picture, number)
        return picture

    def _changes(self) -> dict[str, Callable[[Picture, int], Picture]]:
        return {
            "freeze": self._frozen,
            "swing": self._swung,
            "nudge": _nudged,
            "shake": _shaken,
            "defocused": _defocused,
            "overexposed": _overexposed,
            "lamp_out": _unlit,
            "sprayed": self._sprayed,
            "covered": _covered,
            "black": _black,
            "resolution": _smaller,
        }

    def _frozen(self, picture: Picture, _number: int) -> Picture:
        if self._held is None:
            self._held = picture.copy()
        return self._held

    def _swung(self, picture: Picture, number: int) -> Picture:
        if self._swing_from is None:
            self._swing_from = number
        share = min(1.0, (number - self._swing_from) / (self._fps * _SWING_S))
        shift = share * share * (3 - 2 * share) * _SWING_SHARE  # starts and ends softly
        return _moved(picture, -shift * picture.shape[1], -0.3 * shift * picture.shape[0], cv2.BORDER_REFLECT_101)

    def _sprayed(self, picture: Picture, number: int) -> Picture:
        """Paint on the glass, spot by spot: out of focus, so without an edge."""
        if self._spray_from is None:
            self._spray_from = number
        share = min(1.0, (number - self._spray_from) / (self._fps * _SPRAY_S))
        height, width = picture.shape[:2]
        spots = np.random.default_rng(6).uniform(0, 1, (7, 11)).astype(np.float32)
        reached = cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC)
        opacity = np.clip((share * 1.3 - reached) / 0.25, 0, 0.97)[..., None]
        paint = np.array([96, 92, 88], np.float32) + 14 * cv2.resize(spots[::-1], (width, height))[..., None]
        return _noisy(np.asarray(picture * (1 - opacity) + paint * opacity, np.float64), number)


def _nudged(picture: Picture, _number: int) -> Picture:
    right_px = -_NUDGE_SHARE * picture.shape[1]
    return _moved(picture, right_px, -0.5 * _NUDGE_SHARE * picture.shape[0], cv2.BORDER_REFLECT_101)


def _defocused(picture: Picture, number: int) -> Picture:
    return _noisy(cv2.GaussianBlur(picture, (0, 0), _BLUR_SHARE * picture.shape[0]).astype(np.float64), number)


def _overexposed(picture: Picture, number: int) -> Picture:
    """A lamp or laser into the lens: all but the darkest spots are white."""
    return _noisy(picture.astype(np.float64) * 1.2 + 225.0, number)


def _unlit(picture: Picture, number: int) -> Picture:
    """The infra-red lamp is dead: at night only the sensor's noise is left, in grey."""
    grey = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return _noisy(4 + 0.05 * grey, number)


def _shaken(picture: Picture, number: int) -> Picture:
    right, down = np.random.default_rng([number, 3]).uniform(-1, 1, 2) * _SHAKE_SHARE * picture.shape[0]
    return _moved(picture, float(right), float(down), cv2.BORDER_REPLICATE)


def _covered(picture: Picture, number: int) -> Picture:
    """A cloth over the lens: a soft glow, no outline of what is before it."""
    height, width = picture.shape[:2]
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    glow = 62 + 12 * np.exp(-(across**2) - down**2) + 0.03 * float(picture.mean())
    return _noisy(np.repeat(glow[..., None], 3, axis=2), number)


def _black(picture: Picture, number: int) -> Picture:
    return _noisy(np.full(picture.shape, 6.0), number)


def _noisy(level: NDArray[np.float64], number: int) -> Picture:
    noise = np.random.default_rng([number, 4]).normal(0, 2, level.shape)
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def _smaller(picture: Picture, _number: int) -> Picture:
    height, width = picture.shape[:2]
    size = max(width // 4 * 2, 32), max(height // 4 * 2, 32)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _moved(picture: Picture, right_px: float, down_px: float, border: int) -> Picture:
    matrix = np.array([[1, 0, right_px], [0, 1, down_px]], np.float32)
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.warpAffine(picture, matrix, size, borderMode=border), np.uint8)
