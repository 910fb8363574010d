"""The pinhole camera that looks at the drawn place: from metres on the ground to pixels and back.

World frame: x to the right, y up, z away from the camera, metres; the camera stands at x = 0, z = 0. A picture's origin
is its top left corner, pixel centres lie at halves.
"""

from dataclasses import dataclass
from math import cos, sin
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]


def floats(values: ArrayLike) -> NDArray[np.float32]:
    """`values` as a float32 array."""
    return np.asarray(values, np.float32)


@dataclass(frozen=True, slots=True)
class PerspectiveCamera:
    """A camera without lens distortion.

    width, height: picture size in pixels. focal_px: focal length in pixels.
    height_m: how high it hangs. pitch_rad: how far it looks down. yaw_rad: how far it looks to the right.
    """

    width: int
    height: int
    focal_px: float
    height_m: float
    pitch_rad: float
    yaw_rad: float = 0.0

    def project(self, points_m: Array) -> Array:
        """(..., 3) world metres -> (..., 3) float32: x and y in pixels, depth along the optical axis in metres."""
        x, y, z = points_m[..., 0], points_m[..., 1] - self.height_m, points_m[..., 2]
        across = x * cos(self.yaw_rad) - z * sin(self.yaw_rad)
        ahead = x * sin(self.yaw_rad) + z * cos(self.yaw_rad)
        depth = ahead * cos(self.pitch_rad) - y * sin(self.pitch_rad)
        down = -(y * cos(self.pitch_rad) + ahead * sin(self.pitch_rad))
        safe = np.where(depth > 0.05, depth, 0.05)
        u = self.width / 2 + self.focal_px * across / safe
        v = self.height / 2 + self.focal_px * down / safe
        return np.stack([u, v, depth], axis=-1).astype(np.float32)

    def rays(self, samples: int = 1) -> Array:
        """(height * samples, width * samples, 3) float32: the world direction that each (sub-)pixel's centre sees."""
        u = (np.arange(self.width * samples, dtype=np.float32) + 0.5) / samples - self.width / 2
        v = (np.arange(self.height * samples, dtype=np.float32) + 0.5) / samples - self.height / 2
        across, down = np.meshgrid(u / self.focal_px, v / self.focal_px)
        ahead = cos(self.pitch_rad) - down * sin(self.pitch_rad)
        up = -down * cos(self.pitch_rad) - sin(self.pitch_rad)
        x = across * cos(self.yaw_rad) + ahead * sin(self.yaw_rad)
        z = -across * sin(self.yaw_rad) + ahead * cos(self.yaw_rad)
        return np.stack([x, up, z], axis=-1).astype(np.float32)

    def ground_at(self, u_px: float, v_px: float) -> tuple[float, float]:
        """World x and z, metres, of the ground under a pixel; raises ValueError at or above the horizon."""
        across = (u_px - self.width / 2) / self.focal_px
        down = (v_px - self.height / 2) / self.focal_px
        ahead = cos(self.pitch_rad) - down * sin(self.pitch_rad)
        up = -down * cos(self.pitch_rad) - sin(self.pitch_rad)
        if up >= -1e-6:
            raise ValueError(f"pixel ({u_px:.0f}, {v_px:.0f}) sees no ground: it lies at or above the horizon")
        reach = self.height_m / -up
        x = across * cos(self.yaw_rad) + ahead * sin(self.yaw_rad)
        z = -across * sin(self.yaw_rad) + ahead * cos(self.yaw_rad)
        return x * reach, z * reach
