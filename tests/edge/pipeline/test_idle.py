"""When a camera counts as idle: nobody there, nothing found, nothing moved, the same light, for ten seconds."""

import numpy as np
import pytest

from edge.app.build import build_pipeline
from edge.config.schema import CameraSection
from edge.core.detection import Detections
from edge.core.frame import Frame
from edge.core.motion import Motion
from edge.pipeline.camera_pipeline import IDLE_AFTER_S
from edge.pipeline.scheduler import Looked

CELLS = (36, 64)
SOMEBODY = Detections(np.array([[40, 20, 60, 70]], np.float32), np.array([0.9], np.float32))


@pytest.fixture
def pipeline():
    return build_pipeline("box", "UTC", CameraSection(name="gate", url="rtsp://192.0.2.1/"), (416, 416))


def still():
    return Motion(np.zeros(CELLS, np.bool_), light_changed=False)


def step():
    cells = np.zeros(CELLS, np.bool_)
    cells[9, 9] = True
    return Motion(cells, light_changed=False)


def follow(pipeline, begin_s, end_s, motion=still, found=Detections.empty):
    """Five frames a second; returns the first moment at which the camera was idle, None where it never was."""
    idle_s = None
    for number in range(round(begin_s * 5), round(end_s * 5)):
        frame = Frame("gate", number, number / 5, number / 5, np.full((108, 128), 90, np.uint8), motion())
        pipeline.follow(Looked(frame, found()))
        if pipeline.idle and idle_s is None:
            idle_s = number / 5
    return idle_s


def test_idle_after_ten_seconds_without_anything_from_the_first_frame_on(pipeline):
    assert follow(pipeline, 0, 20) == pytest.approx(IDLE_AFTER_S, abs=0.21)


@pytest.mark.parametrize(
    "event",
    [
        {"motion": step},
        {"motion": lambda: Motion(np.zeros(CELLS, np.bool_), light_changed=True)},
        {"motion": lambda: None},
        {"found": lambda: SOMEBODY},
    ],
    ids=["moved", "light", "unwatched", "found"],
)
def test_whatever_happens_ends_it_at_once_and_ten_seconds_begin_anew(pipeline, event):
    follow(pipeline, 0, 15)
    assert pipeline.idle
    follow(pipeline, 15, 15.2, **event)
    assert not pipeline.idle
    assert follow(pipeline, 15.2, 40) >= 15 + IDLE_AFTER_S


def test_not_idle_while_somebody_who_was_there_may_come_back(pipeline):
    follow(pipeline, 0, 8, found=lambda: SOMEBODY)
    idle_s = follow(pipeline, 8, 60)
    assert idle_s > 8 + IDLE_AFTER_S
    assert not pipeline.state[1].update([], (128, 72), 60.0, 60.0).scene.persons
