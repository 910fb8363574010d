"""Faint boxes that belong to nobody: the tripod of PETS09, which took the track of who hid behind the pole by it."""

import numpy as np
import pytest

from edge.core.detection import Detections
from edge.core.tracking.tracker import Tracker

TRIPOD = (106.0, 60.0, 136.0, 140.0)


def walker(x: float) -> tuple[float, ...]:
    return (x, 60.0, x + 30.0, 140.0)


def seen(*boxes: tuple[tuple[float, ...], float]) -> Detections:
    return Detections(np.float32([box for box, _ in boxes]).reshape(-1, 4), np.float32([score for _, score in boxes]))


@pytest.mark.parametrize("fps", [10.0, 5.0])
def test_a_thing_that_stood_there_before_takes_nobodys_track(fps):
    tracker = Tracker()
    boxes_after = []
    for number in range(round(4.0 * fps)):
        now_s = number / fps
        people = [(TRIPOD, 0.4)]
        if now_s < 2.0:  # then hidden, beside the tripod
            people.append((walker(20.0 + 35.0 * now_s), 0.9))
        tracks = tracker.update(seen(*people), now_s)
        boxes_after += [track.xyxy for track in tracks if track.detected and now_s >= 2.0]
    assert not boxes_after


def test_a_faint_box_still_carries_on_who_is_half_hidden_where_they_stand():
    tracker = Tracker()
    for number in range(40):
        tracks = tracker.update(seen((walker(100.0), 0.9 if number < 10 else 0.3)), number / 5)
    assert [(track.track_id, track.detected) for track in tracks] == [(1, True)]


def test_where_a_person_stood_for_sure_there_is_no_thing():
    tracker = Tracker()
    for number in range(10):
        tracker.update(seen((TRIPOD, 0.4)), number / 5)  # nobody's: a person who is not yet sure
    for number in range(10, 20):
        tracker.update(seen((TRIPOD, 0.9)), number / 5)
    tracks = tracker.update(seen((TRIPOD, 0.4)), 4.0)
    assert [track.detected for track in tracks] == [True]


def test_at_two_frames_a_second_a_faint_box_is_not_taken_for_who_was_there():
    tracker = Tracker()
    for number in range(3):
        tracker.update(seen((walker(100.0), 0.9)), number / 2)
    tracks = tracker.update(seen((walker(110.0), 0.3)), 1.5)
    assert [track.detected for track in tracks] == [False]
