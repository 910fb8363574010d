"""Drawn gates as labelled pictures: the same places and people by day, at dusk, in rain and in infra-red."""

from collections.abc import Iterator

import numpy as np

from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.labelled import LabelledPicture, frame_of

SEEDS = range(9300, 9306)  # of scenes that training never drew
_VISIBLE = 0.5  # a person of whom less shows need not be found
_FPS, _LENGTH_S, _EVERY = 0.5, 32.0, 2


def how_many(seeds: range = SEEDS) -> int:
    """Pictures of `drawn_gates`."""
    return len(LIGHTS) * len(seeds) * len(range(1, round(_FPS * _LENGTH_S), _EVERY))


def drawn_gates(seeds: range = SEEDS, things: bool = True) -> Iterator[LabelledPicture]:
    """Pictures named LIGHT_SEED_FRAME, one every four seconds; the kind of each box is its person's age.

    things: whether cars, dogs and the like stand about.
    """
    for light in LIGHTS:
        for seed in seeds:
            spec = SceneSpec(seed, light, "school_day_mix", fps=_FPS, duration_s=_LENGTH_S, varied=True, things=things)
            scene = DrawnScene(spec)
            truth, size = scene.truth(), np.array([scene.width, scene.height] * 2, np.float32)
            for number in range(1, scene.picture_count, _EVERY):
                people = [one for one in truth.at(number) if one.visible >= _VISIBLE]
                bgr = np.ascontiguousarray(scene.picture(number)[..., ::-1])
                xyxy = np.array([one.box for one in people], np.float32).reshape(-1, 4) * size
                ages = tuple(one.person.partition("-")[0] for one in people)
                name = f"{light.replace('_', '-')}_{seed}_{number}"
                yield LabelledPicture(name, frame_of(bgr, number), xyxy, ages)
