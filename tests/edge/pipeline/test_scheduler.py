"""What lies on one input of the network comes back to its own camera, in its own pixels, whole or not at all."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.onnx_detector import OnnxDetector
from edge.core.detect.region import Look, Region, whole_frame
from edge.core.frame import Frame
from edge.pipeline.scheduler import LONGEST_WAIT_S, Scheduler
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.labelled import frame_of
from models.registry import Registry

SIZE = (640, 480)
INPUT = (416, 416)


class BrightBoxes:
    """A network that finds every bright patch: exact, so that what packing does to boxes can be told to the pixel."""

    input_size = INPUT

    def __init__(self) -> None:
        self.picture = np.zeros(INPUT[::-1], np.uint8)

    def lay_in(self, frame, tile) -> None:
        left, top, right, bottom = tile.source
        piece = cv2.resize(frame.planes()[0][top:bottom, left:right], (tile.width, tile.height))
        self.picture[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = piece

    def clear(self) -> None:
        self.picture[:] = 0

    def run(self):
        count, _, stats, _ = cv2.connectedComponentsWithStats((self.picture > 127).astype(np.uint8))
        boxes = [(x, y, x + width, y + height) for x, y, width, height, _ in stats[1:count]]
        return np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32)


def frame(camera, *boxes):
    planes = np.zeros((SIZE[1] * 3 // 2, SIZE[0]), np.uint8)
    for left, top, right, bottom in boxes:
        planes[top:bottom, left:right] = 255
    return Frame(camera, 0, 0.0, 0.0, planes)


def region(box, around=20, scale=1.0):
    left, top, right, bottom = box
    edges = (max(0, left - around), max(0, top - around), min(SIZE[0], right + around), min(SIZE[1], bottom + around))
    return Region(edges, scale)


@st.composite
def people(draw):
    """Boxes in cells of their own, so that none touches another."""
    cells = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), unique=True, max_size=6))
    boxes = []
    for column, row in cells:
        x, y = column * 160 + draw(st.integers(30, 60)), row * 160 + draw(st.integers(30, 50))
        boxes.append((x, y, x + draw(st.integers(12, 40)), y + draw(st.integers(30, 80))))
    return boxes


@settings(max_examples=25, deadline=None, derandomize=True)
@given(cast=st.lists(people(), min_size=1, max_size=8), scale=st.sampled_from([0.5, 1.0, 1.6]))
def test_everyone_is_found_where_they_are_by_their_own_camera(cast, scale):
    scheduler = Scheduler(BrightBoxes())
    done = []
    for number, boxes in enumerate(cast):
        look = Look(tuple(region(box, scale=scale) for box in boxes), full=False)
        done += scheduler.add(frame(f"camera-{number}", *boxes), look, 0.0)
    done += scheduler.run()
    assert not scheduler.waiting
    assert {one.frame.camera for one in done} == {f"camera-{number}" for number in range(len(cast))}
    for one in done:
        boxes = cast[int(one.frame.camera.removeprefix("camera-"))]
        found, true = one.detections.xyxy, np.array(boxes, np.float32).reshape(-1, 4)
        assert found.shape == true.shape
        off_px = np.abs(found[:, None] - true[None]).max(axis=2)
        assert off_px.min(axis=0, initial=np.inf).max(initial=0.0) <= 1.5 / scale + 1
        assert not len(one.cut)


def test_frames_share_an_input_and_it_runs_when_it_is_full():
    scheduler = Scheduler(BrightBoxes())
    box = (100, 100, 140, 200)
    for number in range(6):
        assert scheduler.add(frame(f"{number}", box), Look((region(box),), full=False), 0.0) == []
    done = scheduler.add(frame("whole", box), Look((whole_frame(SIZE, INPUT),), full=True), 0.0)
    assert [one.frame.camera for one in done] == [f"{number}" for number in range(6)]
    assert list(scheduler.waiting) == ["whole"]
    assert [one.frame.camera for one in scheduler.run()] == ["whole"]
    assert scheduler.inferences == 2
    assert 0 < scheduler.fill_sum < 2


def test_nobody_waits_longer_than_a_tenth_of_a_second():
    scheduler = Scheduler(BrightBoxes())
    assert scheduler.due_in_s(5.0) == pytest.approx(LONGEST_WAIT_S)
    scheduler.add(frame("gate", (100, 100, 140, 200)), Look((region((100, 100, 140, 200)),), full=False), 5.0)
    assert scheduler.due_in_s(5.04) == pytest.approx(0.06)
    assert scheduler.due_in_s(5.2) == 0.0


def test_where_nobody_is_looked_for_a_frame_is_done_at_once():
    scheduler = Scheduler(BrightBoxes())
    (done,) = scheduler.add(frame("gate"), Look((), full=False), 0.0)
    assert len(done.detections) == 0
    assert scheduler.inferences == 0


def test_a_look_on_two_inputs_is_done_when_both_ran():
    scheduler = Scheduler(BrightBoxes())
    left, right = (40, 100, 80, 200), (500, 300, 540, 400)
    regions = (whole_frame(SIZE, INPUT), region(right, scale=2.0), region(left, scale=2.0))
    assert scheduler.add(frame("gate", left, right), Look(regions, full=True), 0.0) == []
    (done,) = scheduler.run()
    assert scheduler.inferences == 2
    assert len(done.detections) == 2  # each was seen twice


def test_half_a_person_at_the_end_of_a_region_is_told_apart_unless_they_are_seen_whole():
    box = (100, 100, 140, 200)
    half = Region((60.0, 60.0, 120.0, 240.0), 1.0)
    (done,) = _alone(frame("gate", box), half)
    assert len(done.detections) == 0
    assert done.cut.round().tolist() == [[100, 100, 120, 200]]
    (done,) = _alone(frame("gate", box), half, region(box))
    assert done.detections.xyxy.round().tolist() == [[100, 100, 140, 200]]
    assert len(done.cut) == 0


def _alone(one, *regions):
    scheduler = Scheduler(BrightBoxes())
    return scheduler.add(one, Look(regions, full=False), 0.0) + scheduler.run()


def test_our_network_finds_on_shared_inputs_whom_it_finds_on_whole_frames(tmp_path):
    entry, file = Registry(tmp_path / "none of my own").find("default")
    detector = OnnxDetector(entry, file)
    true = whole = packed = 0
    scheduler = Scheduler(detector)
    for seed in (9210, 9211):
        scene = DrawnScene(SceneSpec(seed, "day", "school_day_mix", fps=0.5, duration_s=30.0))
        size = (scene.width, scene.height)
        for number in range(2, scene.picture_count):
            shown = frame_of(np.ascontiguousarray(scene.picture(number)[..., ::-1]))
            boxes = [one.box for one in scene.truth().at(number) if one.visible >= 0.6]
            if not boxes:
                continue
            people = np.array(boxes, np.float32) * np.array(size * 2, np.float32)
            regions = tuple(
                Region((x0 - 0.4 * (y1 - y0), y0 - 0.4 * (y1 - y0), x1 + 0.4 * (y1 - y0), y1 + 0.4 * (y1 - y0)), 1.0)
                for x0, y0, x1, y1 in people.tolist()
            )
            done = scheduler.add(shown, Look(regions, full=False), 0.0) + scheduler.run()
            true += len(people)
            whole += _found(people, detector.detect(shown).xyxy)
            packed += _found(people, done[-1].detections.xyxy)
    assert true >= 20
    assert packed >= 0.99 * whole


def _found(people, boxes):
    shared = np.minimum(people[:, None, 2:], boxes[None, :, 2:]) - np.maximum(people[:, None, :2], boxes[None, :, :2])
    area = np.prod(np.clip(shared, 0, None), axis=2)
    sizes = np.prod(people[:, 2:] - people[:, :2], axis=1)[:, None], np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return int(((area / (sizes[0] + sizes[1] - area)).max(axis=1, initial=0) >= 0.5).sum())
