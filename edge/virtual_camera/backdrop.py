"""Paints the empty place once: ground, fence, gate, building, trees, pole, and which of them hide people.

Every pixel's ray is cut with the ground and with upright planes, so that bars, tiles and windows stand in true
perspective; painted at twice the resolution and averaged down.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.camera import Array, floats
from edge.virtual_camera.foliage import paint_tree
from edge.virtual_camera.light import Light
from edge.virtual_camera.place import Place

Mask = NDArray[np.bool_]
_SAMPLES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Occluder:
    """Something that hides people behind it. cover: (height, width) float32, 0..1. z_m: where it stands."""

    cover: Array
    z_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """The empty place. picture: (height, width, 3) float32 levels 0..255 RGB, before blur, vignette and noise."""

    picture: Array
    occluders: tuple[Occluder, ...]


class _Canvas:
    """Rays, the light, and the picture as linear light while it is painted from far to near."""

    def __init__(self, place: Place, light: Light) -> None:
        self.place, self.light = place, light
        self.rng = np.random.default_rng(place.seed)
        self.rays = place.camera.rays(_SAMPLES)
        self.linear = np.zeros(self.rays.shape, np.float32)
        self.noise = _tileable_noise(self.rng)

    def wall(self, z_m: float) -> tuple[Array, Array]:
        """World x and y where each ray meets the upright plane at `z_m`; y is -1000 where it does not."""
        ahead = self.rays[..., 2]
        reach = np.where(ahead > 0.05, z_m / np.maximum(ahead, 0.05), 0)
        y = np.where(ahead > 0.05, self.place.camera.height_m + self.rays[..., 1] * reach, -1000.0)
        return self.rays[..., 0] * reach, y.astype(np.float32)

    def grain(self, x: Array, y: Array, size_m: float) -> Array:
        """Smooth noise of about -1..1 with features of `size_m`, fixed to world coordinates."""
        scale = 16.0 / size_m  # the noise picture's finest features span about sixteen of its pixels
        place = (x * scale % 512).astype(np.float32), (y * scale % 512).astype(np.float32)
        noise = cv2.remap(self.noise, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(noise, np.float32)

    def put(self, mask: Mask, paint: Array, normal: tuple[float, float, float], distance_m: Array | float) -> None:
        """Lights `paint` (h, w, 3) or (3,) and lays it down where `mask` holds, hazed by distance."""
        lit = self.light.on(floats([normal]), self.place.camera.pitch_rad)[0]
        away = np.broadcast_to(np.asarray(distance_m, np.float32), mask.shape)[mask]
        reach = np.broadcast_to(np.asarray(self.light.reach(away), np.float32), away.shape)
        colour = np.broadcast_to(paint, (*mask.shape, 3))[mask] * lit * reach[:, None]
        haze = np.clip(self.light.haze * away / 40.0, 0, 0.6)[:, None]
        self.linear[mask] = colour * (1 - haze) + floats(self.light.sky_paint) * haze


def _tileable_noise(rng: np.random.Generator) -> Array:
    total = np.zeros((512, 512), np.float32)
    for octave, weight in ((4, 1.0), (8, 0.8), (16, 0.6), (32, 0.5), (128, 0.35), (512, 0.25)):
        coarse = rng.normal(0, weight, (octave, octave)).astype(np.float32)
        pad, cell = 2, 512 // octave  # so that resizing sees the neighbours across the seam
        wide = cv2.resize(np.pad(coarse, pad, mode="wrap"), None, fx=cell, fy=cell, interpolation=cv2.INTER_LINEAR)
        total += wide[pad * cell : pad * cell + 512, pad * cell : pad * cell + 512]
    return floats(total / total.std() * 0.6)


def paint_backdrop(place: Place, light: Light) -> Backdrop:
    """The empty place under `light`, and its occluders."""
    canvas = _Canvas(place, light)
    _sky(canvas)
    _building(canvas)
    _ground(canvas)
    for tree in sorted(place.trees, key=lambda t: -t.z_m):
        paint_tree(canvas.linear, place.camera, tree, light, _SAMPLES)
    fence = _fence(canvas)
    pole = _pole(canvas)
    if light.name == "dusk":
        _street_lamp(canvas)
    size = (place.camera.width, place.camera.height)
    linear = floats(cv2.resize(canvas.linear, size, interpolation=cv2.INTER_AREA))
    return Backdrop(
        light.develop(linear), (_occluder(place, fence, place.fence_z), _occluder(place, pole, place.pole_z))
    )


def _occluder(place: Place, mask: Mask, z_m: float) -> Occluder:
    size = (place.camera.width, place.camera.height)
    return Occluder(floats(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)), z_m)


def _sky(canvas: _Canvas) -> None:
    up = canvas.rays[..., 1]
    cloud = canvas.grain(canvas.rays[..., 0] * 6, up * 14, 2.0)
    tone = np.clip(1.0 - 0.5 * up + 0.05 * cloud, 0.5, 1.2)
    canvas.linear[:] = floats(canvas.light.sky_paint) * tone[..., None]


def _building(canvas: _Canvas) -> None:
    place, rng = canvas.place, canvas.rng
    x, y = canvas.wall(place.building_z)
    floor_m, bay_m = float(rng.uniform(3.3, 3.8)), float(rng.uniform(2.4, 3.4))
    storeys = int(rng.integers(2, 4))
    walls = ((0.86, 0.74, 0.46), (0.80, 0.78, 0.72), (0.66, 0.74, 0.66), (0.84, 0.66, 0.52), (0.72, 0.78, 0.84))
    paint = np.empty(canvas.rays.shape, np.float32)
    paint[:] = walls[int(rng.integers(len(walls)))]
    stain = canvas.grain(x, y * 0.35, 3.0)
    paint *= (1.0 + 0.07 * stain)[..., None]
    level, bay = np.mod(y, floor_m), np.mod(x, bay_m)
    paint[(level > floor_m - 0.35)] *= 1.18
    paint[level > floor_m - 0.05] *= 0.45
    window = (level > 0.95) & (level < 2.5) & (bay > 0.45) & (bay < bay_m - 0.45)
    frame = window & ((np.abs(bay - bay_m / 2) < 0.05) | (np.abs(level - 1.75) < 0.03) | (level < 1.03))
    glass = floats([0.16, 0.19, 0.21]) * (1.0 + 0.5 * canvas.grain(x, y, 1.5))[..., None]
    lit = canvas.light.name == "dusk"
    room = np.sin(np.floor(x / bay_m) * 12.9898 + np.floor(y / floor_m) * 78.233 + place.seed % 97) > 0.35
    glow = floats([2.3, 1.8, 1.0]) if lit else floats([1, 1, 1])
    paint[window] = glass[window]
    paint[window & room] = paint[window & room] * glow * (2.2 if lit else 1.0)
    paint[frame] = (0.42, 0.36, 0.28)
    door = (y < 2.4) & (np.mod(x, bay_m * 3) < 1.2)
    paint[door] = floats([0.24, 0.30, 0.30])
    shade = np.where((level > floor_m - 0.95) & (level < floor_m - 0.35), 0.78, 1.0)
    paint *= shade[..., None].astype(np.float32)
    mask = (y >= 0) & (y < storeys * floor_m) & (np.abs(x - place.gate_x) < 19)
    canvas.put(mask, paint, (0, 0, -1), place.building_z)


def _ground(canvas: _Canvas) -> None:
    place = canvas.place
    down = -canvas.rays[..., 1]
    below = down > 1e-3
    reach = np.where(below, place.camera.height_m / np.maximum(down, 1e-3), 0)
    x, z = canvas.rays[..., 0] * reach, canvas.rays[..., 2] * reach
    below &= z < place.building_z
    fine, broad = canvas.grain(x, z, 0.12), canvas.grain(x, z, 2.5)
    road = (z > place.near_kerb_z) & (z < place.kerb_z)
    pavement = (z >= place.kerb_z) & (z < place.fence_z)
    wet = 0.62 if canvas.light.name == "rain" else 1.0
    paint = np.empty(canvas.rays.shape, np.float32)
    paint[:] = floats([0.56, 0.54, 0.50]) * wet  # the yard, and the near pavement
    paint *= (1 + 0.05 * fine + 0.08 * broad)[..., None]
    asphalt = floats([0.30, 0.30, 0.31]) * wet * (1 + 0.12 * fine + 0.10 * broad)[..., None]
    paint[road] = asphalt[road]
    _tiles(canvas, paint, pavement, (x, z))
    line = road & (np.abs(z - (place.near_kerb_z + place.kerb_z) / 2) < 0.06) & (np.mod(x, 4.0) < 2.2)
    paint[line] = floats([0.70, 0.69, 0.64]) * (1 + 0.15 * fine[line])[:, None]
    kerb = np.abs(z - place.kerb_z) < 0.11
    paint[kerb] = np.where(np.mod(x, 1.2) < 0.6, 0.62, 0.50)[kerb][:, None]
    paint[(z > place.kerb_z - 0.22) & (z < place.kerb_z - 0.11)] *= 0.6
    _ground_shadows(canvas, paint, x, z)
    if canvas.light.name == "rain":
        puddle = np.clip(canvas.grain(x, z, 5.0) * 1.4 - 0.35, 0, 0.55)[..., None]
        mirror = floats(canvas.light.sky_paint) / floats(canvas.light.sky)
        paint = paint * (1 - puddle) + mirror * 0.5 * puddle
    canvas.put(below, paint, (0, 1, 0), np.hypot(x, z))


def _tiles(canvas: _Canvas, paint: Array, where: Mask, ground: tuple[Array, Array]) -> None:
    x, z = ground
    place = canvas.place
    tile = np.sin(np.floor(x / 0.4) * 12.9898 + np.floor(z / 0.4) * 78.233) * 43758.5453 % 1.0
    colours = ((0.60, 0.42, 0.36), (0.58, 0.56, 0.53), (0.62, 0.55, 0.44))
    base = floats(colours[place.seed % 3]) * (0.66 if canvas.light.name == "rain" else 1.0)
    tone = 0.94 + 0.12 * tile + 0.06 * canvas.grain(x, z, 1.2) + 0.03 * canvas.grain(x, z, 0.1)
    joint = (np.mod(x, 0.4) < 0.02) | (np.mod(z, 0.4) < 0.025)
    ramp = np.abs(x - place.gate_x) < place.gate_half_m + 0.2
    flat = np.where(ramp[..., None], floats([0.54, 0.53, 0.50]), base * tone[..., None])
    flat *= np.where(joint & ~ramp, 0.80, 1.0)[..., None].astype(np.float32)
    paint[where] = flat[where]


def _ground_shadows(canvas: _Canvas, paint: Array, x: Array, z: Array) -> None:
    place, light = canvas.place, canvas.light
    paint *= 1.0 - 0.45 * np.exp(-np.clip(place.building_z - z, 0, None) / 1.2)[..., None]
    paint *= 1.0 - 0.30 * np.exp(-((z - place.fence_z) ** 2) / 0.06)[..., None]
    if light.name != "day":
        return
    shade = np.zeros(x.shape, np.float32)
    for tree in place.trees:
        centre = 0.62 * tree.height_m / light.sun[1]
        cx, cz = tree.x_m - light.sun[0] * centre, tree.z_m - light.sun[2] * centre
        gap = np.hypot(x - cx, z - cz) / (0.36 * tree.height_m) + 0.22 * canvas.grain(x, z, 0.8)
        shade = np.maximum(shade, np.clip((1.05 - gap) * 4.0, 0, 1))
    along = (place.pole_x - x) * light.sun[0] + (place.pole_z - z) * light.sun[2]
    across = (place.pole_x - x) * light.sun[2] - (place.pole_z - z) * light.sun[0]
    level = float(np.hypot(light.sun[0], light.sun[2]))
    thin = np.clip((place.pole_radius_m * level - np.abs(across)) * 25 / level, 0, 1) * (along > 0)
    shade = np.maximum(shade, thin.astype(np.float32))
    paint *= (1.0 - 0.52 * shade)[..., None]


def _fence(canvas: _Canvas) -> Mask:
    place, rng = canvas.place, canvas.rng
    x, y = canvas.wall(place.fence_z)
    off = np.abs(x - place.gate_x)
    gate = off < place.gate_half_m
    base_m, top_m = float(rng.uniform(0.35, 0.8)), float(rng.uniform(1.6, 2.1))
    run = off - place.gate_half_m
    pillar = (np.mod(run, 3.2) < 0.32) & (run > 0) & (y < top_m + 0.12) | (run > 0) & (run < 0.5) & (y < top_m + 0.7)
    plinth = (run > 0) & (y < base_m)
    bar = (np.mod(x, 0.15) < 0.026) & (y < top_m)
    rail = (np.abs(y - top_m + 0.08) < 0.025) | (np.abs(y - base_m - 0.10) < 0.025)
    railing = (run > 0) & ((bar | rail) & (y < top_m))
    leaf = gate & (off > place.gate_half_m * place.gate_open) & (y > 0.06) & (y < top_m)
    leaf &= (np.mod(x, 0.12) < 0.028) | (y < 0.14) | rail
    sign = (off < place.gate_half_m + 0.5) & (y > top_m + 0.75) & (y < top_m + 1.35)
    above = y >= 0
    metal = ((0.20, 0.28, 0.40), (0.16, 0.30, 0.24), (0.30, 0.30, 0.32), (0.42, 0.24, 0.18))[int(rng.integers(4))]
    stone = floats(((0.80, 0.70, 0.48), (0.72, 0.70, 0.66), (0.70, 0.55, 0.44))[int(rng.integers(3))])
    if canvas.light.grey:
        stone = stone * 0.45  # weathered stone throws little infra-red back; whitewash would drown who stands before it
    rough = (1 + 0.06 * canvas.grain(x, y, 0.8) - 0.25 * np.exp(-np.clip(y, 0, None) / 0.15))[..., None]
    distance = place.fence_z
    canvas.put((railing | leaf) & above, floats(metal), (0, 0.2, -0.98), distance)
    canvas.put((plinth | pillar) & above, stone * rough, (0, 0, -1), distance)
    canvas.put(pillar & above & (y > top_m + 0.02) & (run > 0.5), stone * 0.8, (0, 0, -1), distance)
    _sign(canvas, sign, (x, y), top_m)
    return np.asarray((railing | leaf | plinth | pillar | sign) & above, np.bool_)


def _sign(canvas: _Canvas, mask: Mask, wall: tuple[Array, Array], top_m: float) -> None:
    place = canvas.place
    board = np.zeros((60, 600), np.uint8)
    cv2.putText(board, "TRUONG TIEU HOC HOA SEN", (14, 42), cv2.FONT_HERSHEY_DUPLEX, 1.28, 255, 2, cv2.LINE_AA)
    span = 2 * place.gate_half_m + 1.0
    u = (wall[0] - place.gate_x) / span * 600 + 300
    v = (top_m + 1.35 - wall[1]) / 0.6 * 60
    ink = cv2.remap(board, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)[..., None] / 255.0
    colour = floats([0.13, 0.22, 0.46]) if place.seed % 2 else floats([0.55, 0.12, 0.10])
    canvas.put(mask, (colour * (1 - ink) + floats([0.88, 0.84, 0.66]) * ink).astype(np.float32), (0, 0, -1),
               place.fence_z)  # fmt: skip


def _pole(canvas: _Canvas) -> Mask:
    place = canvas.place
    x, y = canvas.wall(place.pole_z)
    across = (x - place.pole_x) / place.pole_radius_m
    mask = (np.abs(across) < 1) & (y >= 0)
    bend = np.clip(across, -1, 1)
    lit_side = np.clip(0.62 + 0.38 * bend * np.sign(canvas.light.sun[0]), 0.25, 1.0) * np.sqrt(1.02 - bend**2) ** 0.35
    paint = floats([0.55, 0.54, 0.51]) * (lit_side * (1 + 0.05 * canvas.grain(x * 3, y, 0.7)))[..., None]
    band = (y > 1.1) & (y < 1.5)
    paint[band] = paint[band] * floats([1.25, 1.2, 0.7])
    canvas.put(mask, paint, (0, 0, -1), place.pole_z)
    return np.asarray(mask, np.bool_)


def _street_lamp(canvas: _Canvas) -> None:
    place = canvas.place
    spot = place.camera.project(floats([place.pole_x + 0.8, 4.6, place.pole_z]))
    rows, columns = canvas.rays.shape[0], canvas.rays.shape[1]
    across, down = np.meshgrid(np.arange(columns) / _SAMPLES - spot[0], np.arange(rows) / _SAMPLES - spot[1])
    gap = np.hypot(across, down) / place.camera.width
    glow = 1.2 * np.exp(-((gap / 0.018) ** 2)) + 0.18 * np.exp(-gap / 0.10)
    canvas.linear += glow[..., None].astype(np.float32) * floats([1.0, 0.78, 0.45])
