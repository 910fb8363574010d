"""Things that small networks take for people, or that shine at night: cars, dogs, washing, scarecrows, bins, posts.

Metres, each in its own frame: x to the side, y up, z to the front.
"""

from collections.abc import Callable
from math import pi

import numpy as np

from edge.virtual_camera.body import Surface, loft, surface
from edge.virtual_camera.camera import Array, floats
from edge.virtual_camera.parked import Parked
from edge.virtual_camera.place import Place

Points = list[tuple[float, float, float]]
_PAINTS = ((0.80, 0.80, 0.80), (0.10, 0.10, 0.11), (0.45, 0.46, 0.48), (0.50, 0.08, 0.08), (0.12, 0.18, 0.35))
_CLOTHS = ((0.85, 0.84, 0.80), (0.20, 0.30, 0.55), (0.60, 0.15, 0.18), (0.15, 0.16, 0.18), (0.70, 0.62, 0.40))
_DARK, _GREY, _WOOD = (0.05, 0.05, 0.06), (0.45, 0.45, 0.46), (0.40, 0.30, 0.20)
_SHINES = (3.0, 3.0, 2.8)  # plates and lamps throw an infra-red lamp's light back to where it came from


def _bar(points: Points, width_m: float, depth_m: float, colour: tuple[float, ...], boxy: bool = True) -> Surface:
    """A closed bar along a line, half as wide and deep as said; its section a rounded box, or an ellipse."""
    share = np.linspace(0, len(points) - 1, 14)
    line = np.stack([np.interp(share, range(len(points)), column) for column in floats(points).T], axis=1)
    ends = (np.sin(np.linspace(0.06, pi - 0.06, 14)) ** 0.25).astype(np.float32)
    rings = loft(floats(line), ends * floats(width_m), ends * floats(depth_m), 16)
    if boxy:
        turn = np.linspace(0, 2 * pi, 17)
        out = (np.abs(np.sin(turn)) ** 4 + np.abs(np.cos(turn)) ** 4) ** -0.25
        rings = floats(line[:, None] + (rings - line[:, None]) * out[None, :, None])
    return surface(rings, floats(colour))


def _pick(rng: np.random.Generator, colours: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    return colours[int(rng.integers(len(colours)))]


def _wheel(x_m: float, z_m: float) -> Surface:
    turn = np.linspace(0, 2 * pi, 19, dtype=np.float32)
    ring = np.stack([0 * turn + x_m, 0.32 + 0.20 * np.cos(turn), z_m + 0.20 * np.sin(turn)], axis=1)
    thick: Array = np.full(19, 0.11, np.float32)
    return surface(loft(floats(ring), thick, thick, 8), floats(_DARK))


def _car(rng: np.random.Generator) -> list[Surface]:
    paint, long, high = _pick(rng, _PAINTS), float(rng.uniform(1.8, 2.3)), float(rng.uniform(1.3, 1.8))
    lamps = _SHINES if rng.random() < 0.6 else _GREY
    ends = [
        part
        for z_m in (long, -long)
        for part in (
            _bar([(-0.25, 0.48, z_m), (0.25, 0.48, z_m)], 0.06, 0.06, _SHINES),
            *(_bar([(x_m, 0.66, z_m), (x_m + 0.16, 0.66, z_m)], 0.08, 0.08, lamps) for x_m in (-0.72, 0.56)),
        )
    ]
    return [
        _bar([(0, 0.58, -long), (0, 0.58, long)], 0.85, 0.30, paint),
        _bar([(0, high - 0.42, -0.75 * long), (0, high - 0.42, 0.40 * long)], 0.72, 0.36, (0.09, 0.10, 0.11)),
        _bar([(0, high - 0.06, -0.62 * long), (0, high - 0.06, 0.20 * long)], 0.70, 0.07, paint),
        *(_wheel(x_m, z_m * long) for x_m in (-0.78, 0.78) for z_m in (-0.62, 0.62)),
        *ends,
    ]


def _dog(rng: np.random.Generator) -> list[Surface]:
    coat, tall = _pick(rng, ((0.55, 0.40, 0.25), *_PAINTS[:3])), float(rng.uniform(0.3, 0.6))
    long = 0.75 * tall
    legs = [[(x, tall, z * long), (x, 0.5 * tall, z * long + 0.03), (x, 0, z * long)] for x in (-0.09, 0.09)
            for z in (-0.8, 0.8)]  # fmt: skip
    return [
        _bar([(0, tall, -long), (0, 1.05 * tall, 0), (0, tall, long)], 0.13, 0.14, coat, boxy=False),
        _bar([(0, tall, long), (0, 1.45 * tall, 1.25 * long)], 0.07, 0.08, coat, boxy=False),
        _bar([(0, 1.5 * tall, 1.1 * long), (0, 1.4 * tall, 1.7 * long)], 0.08, 0.08, coat, boxy=False),
        _bar([(0, tall, -long), (0, 1.5 * tall, -1.4 * long)], 0.03, 0.03, coat, boxy=False),
        *(_bar(leg, 0.04, 0.04, coat, boxy=False) for leg in legs),
    ]


def _washing(rng: np.random.Generator) -> list[Surface]:
    line_m = float(rng.uniform(1.5, 1.9))
    parts = [_bar([(x, 0, 0), (x, line_m + 0.1, 0)], 0.03, 0.03, _WOOD) for x in (-1.6, 1.6)]
    for x in np.arange(-1.2, 1.3, float(rng.uniform(0.6, 0.9))):
        half, drop, cloth = float(rng.uniform(0.16, 0.32)), float(rng.uniform(0.5, 1.1)), _pick(rng, _CLOTHS)
        parts.append(_bar([(x, line_m, 0), (x, line_m - drop, 0.05)], half, 0.02, cloth))
    return parts


def _scarecrow(rng: np.random.Generator) -> list[Surface]:
    """A coat on a cross: arms straight out, no legs."""
    coat = _pick(rng, _CLOTHS)
    return [
        _bar([(0, 0, 0), (0, 1.75, 0)], 0.03, 0.03, _WOOD),
        _bar([(-0.75, 1.40, 0), (0.75, 1.40, 0)], 0.06, 0.06, coat),
        _bar([(0, 1.45, 0), (0, 0.75, 0)], 0.24, 0.10, coat),
    ]


def _bin(rng: np.random.Generator) -> list[Surface]:
    tall, colour = float(rng.uniform(0.7, 1.2)), _pick(rng, ((0.12, 0.35, 0.20), (0.15, 0.25, 0.45), _GREY))
    return [
        _bar([(0, 0.05, 0), (0, tall, 0)], 0.26, 0.28, colour),
        _bar([(0, tall, 0), (0, tall + 0.07, 0)], 0.29, 0.31, _DARK),
    ]


def _post(rng: np.random.Generator) -> list[Surface]:
    tall = float(rng.uniform(0.8, 1.7))
    return [
        _bar([(0, 0, 0), (0, tall, 0)], 0.09, 0.09, _pick(rng, _PAINTS), boxy=False),
        _bar([(0, tall, 0), (0, tall + 0.25, 0)], 0.13, 0.13, _pick(rng, _PAINTS), boxy=False),
        _bar([(0, 0.7 * tall, 0.02), (0, 0.8 * tall, 0.02)], 0.10, 0.10, _SHINES, boxy=False),
    ]


_KINDS: tuple[tuple[Callable[[np.random.Generator], list[Surface]], float], ...] = (
    (_car, 0.35), (_dog, 0.15), (_washing, 0.13), (_scarecrow, 0.12), (_bin, 0.12), (_post, 0.13),
)  # fmt: skip


def things(place: Place, rng: np.random.Generator) -> list[Parked]:
    """One to six things: cars along the road or in the yard, others anywhere on the pavement or in the yard."""
    found = []
    for _ in range(int(rng.integers(1, 7))):
        kind = int(rng.choice(len(_KINDS), p=[share for _, share in _KINDS]))
        car, in_yard = kind == 0, bool(rng.random() < 0.5)
        near, far = place.kerb_z + 0.3, place.fence_z - 0.3
        if in_yard:
            near, far = place.fence_z + (2.0 if car else 0.6), max(place.fence_z + 2.5, place.building_z - 1.5)
        elif car:
            near, far = place.kerb_z - 1.6, place.kerb_z - 1.0
        z_m = float(rng.uniform(near, far))
        x_m = float(rng.uniform(place.edge_x(z_m, -1, -0.3), place.edge_x(z_m, 1, -0.3)))
        along = float(rng.choice([-1, 1])) * pi / 2 + float(rng.normal(0, 0.05))
        heading = along if car and not in_yard else float(rng.uniform(0, 2 * pi))
        found.append(Parked(x_m, z_m, heading, _KINDS[kind][0](rng)))
    return found
