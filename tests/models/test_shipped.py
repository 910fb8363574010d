"""The networks in the box: whole, found as the default, and they see the people of the drawn gates in each light."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edge.adapters.onnx_detector import OnnxDetector
from edge.core.frame import Frame
from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.accuracy import Answer, measure
from models.labelled import frame_of
from models.registry import SHIPPED, Registry, read_manifest

OURS = [entry for entry in read_manifest(SHIPPED).model if entry.file]
SEEDS = (9200, 9201)  # of scenes that training never drew


@cache
def pictures(light: str) -> list[tuple[Frame, np.ndarray]]:
    """Drawn once for all tests: frames and who shows in them, (n, 4) xyxy pixels."""
    drawn = []
    for seed in SEEDS:
        scene = DrawnScene(SceneSpec(seed, light, "school_day_mix", fps=0.5, duration_s=30.0))
        size = np.array([scene.width, scene.height] * 2, np.float32)
        for number in range(2, scene.picture_count):
            boxes = [one.box for one in scene.truth().at(number) if one.visible >= 0.6]
            frame = frame_of(np.ascontiguousarray(scene.picture(number)[..., ::-1]))
            drawn.append((frame, np.array(boxes, np.float32).reshape(-1, 4) * size))
    return drawn


@cache
def answers(name: str, light: str) -> list[Answer]:
    entry, file = Registry(Path("none of my own")).find(name)
    detector = OnnxDetector(entry, file)
    given = []
    for frame, truth in pictures(light):
        found = detector.detect(frame)
        given.append(Answer(truth, found.xyxy, found.confidence))
    return given


def test_a_network_is_in_the_box_and_runs_where_none_is_named(tmp_path):
    entry, file = Registry(tmp_path / "none of my own").find("default")
    assert entry.licence == "AGPL-3.0-or-later"
    assert file.is_relative_to(SHIPPED.parent)


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry.name)
@pytest.mark.parametrize("light", LIGHTS)
def test_people_of_the_drawn_gate_are_found_in_each_light(entry, light):
    result = measure(answers(entry.name, light), entry.confidence)
    assert result.boxes >= 40
    assert result.recall >= 0.8, result
    assert result.precision >= 0.8, result


def test_eight_bits_find_whom_floats_find():
    floats, eight_bits = (
        measure([one for light in LIGHTS for one in answers(name, light)], 0.25).recall
        for name in ("person_416", "person_416_int8")
    )
    assert eight_bits >= floats - 0.01


def test_all_that_ships_is_small():
    assert sum((SHIPPED.parent / entry.file).stat().st_size for entry in OURS) <= 15 * 2**20
