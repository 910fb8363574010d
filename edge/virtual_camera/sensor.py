"""What a cheap camera does to a picture: vignette, softness, sensor noise, rain on the way, a time stamp on top.

All of it is a function of the frame's number, so that any frame can be drawn alone.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.camera import Array
from edge.virtual_camera.light import Light

_BANK = 7  # noise pictures in turn, each shifted anew for every frame
_PAD = 64


class Sensor:
    """One camera's own noise, rain and time stamp for pictures of `width` x `height`."""

    def __init__(self, width: int, height: int, light: Light, seed: int) -> None:
        self._size = (width, height)
        self._light = light
        rng = np.random.default_rng(seed)
        self._offsets = rng.integers(0, _PAD, (997, 2))
        self._noise = [_noise_picture(width + _PAD, height + _PAD, light, rng) for _ in range(_BANK)]
        self._streaks = _rain_picture(width, height, rng) if light.name == "rain" else None
        self._hour = {"day": 7, "dusk": 17, "rain": 16, "night_ir": 22}[light.name]
        self._start_s = int(rng.integers(0, 50 * 60))

    def vignette(self) -> Array:
        """(height, width) float32 factors: the lens darkens towards the corners, the infra-red lamp much more."""
        width, height = self._size
        x = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
        y = ((np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1) * height / width
        radius = x[None] ** 2 + y[:, None] ** 2
        fall = 0.55 if self._light.lamp else 0.20
        return (1.0 / (1.0 + fall * radius)).astype(np.float32)

    def expose(self, picture: NDArray[np.uint8], number: int, fps: float) -> NDArray[np.uint8]:
        """Noise, rain and time stamp over a (height, width, 3) picture; returns a new one."""
        width, height = self._size
        across, down = self._offsets[number % len(self._offsets)]
        bank = self._noise[number % _BANK]
        out = np.asarray(
            cv2.add(picture, bank[down : down + height, across : across + width], dtype=cv2.CV_8U), np.uint8
        )
        if self._streaks is not None:
            top, left = height - (number * 83) % height, width - (number * 211) % width
            out = np.asarray(cv2.add(out, self._streaks[top : top + height, left : left + width]), np.uint8)
        self._stamp(out, number / fps)
        return out

    def _stamp(self, picture: NDArray[np.uint8], seconds: float) -> None:
        now = self._start_s + int(seconds)
        text = f"2026-11-24 {self._hour + now // 3600:02d}:{now // 60 % 60:02d}:{now % 60:02d}"
        scale = picture.shape[0] / 360 * 0.42
        place = (round(8 * scale / 0.42), round(16 * scale / 0.42))
        for right, down, colour in ((1, 1, (0, 0, 0)), (0, 0, (235, 235, 235))):
            corner = (place[0] + right, place[1] + down)
            cv2.putText(picture, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_8)
        name = (picture.shape[1] - round(64 * scale / 0.42), picture.shape[0] - round(8 * scale / 0.42))
        cv2.putText(picture, "CAM 01", name, cv2.FONT_HERSHEY_SIMPLEX, scale, (235, 235, 235), 1, cv2.LINE_8)


def _noise_picture(width: int, height: int, light: Light, rng: np.random.Generator) -> NDArray[np.int16]:
    grain = rng.normal(0, light.noise, (height, width)).astype(np.float32)
    grain = 0.8 * grain + 0.6 * cv2.GaussianBlur(grain, (0, 0), 0.8) * 2.0
    if light.grey:
        return np.repeat(np.rint(grain)[..., None], 3, axis=2).astype(np.int16)
    blotch = rng.normal(0, light.noise * 0.6, ((height + 2) // 3, (width + 2) // 3, 3)).astype(np.float32)
    colour = cv2.resize(blotch, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.rint(grain[..., None] + colour), np.int16)


def _rain_picture(width: int, height: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    streaks = np.zeros((height, width), np.uint8)
    for _ in range(int(260 * width * height / (640 * 360))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        length = int(rng.uniform(0.02, 0.07) * height)
        cv2.line(streaks, (x, y), (x - length // 7, y + length), int(rng.integers(12, 46)), 1, cv2.LINE_AA)
    soft = np.asarray(cv2.GaussianBlur(streaks, (1, 3), 0), np.uint8)
    return np.tile(soft[..., None], (2, 2, 3))  # twice each way, so that any shift is a plain cut
