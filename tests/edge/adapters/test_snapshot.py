"""Snapshots are whole JPEGs; boxes, zones and their names are drawn where they should be."""

import cv2
import numpy as np
import pytest

from edge.adapters.snapshot import snapshot
from edge.core.frame import Frame


def grey_frame(width=320, height=180):
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    return Frame("gate", 0, 1.0, 1_790_000_000.0, planes)


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)


def changed(jpeg):
    return np.abs(decoded(jpeg) - decoded(snapshot(grey_frame()))).max(axis=2) > 40


def test_a_plain_snapshot_is_the_whole_frame():
    jpeg = snapshot(grey_frame())
    assert jpeg[:3] == b"\xff\xd8\xff"
    assert decoded(jpeg).shape == (180, 320, 3)
    assert np.abs(decoded(jpeg) - 130).max() <= 4
    assert snapshot(grey_frame()) == jpeg


def test_a_box_is_drawn_on_its_edges_only():
    marks = changed(snapshot(grey_frame(), boxes=[(0.25, 0.25, 0.75, 0.75)]))
    assert marks[45, 80:240].mean() > 0.9
    assert marks[45:135, 80].mean() > 0.9
    assert not marks[60:120, 100:220].any()
    assert not marks[:35].any()


def test_a_zone_is_outlined_and_a_line_has_two_ends():
    marks = changed(snapshot(grey_frame(), zones=[((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))]))
    assert marks[18, 40:280].mean() > 0.9
    line = changed(snapshot(grey_frame(), zones=[((0.5, 0.0), (0.5, 1.0))]))
    assert line[:, 159:161].any(axis=1).mean() > 0.9
    assert not line[:, :140].any()


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.1, 0.1), (0.9, 0.9, 1.0, 1.0), (-0.2, -0.2, 1.3, 1.3)])
def test_a_label_is_wholly_in_the_picture(box):
    plain = changed(snapshot(grey_frame(), boxes=[box]))
    marks = changed(snapshot(grey_frame(), boxes=[box], box_labels=["at-the-gate 12 s"]))
    assert (marks & ~plain).sum() > 500


def test_a_box_drawn_leaves_the_frame_itself_as_it_was():
    frame = grey_frame()
    snapshot(frame, boxes=[(0.1, 0.1, 0.5, 0.5)], zones=[((0, 0), (1, 0), (1, 1))], zone_labels=["yard"])
    assert (frame.i420 == 128).all()
