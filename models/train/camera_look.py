"""Makes a good picture look as a cheap camera gives it: dark, infra-red, soft, noisy, compressed."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Bgr = NDArray[np.uint8]
_DARKEST = 16.0  # mean level down to which pictures are darkened; below, nobody could be seen
_NOISE_LEVELS = (1.5, 3.0, 5.0, 7.5, 10.0)  # standard deviations
_BANK_PX = 512
INFRA_RED = 0.45  # share of pictures
_GLARES = 0.3  # share of those with lamps in them
_SHADOWS = 0.4  # share of those with a part that no lamp reaches
_CAPTIONS = 0.2  # share of pictures with a date, a time or a name written into them
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


def through_a_camera(bgr: Bgr, rng: np.random.Generator, by_night: bool | None = None) -> Bgr:
    """(height, width, 3) uint8 -> the same size, degraded at random; often only a little.

    by_night: whether in infra-red, None to leave it to chance.
    """
    (height, width), infra_red = bgr.shape[:2], bool(rng.random() < INFRA_RED) if by_night is None else by_night
    out = np.asarray(cv2.transform(bgr, _colours(rng, infra_red)), np.uint8)
    out = np.asarray(cv2.LUT(out, _exposure(float(cv2.mean(out)[1]), rng, infra_red)), np.uint8)
    if rng.random() < (0.7 if infra_red else 0.2):
        fall = _lamp_fall(height, width, rng, 3.5 if infra_red else 1.6)
        out = np.asarray(cv2.multiply(out, fall, dtype=cv2.CV_8U), np.uint8)
    if infra_red and rng.random() < _SHADOWS:
        out = with_shadow(out, rng)
    if infra_red and rng.random() < _GLARES:
        out = with_glare(out, rng)
    out = _soft(out, rng)
    if rng.random() < 0.6:
        out = np.asarray(cv2.add(out, _noise(height, width, rng, infra_red), dtype=cv2.CV_8U), np.uint8)
    if rng.random() < _CAPTIONS:
        out = with_captions(out, rng)
    return _compressed(out, rng) if rng.random() < 0.5 else out


def _colours(rng: np.random.Generator, infra_red: bool) -> NDArray[np.float32]:
    """(3, 3) from the picture's channels to the camera's."""
    if infra_red:  # cloth reflects it by its dye, not by its colour, so the mix of channels is any
        return np.repeat(rng.dirichlet((1.0, 1.0, 1.0))[None], 3, axis=0).astype(np.float32)
    saturation = rng.uniform(0.2, 1.3)
    cast = rng.uniform(0.88, 1.12, 3)[:, None]
    return np.asarray(cast * (saturation * np.eye(3) + (1 - saturation) / 3), np.float32)


def _exposure(mean: float, rng: np.random.Generator, infra_red: bool) -> NDArray[np.uint8]:
    """(256,) levels: contrast about the mean, gain, offset, a tone curve."""
    dark = rng.random() < (0.4 if infra_red else 0.18)
    gain = np.exp(rng.uniform(np.log(0.35), np.log(0.8)) if dark else rng.uniform(np.log(0.7), np.log(1.4)))
    gain = max(gain, min(1.0, _DARKEST / max(1.0, mean)))
    # Near the lamp cloth burns out to white while the rest stays dark.
    contrast = rng.uniform(0.35, 2.2) if infra_red else rng.uniform(0.6, 1.35)
    levels = (mean + (np.arange(256) - mean) * contrast) * gain + rng.uniform(-12, 12)
    curve = rng.uniform(0.6, 1.7) if rng.random() < 0.4 else 1.0
    return np.asarray(255.0 * (levels.clip(0, 255) / 255.0) ** curve, np.uint8)


def with_shadow(bgr: Bgr, rng: np.random.Generator) -> Bgr:
    """A part of a night's picture that no lamp reaches: people there are a few levels from the wall behind them."""
    height, width = bgr.shape[:2]
    angle, soft = rng.uniform(0, 2 * np.pi), np.float32(np.exp(rng.uniform(np.log(0.02), np.log(0.6))))
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    within = (
        np.float32(np.cos(angle)) * x[None]
        + np.float32(np.sin(angle)) * y[:, None]
        - np.float32(rng.uniform(-0.8, 0.5))
    )
    share = (0.5 + within / (2 * soft)).clip(0, 1)
    kept, veil = (
        np.float32(rng.uniform(0.12, 0.5)),
        np.float32(rng.uniform(0, 30)),
    )  # the camera's own noise lifts black
    return np.asarray((bgr * (1 - (1 - kept) * share)[..., None] + (veil * share)[..., None]).clip(0, 255), np.uint8)


def with_glare(bgr: Bgr, rng: np.random.Generator) -> Bgr:
    """A night's bright things over a picture: lamps with a halo, often in pairs, and plates that throw the light back.

    What is brightest is then hardly ever a person, as on a street at night.
    """
    height, width = bgr.shape[:2]
    sharp, side = np.zeros((height, width), np.uint8), min(height, width)
    for _ in range(int(rng.integers(1, 4))):
        x, y, radius = int(rng.integers(width)), int(rng.integers(height)), max(1, int(side * rng.uniform(0.01, 0.05)))
        apart = int(radius * rng.uniform(5, 12))
        if rng.random() < 0.6:
            for lamp in range(int(rng.integers(1, 3))):
                cv2.circle(sharp, (x + lamp * apart, y), radius, 255, -1)
        else:
            cv2.rectangle(sharp, (x, y), (x + 3 * radius, y + radius), int(rng.integers(150, 256)), -1)
    spread = side * rng.uniform(0.02, 0.12)
    halo = cv2.convertScaleAbs(cv2.GaussianBlur(sharp, (0, 0), spread), alpha=rng.uniform(0.5, 4.0))
    return np.asarray(cv2.add(bgr, cv2.merge([cv2.add(cv2.GaussianBlur(sharp, (3, 3), 0), halo)] * 3)), np.uint8)


def with_captions(bgr: Bgr, rng: np.random.Generator) -> Bgr:
    """What cameras write over their pictures, also where only a corner of one is looked at: its digits change and stand
    upright, as people do.
    """
    out, (height, width) = bgr.copy(), bgr.shape[:2]
    for _ in range(int(rng.integers(1, 3))):
        digits = "".join(map(str, rng.integers(0, 10, 14)))
        date, clock = f"{digits[:2]}-{digits[2:4]}-{digits[4:8]}", f"{digits[8:10]}:{digits[10:12]}:{digits[12:]}"
        text = str(rng.choice([f"{date} {clock}", clock, f"Camera {digits[:2]}", f"CAM{digits[0]}"]))
        font, tall_px = int(rng.choice(_FONTS)), np.exp(rng.uniform(np.log(6), np.log(max(12.0, 0.35 * height))))
        scale = tall_px / cv2.getTextSize("0", font, 1.0, 1)[0][1]
        at = int(rng.uniform(-0.6, 0.7) * width), int(rng.uniform(0.0, 1.1) * height)
        thick, light = max(1, round(tall_px / rng.uniform(6, 12))), int(rng.integers(170, 256))
        if rng.random() < 0.5:
            cv2.putText(out, text, at, font, scale, (0, 0, 0), thick + 2, cv2.LINE_AA)
        cv2.putText(out, text, at, font, scale, (light, light, light), thick, cv2.LINE_AA)
    return out


def _lamp_fall(height: int, width: int, rng: np.random.Generator, most: float) -> NDArray[np.float32]:
    """(height, width, 3) factors: a lamp or lens brightest about the middle. most: how quickly it may fall."""
    x = np.linspace(-1, 1, width, dtype=np.float32) - np.float32(rng.uniform(-0.5, 0.5))
    y = np.linspace(-1, 1, height, dtype=np.float32) - np.float32(rng.uniform(-0.5, 0.5))
    fall = np.float32(1.15) / (1 + np.float32(rng.uniform(0.2, most)) * (x[None] ** 2 + y[:, None] ** 2))
    return np.asarray(cv2.merge([fall] * 3), np.float32)


def _soft(bgr: Bgr, rng: np.random.Generator) -> Bgr:
    kind, (height, width) = rng.random(), bgr.shape[:2]
    out: object = bgr
    if kind < 0.2:
        out = cv2.GaussianBlur(bgr, (0, 0), rng.uniform(0.4, 1.3))
    elif kind < 0.28:
        out = cv2.blur(bgr, (int(rng.integers(2, 5)), 1))
    elif kind < 0.40:  # a small picture blown up
        share = rng.uniform(0.45, 0.85)
        small = cv2.resize(bgr, (max(2, int(width * share)), max(2, int(height * share))))
        out = cv2.resize(small, (width, height))
    elif kind < 0.5:  # sharpened in the camera
        out = cv2.addWeighted(bgr, 1.8, cv2.GaussianBlur(bgr, (0, 0), 1.0), -0.8, 0)
    return np.asarray(out, np.uint8)


def _noise(height: int, width: int, rng: np.random.Generator, grey: bool) -> NDArray[np.int16]:
    """A piece of a noise picture made once; with 0.4 chance blotches, as a camera's own noise filter leaves them."""
    bank = _noise_bank(float(rng.choice(_NOISE_LEVELS)), bool(rng.random() < 0.4), grey)
    top, left = (int(rng.integers(_BANK_PX)) for _ in range(2))
    return bank.take(range(top, top + height), 0, mode="wrap").take(range(left, left + width), 1, mode="wrap")


@cache
def _noise_bank(level: float, blotched: bool, grey: bool) -> NDArray[np.int16]:
    noise = np.random.default_rng(5).standard_normal((_BANK_PX, _BANK_PX, 3), np.float32) * np.float32(level)
    if grey:
        noise = np.repeat(noise[..., :1], 3, axis=2)
    return np.rint(cv2.GaussianBlur(noise, (0, 0), 0.8) * 2 if blotched else noise).astype(np.int16)


def _compressed(bgr: Bgr, rng: np.random.Generator) -> Bgr:
    coded, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 70))])
    assert coded
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
