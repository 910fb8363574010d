"""What the tracker promises, whatever the detections."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.core.detection import Detections
from edge.core.tracking.tracker import Tracker, TrackerParams

SCENE = settings(max_examples=40, derandomize=True, deadline=None)


def people(*rows):
    """Rows: centre x, top y, height, confidence."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    x, y, h, confidence = table.T
    return Detections(np.stack([x - 0.2 * h, y, x + 0.2 * h, y + h], axis=1), confidence)


ROW = st.tuples(st.floats(0, 400), st.floats(0, 300), st.floats(20, 120), st.floats(0, 1))
FRAMES = st.lists(
    st.tuples(st.floats(0, 1.5), st.lists(ROW, max_size=6, unique_by=lambda row: row[:3])), min_size=1, max_size=12
)


def played(frames, params=None, shuffle=None, scale=1.0):
    tracker, now_s, told = Tracker(params), 0.0, []
    for dt_s, rows in frames:
        now_s += dt_s * scale
        found = people(*rows)
        if shuffle is not None:
            found = found.select(shuffle.permutation(len(found)))
        told.append((found, tracker.update(found, now_s)))
    return told


def summary(told):
    return [[(t.track_id, t.xyxy.tobytes(), t.confidence, t.detected) for t in tracks] for _, tracks in told]


@SCENE
@example([(0.0, [(0.0, 0.0, 20.0, 1.0)]), (0.0, [(0.0, 0.0, 20.0, 1.0)]), (0.0, [])])
@given(FRAMES)
def test_identities_are_distinct_share_no_box_and_stay_finite(frames):
    alive = set()
    for found, tracks in played(frames):
        ids = [track.track_id for track in tracks]
        assert len(set(ids)) == len(ids)
        assert all(track_id >= 1 for track_id in ids)
        boxes = [track.xyxy.tobytes() for track in tracks if track.detected]
        assert len(set(boxes)) == len(boxes)
        assert set(boxes) <= {box.tobytes() for box in found.xyxy}
        for track in tracks:
            assert np.isfinite(track.xyxy).all()
            assert np.isfinite(track.velocity_px_s).all()
            assert track.xyxy[2] > track.xyxy[0]
            assert track.xyxy[3] > track.xyxy[1]
            assert track.first_seen_s <= track.last_seen_s
        alive |= set(ids)
    assert alive == set(range(1, len(alive) + 1))  # in the order told, without gaps


@SCENE
@given(FRAMES, st.integers(0, 99))
def test_the_order_of_detections_changes_nothing(frames, seed):
    assert summary(played(frames)) == summary(played(frames, shuffle=np.random.default_rng(seed)))


@SCENE
@given(FRAMES, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_time_has_no_unit_of_its_own(frames, scale):
    # The same scene told in other units, with every parameter that has seconds in it: the same identities.
    base = TrackerParams()
    motion = replace(
        base.motion,
        memory_s=base.motion.memory_s * scale,
        speed=base.motion.speed / scale,
        resize=base.motion.resize / scale,
    )
    gates = {
        name: replace(gate, buffer_per_s=gate.buffer_per_s / scale, reach_per_s=gate.reach_per_s / scale)
        for name, gate in (("near", base.near), ("far", base.far), ("faint", base.faint), ("fresh", base.fresh))
    }
    params = replace(
        base,
        **gates,
        motion=motion,
        tentative_s=base.tentative_s * scale,
        coast_s=base.coast_s * scale,
        max_lost_s=base.max_lost_s * scale,
        lost_penalty_per_s=base.lost_penalty_per_s / scale,
    )
    ids = [[(t.track_id, t.detected) for t in tracks] for _, tracks in played(frames)]
    assert ids == [[(t.track_id, t.detected) for t in tracks] for _, tracks in played(frames, params, scale=scale)]


@pytest.mark.parametrize("fps", [2, 5, 10])
@pytest.mark.parametrize("speed", [0.3, 0.8, 1.5])  # body heights a second: a stroll to a run
def test_a_walker_is_one_identity_from_the_second_frame_on(fps, speed):
    tracker = Tracker()
    for frame in range(6 * fps):
        now_s = frame / fps
        tracks = tracker.update(people((50 + 100 * speed * now_s, 100, 100, 0.9)), now_s)
        assert [track.track_id for track in tracks] == ([1] if frame else [])
    assert tracks[0].velocity_px_s[0] == pytest.approx(100 * speed, rel=0.1)


def test_two_who_cross_keep_their_identities():
    tracker = Tracker()
    for frame in range(33):
        now_s = frame / 4
        places = (50 + 60 * now_s, 530 - 60 * now_s)
        rows = [(places[0], 100, 100, 0.9), (places[1], 108, 100, 0.9)]
        if abs(places[0] - places[1]) < 25:
            rows = rows[1:]  # the nearer one hides the other
        tracks = tracker.update(people(*rows), now_s)
    velocities = {track.track_id: track.velocity_px_s[0] for track in tracks}
    assert set(velocities) == {1, 2}
    first, second = (track.xyxy[0] for track in sorted(tracks, key=lambda t: t.track_id))
    start = Tracker()
    start.update(people((50, 100, 100, 0.9), (530, 108, 100, 0.9)), 0.0)
    left = min(start.update(people((65, 100, 100, 0.9), (515, 108, 100, 0.9)), 0.25), key=lambda t: t.xyxy[0]).track_id
    assert velocities[left] > 0
    assert velocities[3 - left] < 0
    assert (first > second) == (left == 1)


@pytest.mark.parametrize("speed", [0.0, 0.4, 0.8])
def test_a_gap_of_a_second_at_two_frames_a_second_keeps_the_identity(speed):
    tracker, seen = Tracker(), set()
    for frame in range(24):
        now_s = frame / 2
        there = frame < 4 or frame % 6 not in (4, 5)
        rows = [(50 + 80 * speed * now_s, 100, 80, 0.9)] if there else []
        seen |= {track.track_id for track in tracker.update(people(*rows), now_s)}
    assert seen == {1}


def test_an_unseen_track_coasts_and_then_is_silent():
    params = TrackerParams()
    tracker = Tracker(params)
    for frame in range(10):
        tracker.update(people((50 + 20 * frame, 100, 100, 0.9)), frame / 5)
    (coasting,) = tracker.update(Detections.empty(), 2.0)
    assert not coasting.detected
    assert coasting.last_seen_s == pytest.approx(1.8)
    assert coasting.xyxy[0] > 50 + 20 * 9 - 20
    assert tracker.update(Detections.empty(), 1.8 + params.coast_s + 0.01) == []


def test_after_a_stall_who_stands_there_is_someone_new():
    tracker = Tracker()
    box = people((100, 100, 100, 0.9))
    assert [t.track_id for now_s in (0.0, 0.2) for t in tracker.update(box, now_s)] == [1]
    assert tracker.update(box, 10.0) == []
    assert [t.track_id for t in tracker.update(box, 10.2)] == [2]


def test_time_running_backwards_begins_anew():
    tracker = Tracker()
    box = people((100, 100, 100, 0.9))
    for now_s in (100.0, 100.2):
        tracker.update(box, now_s)
    assert tracker.update(box, 3.0) == []
    assert [t.track_id for t in tracker.update(box, 3.2)] == [2]


def test_a_single_false_box_is_no_track_and_a_faint_one_begins_none():
    tracker = Tracker()
    for frame in range(10):
        rows = [(300, 50, 60, 0.95)] if frame == 3 else []
        assert tracker.update(people(*rows, (100, 50, 60, 0.3)), frame / 5) == []


def test_a_faint_box_carries_a_track_on():
    tracker = Tracker()
    for frame in range(12):
        tracks = tracker.update(people((100 + frame, 50, 60, 0.9 if frame < 3 else 0.2)), frame / 5)
    assert [(track.track_id, track.detected) for track in tracks] == [(1, True)]


def test_broken_boxes_are_ignored():
    tracker = Tracker()
    xyxy = np.array(
        [[np.nan, 0, 10, 10], [0, 0, np.inf, 10], [5, 5, 5, 9], [9, 9, 5, 20], [10, 10, 30, 60]], np.float32
    )
    for now_s in (0.0, 0.2):
        tracks = tracker.update(Detections(xyxy, np.full(5, 0.9, np.float32)), now_s)
    assert len(tracks) == 1
    assert tracker.update(Detections(xyxy[:4], np.array([0.9, np.nan, 0.9, 0.9], np.float32)), 0.4)[0].track_id == 1


def test_colours_tell_two_apart_where_place_cannot():
    red, blue = np.eye(8, dtype=np.float32)[[0, 5]]
    tracker = Tracker()
    for now_s in (0.0, 0.2):
        tracker.update(people((100, 100, 100, 0.9), (135, 100, 100, 0.9)), now_s, np.stack([red, blue]))
    before = {t.track_id: t.appearance.argmax() for t in tracker.update(Detections.empty(), 0.4)}
    tracks = tracker.update(
        people((117, 100, 100, 0.9), (118, 100, 100, 0.9)), 1.0, np.stack([blue, red])
    )  # side by side, changed over or not: only the colours know
    assert {t.track_id: t.appearance.argmax() for t in tracks} == before


def test_instances_share_nothing():
    first, second = Tracker(), Tracker()
    box = people((100, 100, 100, 0.9))
    for now_s in (0.0, 0.2):
        ids = [[t.track_id for t in tracker.update(box, now_s)] for tracker in (first, second)]
    assert ids == [[1], [1]]


def test_a_doubtful_box_begins_a_track_in_the_open_and_none_beside_a_person():
    def ids(confidence, x):
        tracker, told = Tracker(), set()
        for frame in range(10):
            found = people((100, 100, 100, 0.9), (x, 100, 100, confidence)) if frame else people((100, 100, 100, 0.9))
            told |= {track.track_id for track in tracker.update(found, frame / 10)}
        return len(told)

    assert ids(0.6, 150) == 1  # half a body beside
    assert ids(0.6, 300) == 2
    assert ids(0.8, 150) == 2  # two who stand together are two


def test_a_small_thing_beside_somebody_is_not_taken_for_half_of_them():
    """At a night gate such a thing kept a man, five times as high, from having a track of his own."""
    tracker = Tracker()
    for frame in range(10):
        thing, man = (180, 60, 28, 0.9), (150, 120, 140, 0.6)
        told = tracker.update(people(thing, man) if frame else people(thing), frame / 5)
    assert sorted(round(float(one.xyxy[3] - one.xyxy[1])) for one in told) == [28, 140]
