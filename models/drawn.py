"""Drawn gates as labelled pictures: the same places and people by day, at dusk, in rain and in infra-red."""

from collections.abc import Iterator

import numpy as np

from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.labelled import LabelledPicture, frame_of

SEEDS = range(9300, 9306)  # of scenes that training never drew
_VISIBLE = 0.5  # a person of whom less shows need not be found
_FPS, _LENGTH_S = 0.5, 32.0


def drawn_gates(seeds: range = SEEDS, things: bool = True) -> Iterator[LabelledPicture]:
    """Pictures named LIGHT_SEED_FRAME, one every four seconds. things: whether cars, dogs and the like stand about."""
    for light in LIGHTS:
        for seed in seeds:
            spec = SceneSpec(seed, light, "school_day_mix", fps=_FPS, duration_s=_LENGTH_S, varied=True, things=things)
            scene = DrawnScene(spec)
            truth, size = scene.truth(), np.array([scene.width, scene.height] * 2, np.float32)
            for number in range(1, scene.picture_count, 2):
                boxes = [one.box for one in truth.at(number) if one.visible >= _VISIBLE]
                bgr = np.ascontiguousarray(scene.picture(number)[..., ::-1])
                xyxy = np.array(boxes, np.float32).reshape(-1, 4) * size
                yield LabelledPicture(f"{light.replace('_', '-')}_{seed}_{number}", frame_of(bgr, number), xyxy)
