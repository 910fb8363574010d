"""Trees: a trunk, and crowns built from thousands of leaf dabs from shade to light."""

import cv2
import numpy as np

from edge.virtual_camera.camera import Array, PerspectiveCamera, floats
from edge.virtual_camera.light import Light
from edge.virtual_camera.place import Tree


def paint_tree(linear: Array, camera: PerspectiveCamera, tree: Tree, light: Light, samples: int) -> None:
    """Paints `tree` into the linear picture (height * samples, width * samples, 3), in place."""
    rng = np.random.default_rng(tree.seed)
    lit = light.on(floats([[0, 1, 0], [0, 0, -1]]), camera.pitch_rad)
    reach = float(light.reach(float(np.hypot(tree.x_m, tree.z_m))))
    root = camera.project(floats([tree.x_m, 0, tree.z_m])) * samples
    fork = camera.project(floats([tree.x_m, 0.5 * tree.height_m, tree.z_m])) * samples
    metre_px = float(abs(root[1] - fork[1]) / (0.5 * tree.height_m))
    bark = floats([0.26, 0.21, 0.17]) * lit[1] * reach
    half = max(1.0, 0.022 * tree.height_m * metre_px)
    trunk = np.array([[root[0] - half, root[1]], [root[0] + half, root[1]], [fork[0] + 0.5 * half, fork[1]],
                      [fork[0] - 0.5 * half, fork[1]]]).astype(np.int32)  # fmt: skip
    cv2.fillConvexPoly(linear, trunk, bark.tolist(), cv2.LINE_8)
    green = floats([0.20, 0.34, 0.12]) * (1 + 0.15 * rng.normal(0, 1, 3).astype(np.float32))
    lumps = rng.normal(0, 1, (9, 3)) * np.array([0.16, 0.11, 0.16]) * tree.height_m
    lumps[:, 1] += 0.72 * tree.height_m
    leaves = lumps[rng.integers(9, size=1500)] + rng.normal(0, 0.085 * tree.height_m, (1500, 3))
    leaves = leaves[np.argsort(-leaves[:, 2])]
    spots = camera.project((leaves + np.array([tree.x_m, 0, tree.z_m])).astype(np.float32)) * samples
    height_share = np.clip((leaves[:, 1] / tree.height_m - 0.5) / 0.45, 0, 1)
    sideways = leaves[:, 0] / tree.height_m * np.sign(light.sun[0])
    tone = np.clip(0.35 + 0.55 * height_share + 0.7 * sideways, 0.2, 1.1) * rng.uniform(0.7, 1.2, 1500)
    size = max(1, round(0.025 * tree.height_m * metre_px))
    for spot, shade in zip(spots, tone, strict=True):
        colour = (green * floats(shade) * lit[0] * reach).tolist()
        axes = (size, max(1, size // 2))
        cv2.ellipse(linear, (int(spot[0]), int(spot[1])), axes, float(shade * 170), 0, 360, colour, -1)
