"""A box with too much to do: who stays in a watched zone is followed, nobody is forgotten for long."""

import numpy as np

from edge.core.detect.attention import Attention
from edge.core.detection import Detections
from edge.core.frame import Frame
from edge.core.motion import Motion
from edge.core.rules.loitering import LoiteringParams
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch, WatchedRule
from edge.core.zone import Zone
from edge.pipeline.camera_pipeline import LONGEST_UNWATCHED_S, CameraPipeline
from edge.pipeline.mailbox import Mailbox
from edge.pipeline.scheduler import Looked

FPS, SIZE = 5, (320, 240)
EVERYWHERE = Zone("all", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), 2.0)
MOVED = np.ones((3, 4), np.bool_)


def pipeline(*rules):
    watch = CameraWatch("box", "gate", [EVERYWHERE], [WatchedRule(rule) for rule in rules])
    return CameraPipeline(Attention((416, 416)), Tracker(), watch)


def shown(camera, at_s, moved=False):
    planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 120, np.uint8)
    motion = Motion(MOVED if moved else MOVED & False, light_changed=False)
    return Frame(camera, round(at_s * FPS), at_s, 1e9 + at_s, planes, motion)


def someone(frame):
    box = np.array([[100, 80, 130, 160]], np.float32)
    return Looked(frame, Detections(box, np.array([0.9], np.float32)))


def nobody(frame):
    return Looked(frame, Detections.empty())


def after(one, look):
    for number in range(5):
        one.follow(look(shown("gate", number / FPS, moved=number < 3)))
    return one


def test_rank():
    at_s = 1.0
    assert after(pipeline(LoiteringParams("all", 3.0)), someone).rank(shown("gate", at_s)) == 0
    assert after(pipeline(), someone).rank(shown("gate", at_s)) == 1  # no rule is armed there
    assert after(pipeline(), nobody).rank(shown("gate", at_s, moved=True)) == 1
    assert after(pipeline(), nobody).rank(shown("gate", at_s)) == 2
    assert after(pipeline(), nobody).rank(shown("gate", 0.9 + LONGEST_UNWATCHED_S)) == 0
    assert pipeline().rank(shown("gate", at_s)) == 0  # nobody has looked yet


def test_with_a_third_of_what_is_needed_the_stay_loses_nothing_and_no_camera_is_left_alone():
    rule = LoiteringParams("all", 3.0)
    cameras = {
        name: pipeline(rule) for name in ("stay", *(f"walk-{n}" for n in range(4)), *(f"quiet-{n}" for n in range(5)))
    }
    mailbox, looked_s = Mailbox(), {name: [0.0] for name in cameras}
    turns = 17  # a second, for 50 frames
    for turn in range(60 * turns):
        now_s = turn / turns
        for place, name in enumerate(cameras):
            due, before = (int((at_s - place / 100) * FPS) for at_s in (now_s, now_s - 1 / turns))
            if due != before:
                mailbox.put(shown(name, due / FPS, moved=name.startswith("walk") or now_s < 1))
        frame = mailbox.take(0, lambda one: cameras[one.camera].rank(one))
        if frame is not None:
            look = someone if frame.camera == "stay" else nobody
            cameras[frame.camera].follow(look(frame))
            looked_s[frame.camera].append(frame.media_s)
    settled = {name: [at_s for at_s in times if at_s > 5] for name, times in looked_s.items()}
    longest_s = {name: max(np.diff(times)) for name, times in settled.items()}
    assert longest_s["stay"] <= 0.4 + 1e-6
    assert max(longest_s.values()) <= LONGEST_UNWATCHED_S + 1.0
    rate = {name: len(times) / 60 for name, times in looked_s.items()}
    assert rate["stay"] >= 0.9 * FPS
    assert min(rate[name] for name in rate if name.startswith("walk")) > 2 * max(rate[f"quiet-{n}"] for n in range(5))
