"""Paints one figure in one pose as a small shaded picture with transparency, and the shadow that it throws.

Surfaces are splatted as dense points into a depth buffer and shaded per pixel: sky and sun, folds, and darkening where
limbs lie close to each other (from the depth buffer, after Shanmugam and Arikan, 2007).
"""

from dataclasses import dataclass
from math import cos, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.body import Surface
from edge.virtual_camera.camera import Array, PerspectiveCamera, floats
from edge.virtual_camera.light import Light

_STEP_PX = 0.62  # a little under a pixel, so that splatted surfaces have no holes


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A painted figure.

    rgba: (h, w, 4) float32, colour times alpha (0..255) and alpha (0..1). foot_px: where in it the figure stands.
    box_px: (4,) left, top, right, bottom of the person (without an umbrella), sprite pixels. depth_m: along the optical
    axis, for which it was painted. shadow: (h', w') float32 0..1, its strength on the ground, at half the resolution;
    shadow_foot_px: where in it the figure stands.
    """

    rgba: Array
    foot_px: tuple[float, float]
    box_px: tuple[float, float, float, float]
    depth_m: float
    shadow: Array
    shadow_foot_px: tuple[float, float]


@dataclass(frozen=True, slots=True)
class View:
    """From where a figure is painted: straight ahead at `distance_m` on the ground, facing `heading_rad` (0: away)."""

    camera: PerspectiveCamera
    distance_m: float
    heading_rad: float


def paint(parts: list[Surface], view: View, light: Light, oversampling: float = 1.6, cloth: bool = True) -> Sprite:
    """The sprite of a dressed pose as the view's camera sees it under `light`. cloth: dressed, not painted."""
    camera = view.camera
    zoomed = PerspectiveCamera(0, 0, camera.focal_px * oversampling, camera.height_m, camera.pitch_rad)
    points, normals = _placed(parts, view)
    foot = zoomed.project(floats([0, 0, view.distance_m]))
    dense, body = _dense(parts, np.concatenate([zoomed.project(points), normals], axis=1), zoomed)
    low = floats([np.floor(dense[:, k].min()) - 3 for k in (0, 1)])
    size = [int(np.ceil(dense[:, k].max()) + 3 - low[k]) for k in (0, 1)]
    dense[:, :2] -= low
    buffer = _splat(dense, size[0], size[1])
    rgba = _shade(buffer, dense, view, light, cloth)
    box = _box(buffer, body) / oversampling
    rgba, scale = _shrink(rgba, oversampling)
    anchor = ((foot[0] - low[0]) * scale[0], (foot[1] - low[1]) * scale[1])
    shadow, shadow_foot = _shadow(points, view, light)
    bounds = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    return Sprite(rgba, anchor, bounds, float(foot[2]), shadow, shadow_foot)


def _placed(parts: list[Surface], view: View) -> tuple[Array, Array]:
    """World points and normals (n, 3) of all parts, one after another: ahead of the camera, turned by the heading."""
    c, s = cos(view.heading_rad), sin(view.heading_rad)
    turn = np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]], np.float32)
    points = np.concatenate([part.points_m.reshape(-1, 3) for part in parts]) @ turn
    points[:, 2] += view.distance_m
    return points, np.concatenate([part.normals.reshape(-1, 3) for part in parts]) @ turn


def _dense(parts: list[Surface], seen: Array, camera: PerspectiveCamera) -> tuple[Array, NDArray[np.bool_]]:
    """Columns: pixel x, y, depth, normal (3), albedo (3); and whether each point belongs to the person's box.

    seen: (n, 6) pixel x, y, depth and normal of all parts' points, one part after another.
    """
    clouds, body, begin = [], [], 0
    for part in parts:
        shape = part.albedo.shape
        end = begin + shape[0] * shape[1]
        grid = np.concatenate([seen[begin:end].reshape(shape[0], shape[1], 6), part.albedo], axis=2)
        begin = end
        rows, columns = (
            max(4, int(_reach(grid[:, ::3]) / _STEP_PX)),
            max(6, int(_reach(grid.swapaxes(0, 1)) / _STEP_PX)),
        )
        cloud = floats(cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_LINEAR)).reshape(-1, 9)
        away = cloud[:, 5] * cos(camera.pitch_rad) - cloud[:, 4] * sin(camera.pitch_rad)
        cloud = cloud[away < 0.3]  # what faces away is hidden by what faces the camera
        clouds.append(cloud)
        body.append(np.full(len(cloud), part.body))
    return np.concatenate(clouds), np.concatenate(body)


def _reach(seen: Array) -> float:
    """Length in pixels of the longest line down the rows of projected points."""
    step = seen[1:, :, :2] - seen[:-1, :, :2]
    return float(np.hypot(step[..., 0], step[..., 1]).sum(axis=0).max())


def _splat(dense: Array, width: int, height: int) -> NDArray[np.int32]:
    """(height, width) int32: which point each pixel shows, -1 for none; the nearest point wins."""
    near, far = dense[:, 2].min(), dense[:, 2].max()
    rank = ((far - dense[:, 2]) * (65535.0 / (far - near + 1e-6))).astype(np.uint16)
    order = np.argsort(rank, kind="stable").astype(np.int32)  # a radix sort for 16 bits; nearest last
    cell = dense[:, 1].astype(np.int32) * width + dense[:, 0].astype(np.int32)
    buffer = np.full(width * height, -1, np.int32)
    buffer[cell[order]] = order
    return buffer.reshape(height, width)


def _shade(buffer: NDArray[np.int32], dense: Array, view: View, light: Light, cloth: bool) -> Array:
    """(h, w, 4) float32: colour times alpha, alpha, before shrinking."""
    seen = buffer >= 0
    point = dense[buffer[seen]]
    normal = point[:, 3:6]
    depth = np.full(buffer.shape, point[:, 2].max(), np.float32)
    depth[seen] = point[:, 2]
    spread = max(1.5, buffer.shape[0] * 0.022)
    around = cv2.GaussianBlur(depth, (0, 0), spread)
    weight = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), spread)
    hidden = np.clip((depth - around)[seen] * 5.0, 0, 0.55) * weight[seen] ** 2
    length = np.linalg.norm(normal, axis=1) + 1e-6
    normal = normal / length[:, None]
    facing = -normal[:, 2]
    normal = np.where(facing[:, None] < -0.25, -normal, normal)  # the inside of a hem or an umbrella
    lit = light.on(normal, view.camera.pitch_rad, cloth) * light.reach(view.distance_m)
    # Most dyes, black ones too, throw infra-red back: people stand out at night.
    paint = 0.32 + 0.68 * point[:, 6:9] if light.grey and cloth else point[:, 6:9]
    colour = paint * lit * (1.0 - hidden)[:, None]
    out = np.zeros((*buffer.shape, 4), np.float32)
    out[seen, :3] = light.develop(colour)
    out[seen, 3] = 1.0
    return out


def _box(buffer: NDArray[np.int32], body: NDArray[np.bool_]) -> Array:
    mask = (buffer >= 0) & body[buffer]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return floats([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def _shrink(rgba: Array, oversampling: float) -> tuple[Array, tuple[float, float]]:
    height, width = rgba.shape[:2]
    target = (max(2, round(width / oversampling)), max(2, round(height / oversampling)))
    small = floats(cv2.resize(rgba, target, interpolation=cv2.INTER_AREA))
    return small, (target[0] / width, target[1] / height)


def _shadow(points: Array, view: View, light: Light) -> tuple[Array, tuple[float, float]]:
    """Strength of the shadow on the ground around the figure, at half resolution."""
    camera = PerspectiveCamera(0, 0, view.camera.focal_px / 2, view.camera.height_m, view.camera.pitch_rad)
    sun = floats(light.sun)
    reach = points[:, 1:2] / max(0.2, float(sun[1]))
    flat = points - reach * sun[None]
    flat[:, 1] = 0
    foot = camera.project(floats([0, 0, view.distance_m]))
    contact = points.copy()
    contact[:, 1] = 0
    contact = contact[points[:, 1] < 0.5]
    cast, near = camera.project(flat)[:, :2], camera.project(contact)[:, :2]
    pad = 6 + round(camera.focal_px * 0.35 / view.distance_m)
    low = np.floor(np.minimum(cast.min(axis=0), near.min(axis=0))) - pad
    size = (np.ceil(np.maximum(cast.max(axis=0), near.max(axis=0))) + pad - low).astype(int)
    tall = abs(float(camera.project(floats([0, 1.6, view.distance_m]))[1] - foot[1]))
    out = _blob(cast - low, size, max(0.8, tall * light.shadow_blur), tall) * light.shadow
    out = np.maximum(out, _blob(near - low, size, max(0.8, tall * 0.035), tall) * light.contact)
    return out, (float(foot[0] - low[0]), float(foot[1] - low[1]))


def _blob(points: Array, size: NDArray[np.int64], blur_px: float, tall_px: float) -> Array:
    mask = np.zeros((int(size[1]), int(size[0])), np.uint8)
    cell = points.astype(int)
    mask[cell[:, 1], cell[:, 0]] = 255
    reach = max(3, int(tall_px * 0.05) | 1)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    return floats(cv2.GaussianBlur(closed, (0, 0), blur_px)) / 255.0
