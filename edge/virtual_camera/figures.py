"""Dresses a pose: from a figure's build and outfit to the coloured surfaces that the sprite painter splats."""

import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.body import Skeleton, Surface, along_bones, loft, skeleton, surface
from edge.virtual_camera.camera import Array, floats
from edge.virtual_camera.gait import Pose
from edge.virtual_camera.garments import carried, headwear, lower_garment, rain_cover
from edge.virtual_camera.wardrobe import Colour, Figure, Outfit

# Rows of the upright trunk: height, half width, half depth, forward offset; fractions of stature.
_TRUNK = floats(
    [
        [0.475, 0.070, 0.058, -0.004],
        [0.500, 0.090, 0.066, -0.006],
        [0.530, 0.096, 0.069, -0.008],
        [0.565, 0.091, 0.064, -0.004],
        [0.605, 0.083, 0.057, 0.002],
        [0.640, 0.082, 0.056, 0.004],
        [0.680, 0.088, 0.060, 0.003],
        [0.720, 0.096, 0.065, 0.002],
        [0.755, 0.104, 0.067, 0.000],
        [0.785, 0.108, 0.064, -0.003],
        [0.808, 0.106, 0.055, -0.006],
        [0.824, 0.090, 0.046, -0.007],
        [0.836, 0.066, 0.038, -0.006],
        [0.846, 0.045, 0.034, -0.004],
        [0.856, 0.034, 0.033, -0.002],
    ]
)


def dress(figure: Figure, pose: Pose) -> list[Surface]:
    """All surfaces of `figure` in `pose`, in its body frame, standing on y = 0."""
    bones = skeleton(figure.build, pose)
    outfit = figure.outfit
    rng = np.random.default_rng(figure.seed)
    parts = [*_legs(bones, outfit), *_feet(bones, outfit)]
    parts += lower_garment(bones, outfit)
    parts.append(_torso(bones, outfit))
    parts += _arms(bones, outfit)
    parts += _head(bones, outfit)
    parts += headwear(bones, outfit)
    parts += carried(bones, outfit)
    parts += rain_cover(bones, outfit)
    return [_folded(part, rng) for part in parts]


def _folded(part: Surface, rng: np.random.Generator) -> Surface:
    """Light and dark folds: smooth noise on the albedo, longer along the limb than across it."""
    rows, columns = part.albedo.shape[:2]
    noise = rng.normal(0, 1, (rows, columns)).astype(np.float32)
    noise[:, -1] = noise[:, 0]
    noise[1:-1] = 0.5 * noise[1:-1] + 0.35 * (noise[:-2] + noise[2:])
    shade = np.clip(1.0 + 0.055 * noise, 0.82, 1.14)
    return Surface(part.points_m, part.normals, part.albedo * shade[..., None], part.body)


def _torso(bones: Skeleton, outfit: Outfit) -> Surface:
    build = bones.build
    rows = np.linspace(_TRUNK[0, 0], _TRUNK[-1, 0], 30, dtype=np.float32)
    width, depth, ahead = (np.interp(rows, _TRUNK[:, 0], _TRUNK[:, k]).astype(np.float32) for k in (1, 2, 3))
    hem = 0.575 if outfit.tucked else 0.505
    is_top = rows >= hem
    bulk = np.where(rows < 0.60, build.hips, 1.0) * np.clip(build.girth ** np.where(rows < 0.78, 1.0, 0.3), 0.8, 1.4)
    width *= bulk * np.where(rows > 0.70, build.shoulders, 1.0)
    depth *= bulk * (1.0 + 0.5 * max(0.0, build.girth - 1.05) * np.exp(-(((rows - 0.62) / 0.06) ** 2)))
    loose = np.where(is_top & (rows < 0.82), outfit.looseness * np.where(rows < 0.70, 1.04, 1.0), 1.02)
    upright = np.stack([np.zeros_like(rows), _stretched(rows, build.leg), ahead], axis=1).astype(np.float32)
    points = loft(upright, (width * loose).astype(np.float32), (depth * loose).astype(np.float32), columns=28)
    albedo = np.empty((*points.shape[:2], 3), np.float32)
    albedo[:] = np.where(is_top[:, None, None], floats(outfit.top), floats(outfit.bottom))
    _print_pattern(albedo, rows, is_top, outfit)
    if outfit.tucked:
        albedo[(rows > hem - 0.018) & (rows < hem)] = 0.07
    albedo[rows > 0.848] = floats(outfit.skin) * 0.9
    if outfit.scarf is not None:
        _tie_scarf(albedo, rows, outfit.scarf)
    return surface(bones.trunk(points), albedo)


def _stretched(rows: Array, leg: float) -> Array:
    """Heights of the table (made for legs of 0.52) moved to another leg length, the crown kept."""
    return (leg + (rows - 0.52) * (1.0 - leg) / 0.48).astype(np.float32)


def _print_pattern(albedo: Array, rows: Array, is_top: NDArray[np.bool_], outfit: Outfit) -> None:
    second = floats(outfit.pattern_colour)
    if outfit.pattern == "stripes":
        albedo[is_top & (np.floor(rows / 0.022).astype(int) % 2 == 0)] = second
    elif outfit.pattern == "checks":
        albedo[is_top & (np.floor(rows / 0.025).astype(int) % 2 == 0)] *= 0.72
        albedo[is_top, ::3] = albedo[is_top, ::3] * 0.5 + second * 0.5
    elif outfit.pattern == "block":
        albedo[is_top & (rows > 0.73)] = second
    # A placket and a collar: the darker line down the front that shirts have.
    front = np.array([0, 1, -1, -2])
    albedo[np.ix_(np.flatnonzero(is_top), front[[0, 2]])] *= 0.88
    albedo[np.ix_(np.flatnonzero((rows > 0.825) & (rows < 0.85)), front)] *= 0.80


def _tie_scarf(albedo: Array, rows: Array, colour: Colour) -> None:
    albedo[(rows > 0.832) & (rows < 0.852)] = colour
    for column in (0, 1, 2, -1, -2, -3):
        low = 0.70 + 0.04 * min(abs(column), abs(column + 1))
        albedo[np.flatnonzero((rows > low) & (rows < 0.84)), column] = colour


def _legs(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    s = bones.build.stature_m
    girth = bones.build.girth**0.6
    shares = floats([0, 0.5, 1])
    parts = []
    bare_below = {"trousers": 2.0, "tunic": 2.0, "shorts": 0.50, "skirt": 0.2}[outfit.bottom_kind]
    for hip, knee, ankle in zip(bones.hips, bones.knees, bones.ankles, strict=True):
        top = hip + floats([0, 0.02 * s, 0])
        line, share = along_bones(np.stack([top, knee, ankle]), shares, 22)
        skin = np.interp(share, [0, 0.1, 0.3, 0.5, 0.62, 0.75, 0.95, 1.0],
                         [0.050, 0.055, 0.047, 0.034, 0.036, 0.033, 0.022, 0.023])  # fmt: skip
        cloth = np.interp(share, [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0], [0.052, 0.060, 0.055, 0.046, 0.043, 0.038, 0.040])
        covered = share < bare_below
        radius = (np.where(covered, cloth, skin) * s * girth).astype(np.float32)
        colour = np.where(covered[:, None], floats(outfit.bottom), floats(outfit.skin))
        bright = outfit.bottom_kind in ("skirt", "shorts")
        if bright:
            colour[share > 0.93] = 0.85 if outfit.shoes[0] < 0.5 else 0.4
        parts.append(surface(loft(line, radius, radius * 1.08, 18), colour[:, None]))
    return parts


def _feet(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    s = bones.build.stature_m
    parts = []
    reach = np.linspace(-0.040, 0.112, 12, dtype=np.float32)
    width = floats([0.004, 0.018, 0.023, 0.025, 0.025, 0.026, 0.028, 0.030, 0.030, 0.027, 0.019, 0.004])
    height = floats([0.004, 0.018, 0.026, 0.030, 0.030, 0.026, 0.022, 0.019, 0.017, 0.015, 0.011, 0.004])
    for ankle, toes in zip(bones.ankles, bones.feet, strict=True):
        ahead = toes / np.linalg.norm(toes)
        up = floats([0, ahead[2], -ahead[1]])
        line = ankle + (reach[:, None] * ahead - (0.042 - height)[:, None] * up) * s
        points = loft(line.astype(np.float32), width * s, height * s, 14)
        albedo = np.empty_like(points)
        albedo[:] = outfit.shoes
        low = (points - line[:, None]) @ up < -0.4 * height[:, None] * s
        albedo[low] = np.clip(floats(outfit.shoes) * 0.5 + 0.1, 0, 1)
        parts.append(surface(points, albedo))
    return parts


def _arms(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    s = bones.build.stature_m
    girth = bones.build.girth**0.5
    parts = []
    sleeve = 1.0 if outfit.raincoat else outfit.sleeve
    for shoulder, elbow, wrist in zip(bones.shoulders, bones.elbows, bones.wrists, strict=True):
        inner = shoulder + floats([-0.012 * s * np.sign(shoulder[0]), 0.012 * s, 0])
        fore = (wrist - elbow) / (np.linalg.norm(wrist - elbow) + 1e-9)
        tip = wrist + fore * floats(0.085 * s)
        line, share = along_bones(np.stack([inner, elbow, wrist, tip]), floats([0, 0.42, 0.80, 1.0]), 24)
        skin = np.interp(share, [0, 0.06, 0.2, 0.42, 0.55, 0.78, 0.86, 0.93, 1.0],
                         [0.020, 0.032, 0.028, 0.023, 0.024, 0.016, 0.021, 0.018, 0.006])  # fmt: skip
        covered = share < sleeve * 0.81
        radius = (np.where(covered, skin + 0.007 * outfit.looseness, skin) * s * girth).astype(np.float32)
        upper = outfit.pattern_colour if outfit.pattern == "block" else outfit.top
        colour = np.where(covered[:, None], floats(outfit.raincoat or upper), floats(outfit.skin))
        parts.append(surface(loft(line, radius, radius, 14), colour[:, None]))
    return parts


def _head(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    tall = bones.build.head * 0.5
    centre_y = 1.0 - tall
    t = np.linspace(-1, 1, 24, dtype=np.float32)
    ring = np.sqrt(np.clip(1 - np.abs(t) ** 2.3, 0, 1))
    jaw = np.where(t < 0, 1.0 + 0.22 * t, 1.0)
    width = 0.345 * bones.build.head * ring * jaw
    depth = 0.43 * bones.build.head * ring * np.where(t < 0, 1.0 + 0.15 * t, 1.0)
    line = np.stack([np.zeros_like(t), centre_y + t * tall, 0.004 + 0.008 * (t < -0.2)], axis=1).astype(np.float32)
    points = loft(line, width.astype(np.float32), depth.astype(np.float32), 32)
    angle = np.abs((np.linspace(0, 2 * np.pi, 33) + np.pi) % (2 * np.pi) - np.pi)
    albedo, hair = _face(t, angle, outfit)
    points[hair] = line[np.nonzero(hair)[0]] + (points[hair] - line[np.nonzero(hair)[0]]) * floats(1.09)
    nose = (np.abs(t[:, None] + 0.22) < 0.14) & (angle[None] < 0.15)
    points[nose, 2] += 0.010
    points = _turned(points, bones, centre_y - tall)
    parts = [surface(bones.trunk(points), albedo)]
    neck_y = np.linspace(0.835, 1.0 - 1.7 * tall, 6, dtype=np.float32)
    column = np.stack([0 * neck_y, neck_y, 0.002 + 0 * neck_y], axis=1).astype(np.float32)
    thick = np.full(6, 0.030, np.float32)
    parts.append(surface(bones.trunk(loft(column, thick, thick, 14)), floats(outfit.skin) * 0.85))
    return parts + _hair(bones, outfit, centre_y)


def _face(t: Array, angle: Array, outfit: Outfit) -> tuple[Array, NDArray[np.bool_]]:
    """Colours of the head's grid, and which of its points are hair. angle: 0 in front, pi behind."""
    albedo = np.empty((len(t), len(angle), 3), np.float32)
    albedo[:] = outfit.skin
    height, around = t[:, None], angle[None]
    if outfit.mask is not None:
        albedo[(height < -0.08) & (height > -0.9) & (around < 1.35)] = outfit.mask
    else:
        albedo[(np.abs(height + 0.52) < 0.07) & (around < 0.32)] *= floats([0.78, 0.55, 0.55])
    eyes = (np.abs(height - 0.05) < 0.07) & (np.abs(around - 0.42) < 0.15)
    albedo[eyes] = albedo[eyes] * 0.45
    brows = (np.abs(height - 0.24) < 0.06) & (np.abs(around - 0.42) < 0.28)
    albedo[brows] = albedo[brows] * 0.6
    long_hair = outfit.hair_style != "short"
    nape = -0.75 if long_hair else -0.42
    hair = (height > 0.50 + 0.12 * np.cos(around * 2)) | ((around > (1.25 if long_hair else 1.6)) & (height > nape))
    hair |= (around > 1.2) & (height > 0.1)
    ears = (np.abs(around - 1.62) < 0.18) & (np.abs(height + 0.05) < 0.22)
    hair &= ~ears | long_hair
    albedo[hair] = outfit.hair
    return albedo, hair


def _turned(points: Array, bones: Skeleton, pivot_y: float) -> Array:
    """Turns and nods the head about the top of the neck."""
    pose = bones.pose
    x, y, z = points[..., 0], points[..., 1] - pivot_y, points[..., 2]
    x, z = (x * np.cos(pose.head_turn) + z * np.sin(pose.head_turn),
            -x * np.sin(pose.head_turn) + z * np.cos(pose.head_turn))  # fmt: skip
    nod = floats(pose.head_down)
    y, z = y * np.cos(nod) - z * np.sin(nod), z * np.cos(nod) + y * np.sin(nod)
    return np.stack([x, y + pivot_y, z + 0.006], axis=-1).astype(np.float32)


def _hair(bones: Skeleton, outfit: Outfit, centre_y: float) -> list[Surface]:
    """What hangs behind the head: long hair, a tail or a knot."""
    head = bones.build.head
    if outfit.hair_style == "short" or outfit.hat in ("helmet", "hood"):
        return []
    if outfit.hair_style == "bun":
        t = np.linspace(-1, 1, 10, dtype=np.float32)
        ring = np.sqrt(np.clip(1 - t**2, 0, 1)) * 0.19 * head
        line = np.stack([0 * t, centre_y + 0.12 * head + t * 0.19 * head, -0.46 * head + 0 * t], axis=1)
    else:
        long = outfit.hair_style == "long"
        t = np.linspace(0, 1, 12, dtype=np.float32)
        ring = np.interp(t, [0, 0.15, 0.7, 1], [0.10, 0.36, 0.34, 0.10] if long else [0.05, 0.12, 0.11, 0.02]) * head
        drop = (0.85 if long else 0.95) * head
        behind = np.interp(t, [0, 0.3, 1], [-0.28, -0.36, -0.38]) * head
        line = np.stack([0 * t, centre_y + 0.2 * head - t * drop, behind], axis=1)
    ring = ring.astype(np.float32)
    return [surface(bones.trunk(_turned(loft(line.astype(np.float32), ring, ring * 0.5, 14), bones, centre_y)),
                    floats(outfit.hair))]  # fmt: skip
