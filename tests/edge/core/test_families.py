"""Each family reads a raw output made by hand, in which one person stands at a known place."""

import numpy as np
import pytest

from edge.core.detect.families.family import Reading
from edge.core.detect.families.table import FAMILIES, recognise

SIZE = 64  # 8x8 + 4x4 + 2x2 = 84 cells
CELLS = 84
READING = Reading(SIZE, SIZE, person_class=1, threshold=0.5)
BOX = [12.0, 8.0, 28.0, 48.0]  # centre 20, 28; size 16 x 40


def yolov8() -> list[np.ndarray]:
    raw = np.zeros((1, 4 + 3, CELLS), np.float32)
    raw[0, :4, 10] = [20, 28, 16, 40]
    raw[0, 4 + 1, 10] = 0.9
    raw[0, 4 + 2, 11] = 0.95  # something else
    return [raw]


def yolo26() -> list[np.ndarray]:
    raw = np.zeros((1, 300, 6), np.float32)
    raw[0, 0] = [1, 2, 3, 4, 0.95, 2]
    raw[0, 1] = [*BOX, 0.9, 1]
    raw[0, 2] = [*BOX, 0.4, 1]
    return [raw]


def yolox() -> list[np.ndarray]:
    raw = np.zeros((1, CELLS, 5 + 3), np.float32)
    cell = 64 + 1 * 4 + 1  # stride 16, column 1, row 1: origin (16, 16)
    raw[0, cell] = [0.25, 0.75, np.log(1.0), np.log(2.5), 0.95, 0.1, 0.9474, 0.2]
    return [raw]


def nanodet() -> list[np.ndarray]:
    scores = [np.zeros((1, count, 3), np.float32) for count in (64, 16, 4)]
    boxes = [np.full((1, count, 32), -20.0, np.float32) for count in (64, 16, 4)]
    cell = 1 * 4 + 0  # stride 16, column 0, row 1: centre (8, 24)
    scores[1][0, cell, 1] = 0.9
    for side, bins in enumerate([(0, 0), (1, 1), (1, 2), (1, 2)]):  # distances 0, 16, 24, 24 px
        for value in bins:
            boxes[1][0, cell, side * 8 + value] = 10.0
    return [boxes[2], *scores, boxes[0], boxes[1]]  # any order


EXPECTED = {"yolov8": BOX, "yolo26": BOX, "yolox": BOX, "nanodet": [8.0, 8.0, 32.0, 48.0]}
MAKERS = {"yolov8": yolov8, "yolo26": yolo26, "yolox": yolox, "nanodet": nanodet}


@pytest.mark.parametrize("name", FAMILIES)
def test_one_person_is_read_at_the_right_place(name):
    found = FAMILIES[name].read(MAKERS[name](), READING)
    assert found.xyxy.shape == (1, 4)
    assert np.allclose(found.xyxy[0], EXPECTED[name], atol=0.01), found.xyxy
    assert found.score[0] == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_nobody_is_read_as_nobody(name):
    empty = [np.zeros_like(output) for output in MAKERS[name]()]
    found = FAMILIES[name].read(empty, READING)
    assert found.xyxy.shape == (0, 4)
    assert found.score.shape == (0,)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_recognised_by_its_shapes(name):
    found = recognise([output.shape for output in MAKERS[name]()], SIZE, SIZE)
    assert found is not None
    assert found[0].name == name
    assert found[1] == (0 if name == "yolo26" else 3)


@pytest.mark.parametrize("shapes", [[], [(1, 10)], [(1, 85, 99)], [(1, 7)] * 6, [(84,)], [(1, 300, 7)]])
def test_unknown_shapes_are_of_no_family(shapes):
    assert recognise(shapes, SIZE, SIZE) is None
