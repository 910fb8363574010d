"""What stands about: no people, though networks may think so; part of the backdrop, and in the way of those behind."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from edge.virtual_camera.backdrop import Backdrop, Occluder
from edge.virtual_camera.body import Surface, loft, surface
from edge.virtual_camera.camera import Array, PerspectiveCamera, floats
from edge.virtual_camera.light import Light
from edge.virtual_camera.place import Bike, Place
from edge.virtual_camera.sprite import View, paint

_PAINTS = ((0.65, 0.10, 0.10), (0.12, 0.16, 0.32), (0.10, 0.10, 0.11), (0.44, 0.44, 0.45), (0.20, 0.36, 0.30))


@dataclass(frozen=True, slots=True, eq=False)
class Parked:
    """Something at a place on the ground. heading_rad: as of a walker, 0 is away from the camera."""

    x_m: float
    z_m: float
    heading_rad: float
    parts: list[Surface]


def _wheel(z_m: float) -> Surface:
    turn = np.linspace(0, 2 * np.pi, 25, dtype=np.float32)
    ring = np.stack([0 * turn, 0.28 + 0.25 * np.cos(turn), z_m + 0.25 * np.sin(turn)], axis=1).astype(np.float32)
    thick = np.full(25, 0.045, np.float32)
    return surface(loft(ring, thick, thick, 8), floats([0.06, 0.06, 0.06]))


def _tube(points: list[tuple[float, float, float]], radius_m: float, colour: Array, flat: float = 1.0) -> Surface:
    line = floats(points)
    share = np.linspace(0, len(points) - 1, 12)
    smooth = np.stack([np.interp(share, range(len(points)), line[:, k]) for k in range(3)], axis=1).astype(np.float32)
    ring = (np.sin(np.linspace(0.25, np.pi - 0.25, 12)) ** 0.5 * radius_m).astype(np.float32)
    return surface(loft(smooth, ring, ring * floats(flat), 12), colour)


def _motorbike(bike: Bike) -> list[Surface]:
    rng = np.random.default_rng(bike.seed)
    colour = floats(_PAINTS[int(rng.integers(len(_PAINTS)))])
    dark, chrome = floats([0.08, 0.08, 0.09]), floats([0.55, 0.55, 0.57])
    return [
        *(
            part
            for z_m in (0.62, -0.60)
            for part in (_wheel(z_m), _tube([(-0.06, 0.28, z_m), (0.06, 0.28, z_m)], 0.17, dark))
        ),
        _tube([(0, 0.62, -0.85), (0, 0.66, -0.40), (0, 0.54, 0.0), (0, 0.44, 0.35)], 0.17, colour),
        _tube([(0, 0.38, 0.40), (0, 0.70, 0.46), (0, 0.98, 0.36)], 0.22, colour, 0.4),
        _tube([(0, 0.40, -0.98), (0, 0.58, -0.80), (0, 0.60, -0.50)], 0.07, dark),
        _tube([(0, 0.40, 0.92), (0, 0.56, 0.72), (0, 0.52, 0.45)], 0.09, colour),
        _tube([(0, 0.80, -0.72), (0, 0.82, -0.25), (0, 0.74, 0.10)], 0.13, dark, 0.6),
        _tube([(-0.33, 1.04, 0.22), (0, 1.00, 0.34), (0.33, 1.04, 0.22)], 0.025, dark),
        _tube([(0, 0.98, 0.36), (0, 0.98, 0.48)], 0.10, chrome),
        _tube([(0.14, 0.25, -0.75), (0.14, 0.28, -0.10), (0.08, 0.30, 0.15)], 0.06, chrome),
        _tube([(0, 0.32, -0.25), (0, 0.36, 0.25)], 0.16, dark),
        *(_tube([(x_m * 0.8, 1.03, 0.26), (x_m, 1.17, 0.24)], 0.02, dark) for x_m in (-0.3, 0.3)),
    ]


def _open(cover: Array, dimensions: int) -> Array:
    shows = 1.0 - cover
    return shows if dimensions == 2 else shows[..., None]


def parked_bikes(place: Place) -> list[Parked]:
    """The motorbikes of the place."""
    return [Parked(bike.x_m, bike.z_m, bike.heading_rad, _motorbike(bike)) for bike in place.bikes]


def with_parked(backdrop: Backdrop, parked: Iterable[Parked], camera: PerspectiveCamera, light: Light) -> Backdrop:
    """The backdrop with those things painted in; they hide people behind them."""
    picture, occluders = backdrop.picture.copy(), list(backdrop.occluders)
    for one in sorted(parked, key=lambda one: -one.z_m):
        azimuth = float(np.arctan2(one.x_m, one.z_m))
        view = View(camera, float(np.hypot(one.x_m, one.z_m)), one.heading_rad - azimuth)
        sprite = paint(one.parts, view, light, oversampling=2.0, cloth=False)
        foot = camera.project(floats([one.x_m, 0, one.z_m]))
        scale = sprite.depth_m / float(foot[2])
        size = (camera.width, camera.height)
        layers: list[Array] = []
        for image, anchor, zoom in ((sprite.shadow, sprite.shadow_foot_px, 2 * scale),
                                    (sprite.rgba, sprite.foot_px, scale)):  # fmt: skip
            matrix = floats([[zoom, 0, foot[0] - anchor[0] * zoom], [0, zoom, foot[1] - anchor[1] * zoom]])
            layers.append(floats(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)))
        for occluder in backdrop.occluders:
            if occluder.z_m < one.z_m:
                layers = [layer * _open(occluder.cover, layer.ndim) for layer in layers]
        picture *= 1.0 - layers[0][..., None]
        picture = picture * (1.0 - layers[1][..., 3:]) + layers[1][..., :3]
        occluders.append(Occluder(np.ascontiguousarray(layers[1][..., 3]), one.z_m))
    return Backdrop(picture, tuple(occluders))
