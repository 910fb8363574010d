"""A figure that must not drop: IDF1 on PETS09-S2L1 with its public detections."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from edge.app.mot_format import ConfidenceRange, read_detections
from edge.core.tracking.tracker import Tracker

PETS = Path(__file__).resolve().parents[4] / ".." / "shared" / "assets" / "mot" / "MOT15" / "PETS09-S2L1"
RATE = 7.0  # seqinfo.ini


def overlaps(truth, tracks):
    corner = np.minimum(truth[:, None, 2:], tracks[None, :, 2:]) - np.maximum(truth[:, None, :2], tracks[None, :, :2])
    shared = corner.clip(0).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (truth, tracks)]
    return shared / (areas[0][:, None] + areas[1][None, :] - shared)


def idf1(truth, told):
    """Ristani et al., 'Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking', 2016.

    truth, told: lists over frames of (ids, (n, 4) left, top, right, bottom). At overlap 0.5.
    """
    names = [{name: i for i, name in enumerate(sorted({n for ids, _ in side for n in ids}))} for side in (truth, told)]
    together = np.zeros((len(names[0]), len(names[1])))
    for (true_ids, true_boxes), (ids, boxes) in zip(truth, told, strict=True):
        if len(true_ids) and len(ids):
            for row, column in np.argwhere(overlaps(true_boxes, boxes) >= 0.5):
                together[names[0][true_ids[row]], names[1][ids[column]]] += 1
    shared = together[linear_sum_assignment(-together)].sum()
    return 2 * shared / (sum(len(ids) for ids, _ in truth) + sum(len(ids) for ids, _ in told))


@pytest.mark.parametrize(("every", "floor"), [(1, 0.62), (2, 0.56), (5, 0.47)])
def test_pets_does_not_drop(every, floor):
    if not PETS.is_dir():
        pytest.skip("MOT15's PETS09-S2L1 is not in shared/assets beside this clone")
    rows = np.loadtxt(PETS / "gt" / "gt.txt", delimiter=",")
    rows = rows[rows[:, 6] != 0]
    tracker, truth, told = Tracker(), [], []
    found = read_detections(PETS / "det" / "det.txt", ConfidenceRange(0.5, 1.0))
    for frame, people in found.every(every):
        here = rows[rows[:, 0] == frame]
        truth.append((here[:, 1].tolist(), np.hstack([here[:, 2:4], here[:, 2:4] + here[:, 4:6]])))
        tracks = [track for track in tracker.update(people, (frame - 1) / RATE) if track.detected]
        told.append(([t.track_id for t in tracks], np.array([t.xyxy for t in tracks]).reshape(-1, 4)))
    reached = idf1(truth, told)
    print(f"IDF1 {reached:.3f} with every {every}. frame")
    assert reached >= floor
