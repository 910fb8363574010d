"""Garments and things that hang on a body: skirts, hats, backpacks, bags, raincoats, umbrellas, phones."""

import numpy as np

from edge.virtual_camera.body import Skeleton, Surface, loft, surface
from edge.virtual_camera.camera import Array, floats
from edge.virtual_camera.wardrobe import Outfit


def lower_garment(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    """A skirt or the skirts of a long tunic, wide enough for the stride; nothing over trousers."""
    if outfit.bottom_kind not in ("skirt", "tunic"):
        return []
    s, build = bones.build.stature_m, bones.build
    tunic = outfit.bottom_kind == "tunic"
    waist = floats([bones.pose.sway * s * 0.2, build.leg_m + 0.075 * s + bones.rise_m, 0.0])
    reach = 0.62 if tunic else 0.06
    low = bones.knees + (bones.ankles - bones.knees) * reach
    hem = low.mean(axis=0)
    spread = np.abs(low[:, 2] - hem[2]).max()
    t = np.linspace(0, 1, 16, dtype=np.float32)
    line = waist + (hem - waist) * t[:, None]
    flare = 0.045 if tunic else 0.055
    width = np.interp(t, [0, 0.25, 1], [0.088, 0.112, 0.100 + flare * 0.6]) * s * build.hips * build.girth**0.7
    depth = np.interp(t, [0, 0.25, 1], [0.066, 0.092, 0.082 + flare * 0.4]) * s * build.girth**0.5 + t * spread
    points = loft(line.astype(np.float32), width.astype(np.float32), depth.astype(np.float32), 26)
    ripple = 1.0 + 0.05 * np.sin(np.linspace(0, 2 * np.pi * 9, 27))[None] * t[:, None]
    points = (line[:, None] + (points - line[:, None]) * ripple[..., None]).astype(np.float32)
    return [surface(points, floats(outfit.top if tunic else outfit.bottom))]


def _ball(centre: tuple[float, float, float], half: tuple[float, float, float], low: float = -1.0) -> Array:
    """An ellipsoid, or its cap above `low` (-1..1), in upright trunk fractions."""
    t = np.linspace(low, 1, 14, dtype=np.float32)
    ring = np.sqrt(np.clip(1 - t**2, 0, 1))
    line = np.stack([centre[0] + 0 * t, centre[1] + t * half[1], centre[2] + 0 * t], axis=1).astype(np.float32)
    return loft(line, (ring * half[0]).astype(np.float32), (ring * half[2]).astype(np.float32), 20)


def headwear(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    """A cap, a conical hat, a helmet or a hood."""
    head = bones.build.head
    centre_y = 1.0 - head / 2
    colour = floats(outfit.raincoat or outfit.hat_colour) if outfit.hat == "hood" else floats(outfit.hat_colour)
    if outfit.hat == "cap":
        crown = _ball((0, centre_y + 0.12 * head, 0), (0.40 * head, 0.42 * head, 0.48 * head), 0.05)
        brim = _ball((0, centre_y + 0.16 * head, 0.42 * head), (0.33 * head, 0.035 * head, 0.36 * head))
        return [surface(bones.trunk(crown), colour), surface(bones.trunk(brim), colour * 0.8)]
    if outfit.hat == "conical":
        t = np.linspace(0, 1, 12, dtype=np.float32)
        line = np.stack([0 * t, centre_y + 0.18 * head + t * 0.52 * head, 0 * t], axis=1).astype(np.float32)
        ring = ((1 - t) * 1.25 * head).astype(np.float32)
        return [surface(bones.trunk(loft(line, ring, ring, 28)), colour)]
    if outfit.hat == "helmet":
        shell = _ball((0, centre_y + 0.06 * head, -0.01), (0.50 * head, 0.55 * head, 0.56 * head), -0.15)
        return [surface(bones.trunk(shell), colour)]
    if outfit.hat == "hood":
        hood = _ball((0, centre_y, -0.035), (0.46 * head, 0.58 * head, 0.46 * head), -0.9)
        return [surface(bones.trunk(hood), colour)]
    return []


def _box(bones: Skeleton, centre: tuple[float, float, float], half: tuple[float, float, float]) -> Array:
    t = np.linspace(-1, 1, 14, dtype=np.float32)
    ring = np.clip(1 - np.abs(t) ** 6, 0, 1) ** 0.5
    line = np.stack([centre[0] + 0 * t, centre[1] + t * half[1], centre[2] + 0 * t], axis=1).astype(np.float32)
    return bones.trunk(loft(line, (ring * half[0]).astype(np.float32), (ring * half[2]).astype(np.float32), 18))


def carried(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    """Backpack, hand bag, phone."""
    s, parts = bones.build.stature_m, []
    if outfit.backpack is not None:
        size = 0.30 / s  # a pack has its own size, whoever wears it
        half = (min(0.095, 0.48 * size), min(0.13, 0.62 * size), 0.05)
        parts.append(surface(_box(bones, (0, 0.715, -0.108), half), floats(outfit.backpack)))
        pocket = _box(bones, (0, 0.67, -0.155), (half[0] * 0.7, half[1] * 0.4, 0.016))
        parts.append(surface(pocket, floats(outfit.backpack) * 0.75))
    if outfit.bag is not None:
        wrist = bones.wrists[1] + floats([0, -0.10 * s, 0])
        t = np.linspace(-1, 1, 10, dtype=np.float32)
        ring = (np.clip(1 - np.abs(t) ** 5, 0, 1) ** 0.5).astype(np.float32)
        line = wrist + np.stack([0 * t, -0.13 + 0.14 * t, 0 * t], axis=1).astype(np.float32)
        parts.append(surface(loft(line, ring * floats(0.05), ring * floats(0.14), 14), floats(outfit.bag)))
        strap = np.linspace(bones.wrists[1], line[-1], 6).astype(np.float32)
        thin = np.full(6, 0.014, np.float32)
        parts.append(surface(loft(strap, thin, thin * floats(3.0), 8), floats(outfit.bag) * 0.7))
    if bones.pose.head_down > 0.3 or bones.pose.arms[1].elbow > 2.2:
        hand = bones.wrists[1] + (bones.wrists[1] - bones.elbows[1]) * floats(0.45)
        t = np.linspace(-1, 1, 6, dtype=np.float32)
        ring = np.clip(1 - np.abs(t) ** 6, 0, 1).astype(np.float32) ** 0.5
        line = hand + np.stack([0 * t, 0.07 * t, 0.02 + 0 * t], axis=1).astype(np.float32)
        parts.append(surface(loft(line, ring * floats(0.035), ring * floats(0.008), 10), floats([0.06] * 3)))
    return parts


def rain_cover(bones: Skeleton, outfit: Outfit) -> list[Surface]:
    """A poncho to below the knee, or an umbrella held over the head."""
    s = bones.build.stature_m
    if outfit.raincoat is not None:
        t = np.linspace(0, 1, 16, dtype=np.float32)
        rise = bones.rise_m / s
        y = np.interp(t, [0, 1], [0.845, 0.27 + rise * 0])
        width = np.interp(t, [0, 0.08, 0.2, 0.6, 1], [0.045, 0.115, 0.135, 0.145, 0.160])
        depth = np.interp(t, [0, 0.08, 0.2, 0.6, 1], [0.045, 0.070, 0.088, 0.105, 0.125])
        line = np.stack([0 * t, y, 0 * t], axis=1).astype(np.float32)
        points = loft(line, width.astype(np.float32), depth.astype(np.float32), 28)
        ripple = 1.0 + 0.045 * np.sin(np.linspace(0, 2 * np.pi * 8, 29))[None] * t[:, None]
        points = line[:, None] + (points - line[:, None]) * ripple[..., None].astype(np.float32)
        return [surface(bones.trunk(points), floats(outfit.raincoat))]
    if outfit.umbrella is None:
        return []
    t = np.linspace(0, 1, 12, dtype=np.float32)
    over = floats([0.0, 1.12 * s + bones.rise_m, 0.10])
    line = over + np.stack([0 * t, 0.22 * t, 0 * t], axis=1).astype(np.float32)
    ring = (np.sqrt(np.clip(1 - t**2, 0, 1)) * 0.50).astype(np.float32)
    panels = np.where((np.arange(33) // 4) % 2 == 0, 1.0, 0.86).astype(np.float32)[None, :, None]
    dome = loft(line, ring, ring, 32)
    albedo = np.broadcast_to(floats(outfit.umbrella) * panels, dome.shape)
    shaft_y = np.linspace(0.62 * s, 1.12 * s + 0.2, 8, dtype=np.float32)
    shaft = np.stack([0.10 + 0 * shaft_y, shaft_y, 0.10 + 0 * shaft_y], axis=1).astype(np.float32)
    thin = np.full(8, 0.012, np.float32)
    return [surface(dome, albedo, body=False), surface(loft(shaft, thin, thin, 8), floats([0.25] * 3), body=False)]
