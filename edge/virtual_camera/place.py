"""Where things stand at the drawn school gate: road, pavement, fence, gate, pole, building, trees, parked motorbikes.

World metres as in `camera`: the street runs along x, the fence stands at a constant z, the building behind it.
"""

from dataclasses import dataclass, replace
from math import atan, atan2, radians, tan

import numpy as np

from edge.virtual_camera.camera import PerspectiveCamera, floats

Fractions = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree's trunk place, its height in metres and its own seed."""

    x_m: float
    z_m: float
    height_m: float
    seed: int


@dataclass(frozen=True, slots=True)
class Bike:
    """A parked motorbike: place, heading, and its own seed."""

    x_m: float
    z_m: float
    heading_rad: float
    seed: int


@dataclass(frozen=True, slots=True)
class Place:
    """The layout. near_kerb_z and kerb_z bound the road; the pavement reaches from kerb_z to fence_z."""

    camera: PerspectiveCamera
    near_kerb_z: float
    kerb_z: float
    fence_z: float
    building_z: float
    gate_x: float
    gate_half_m: float
    gate_open: float
    pole_x: float
    pole_z: float
    pole_radius_m: float
    trees: tuple[Tree, ...]
    bikes: tuple[Bike, ...]
    seed: int

    def edge_x(self, z: float, side: int, margin_m: float = 0.7) -> float:
        """World x at depth z just outside the picture: side -1 for the left, 1 for the right."""
        xs = np.linspace(-60, 60, 4801)
        seen = self.camera.project(np.stack([xs, np.zeros_like(xs), np.full_like(xs, z)], axis=1))
        inside = (seen[:, 0] > 0) & (seen[:, 0] < self.camera.width) & (seen[:, 2] > 0.5)
        if not inside.any():
            return side * 4.0
        edge = xs[inside].max() if side > 0 else xs[inside].min()
        return float(edge + side * margin_m)

    def zone_m(self) -> tuple[tuple[float, float], ...]:
        """The zone in front of the gate: (x, z) corners on the ground, metres."""
        half = self.gate_half_m + 1.0
        near, far = self.kerb_z + 0.1, self.fence_z - 0.15
        return (
            (self.gate_x - half, near),
            (self.gate_x + half, near),
            (self.gate_x + half, far),
            (self.gate_x - half, far),
        )

    def zone(self) -> Fractions:
        """The same zone as fractions of the picture, kept inside it."""
        corners = floats([[x, 0, z] for x, z in self.zone_m()])
        seen = self.camera.project(corners)
        across = np.clip(seen[:, 0] / self.camera.width, 0.0, 1.0)
        down = np.clip(seen[:, 1] / self.camera.height, 0.0, 1.0)
        return tuple((round(float(u), 4), round(float(v), 4)) for u, v in zip(across, down, strict=True))


def _aim(height_m: float, target_z: float, focal_px: float, height_px: int, share: float) -> float:
    """Pitch at which ground at `target_z` lies at `share` of the picture's height."""
    return atan(height_m / target_z) - atan((share - 0.5) * height_px / focal_px)


def _furnish(rng: np.random.Generator, fence_z: float, building_z: float, gate_x: float) -> tuple[Tree, ...]:
    trees = []
    for side in (-1, 1):
        for _ in range(int(rng.integers(1, 4))):
            x = gate_x + side * float(rng.uniform(4.0, 11.0))
            z = float(rng.uniform(fence_z + 1.5, max(fence_z + 2.0, building_z - 1.5)))
            trees.append(Tree(x, z, float(rng.uniform(3.5, 7.0)), int(rng.integers(2**31))))
    return tuple(trees)


def _bikes(rng: np.random.Generator, count: int, fence_z: float, gate_x: float, gate_half: float) -> tuple[Bike, ...]:
    bikes = []
    for index in range(count):
        side = 1 if index % 2 else -1
        x = gate_x + side * (gate_half + 1.4 + 1.25 * (index // 2) + float(rng.uniform(0, 0.2)))
        heading = side * float(rng.uniform(0.7, 1.5))
        bikes.append(Bike(x, fence_z - 0.95, heading, int(rng.integers(2**31))))
    return tuple(bikes)


def standard_place(width: int, height: int, rng: np.random.Generator) -> Place:
    """The demo's gate: the same place for every seed but for small things."""
    focal = width / 2 / tan(radians(30.0 + float(rng.uniform(-1, 1))))
    height_m, fence_z, kerb_z = 3.9, 11.6, 7.9
    camera = PerspectiveCamera(width, height, focal, height_m, _aim(height_m, 9.7, focal, height, 0.66), 0.0)
    gate_x = float(rng.uniform(-0.2, 0.5))
    building_z = 23.0
    trees = _furnish(rng, fence_z, building_z, gate_x)
    pole_x, pole_z = gate_x - 2.35, 8.6
    bikes = _clear_of(pole_x / pole_z, _bikes(rng, int(rng.integers(1, 4)), fence_z, gate_x, 1.9))
    return Place(camera, 2.6, kerb_z, fence_z, building_z, gate_x, 1.9, 0.9, pole_x, pole_z, 0.16, trees, bikes,
                 int(rng.integers(2**31)))  # fmt: skip


def _clear_of(pole_slope: float, bikes: tuple[Bike, ...]) -> tuple[Bike, ...]:
    """Those on the left beside the pole, not half behind it: small networks take the other half for somebody."""
    left = [bike for bike in bikes if bike.x_m < 0]
    shift_m = max((1.35 - (pole_slope * bike.z_m - bike.x_m) for bike in left), default=0.0)
    return tuple(replace(bike, x_m=bike.x_m - max(0.0, shift_m)) if bike in left else bike for bike in bikes)


def random_place(width: int, height: int, rng: np.random.Generator) -> Place:
    """Another gate for each seed: camera height, lens, direction, distance and furniture all vary."""
    focal = width / 2 / tan(radians(float(rng.uniform(23.0, 42.0))))
    height_m = float(rng.uniform(3.0, 6.0))
    size_px = float(np.exp(rng.uniform(np.log(48.0), np.log(170.0)))) * height / 360.0
    distance = float(np.clip(focal * 1.6 / size_px, 5.0, 20.0))
    distance = max(distance, 1.3 * height_m)
    fence_z = distance + float(rng.uniform(1.0, 2.0))
    kerb_z = fence_z - float(rng.uniform(2.6, 4.2))
    share = float(rng.uniform(0.52, 0.72))
    gate_x = float(rng.uniform(-0.16, 0.16)) * distance
    yaw = atan2(gate_x, distance) + float(rng.normal(0, 0.10))
    camera = PerspectiveCamera(width, height, focal, height_m, _aim(height_m, distance, focal, height, share), yaw)
    building_z = fence_z + float(rng.uniform(5.0, 14.0))
    half = float(rng.uniform(1.4, 2.6))
    pole_x = gate_x + float(rng.choice([-1, 1])) * (half + float(rng.uniform(0.1, 0.9)))
    return Place(camera, kerb_z - float(rng.uniform(4.0, 7.0)), kerb_z, fence_z, building_z, gate_x, half,
                 float(rng.uniform(0.5, 1.0)), pole_x, kerb_z + float(rng.uniform(0.4, 0.8)),
                 float(rng.uniform(0.10, 0.19)), _furnish(rng, fence_z, building_z, gate_x),
                 _bikes(rng, int(rng.integers(0, 7)), fence_z, gate_x, half), int(rng.integers(2**31)))  # fmt: skip
