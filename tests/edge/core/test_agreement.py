"""Two answers to one picture, from the same to nothing in common."""

import numpy as np
import pytest

from edge.core.detect.agreement import disagreement
from edge.core.detection import Detections

BOX = np.array([[0, 0, 10, 20]], np.float32)
FAR = np.array([[100, 0, 110, 20]], np.float32)
NOBODY = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


def one(box: np.ndarray, score: float) -> Detections:
    return Detections(box, np.array([score], np.float32))


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        (one(BOX, 0.8), one(BOX, 0.8), 0.0),
        (NOBODY, NOBODY, 0.0),
        (one(BOX, 0.8), NOBODY, 1.0),
        (one(BOX, 0.8), one(FAR, 0.8), 1.0),
        (one(BOX, 0.8), one(BOX, 0.4), 0.5),
        (one(BOX, 0.8), one(BOX + np.array([0, 10, 0, 10], np.float32), 0.8), 1 - 10 / 30),
    ],
)
def test_how_far_apart_they_are_from_both_sides(first, second, apart):
    assert disagreement(first, second) == pytest.approx(apart)
    assert disagreement(second, first) == pytest.approx(apart)
