"""A frame made small for the judges of the camera's integrity. In the thread that decodes, about once a second."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame
from edge.core.integrity.picture import HEIGHT, WIDTH, SmallPicture

_FINE_HEIGHT = 360  # sharpness is measured at this height, or at the frame's own where that is less
_FINE, _COARSE = 0.8, 2.4  # standard deviations, pixels of it
_STRONGEST = 0.03  # share of the pixels
_LEAST_SLOPE = 6.0  # levels a step; where nothing is as steep there is no edge to judge

Plane = NDArray[np.uint8]


def small_picture(frame: Frame) -> SmallPicture:
    """What the judges get to see of `frame`."""
    luma, u, v = frame.planes()
    fine = luma
    while fine.shape[0] >= 2 * _FINE_HEIGHT:
        fine = np.asarray(cv2.resize(fine, (fine.shape[1] // 2, fine.shape[0] // 2), interpolation=cv2.INTER_AREA))
    small = np.asarray(cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)
    tint = [cv2.resize(plane, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA) for plane in (u, v)]
    colour = float(np.abs(np.stack(tint).astype(np.float32) - 128).mean())
    return SmallPicture(frame.media_s, small, _sharpness(fine), colour, frame.height, frame.key_every_s)


def _sharpness(luma: Plane) -> float:
    """At an edge blurred by s the slope falls as 1/sqrt(s²+scale²), so two scales tell s whatever the contrast is."""
    half = (luma.shape[1] // 2, luma.shape[0] // 2)
    coarse = _slope(np.asarray(cv2.resize(luma, half, interpolation=cv2.INTER_AREA)), _COARSE / 2)
    fine = np.asarray(cv2.resize(_slope(luma, _FINE), half, interpolation=cv2.INTER_AREA))
    place = int(coarse.size * (1 - _STRONGEST))
    bar = np.partition(coarse.ravel(), place)[place]
    if bar < _LEAST_SLOPE:
        return 0.0
    strong = coarse >= bar
    return max(0.0, 2 * float(fine[strong].sum() / coarse[strong].sum()) - 1)


def _slope(luma: Plane, scale: float) -> NDArray[np.float32]:
    soft = cv2.GaussianBlur(luma, (0, 0), scale)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=1)
    return np.asarray(cv2.magnitude(across, down), np.float32)
