"""What integrity is judged by: one small picture a second, and its outlines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 160, 90
_FLOOR = 4.0  # levels of gradient at which an outline counts half: above a dark sensor's noise

Plane = NDArray[np.float32]
Outlines = NDArray[np.complex64]


@dataclass(frozen=True, slots=True, eq=False)
class SmallPicture:
    """One look at a camera.

    media_s: of its frame. luma: (90, 160) float32, levels 0..255, averaged over areas of the Y plane.
    sharpness: by how much its strongest edges are steeper at a fine scale than at a coarse one, 0 where all is blurred;
    light does not change it.
    colour: mean distance of U and V from grey, levels. height: of the frame, pixels. key_every_s: see Frame.
    """

    media_s: float
    luma: Plane
    sharpness: float
    colour: float
    height: int
    key_every_s: float = 2.0


def outlines(luma: Plane) -> Outlines:
    """Direction of the outline at each pixel as a complex number of twice its angle, length 0 (none) to 1 (strong).

    Twice the angle, so that an outline stays the same where dark and bright change sides, as by day and in infra-red.
    """
    padded = np.pad(luma, 1, mode="edge")
    soft = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    soft = (soft[:, :-2] + 2 * soft[:, 1:-1] + soft[:, 2:]) / 4
    slope = np.zeros(luma.shape, np.complex64)
    slope[:, 1:-1] += soft[:, 2:] - soft[:, :-2]
    slope[1:-1] += 1j * (soft[2:] - soft[:-2])
    return np.asarray(slope * slope / (np.abs(slope) ** 2 + _FLOOR**2), np.complex64)
