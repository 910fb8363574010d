"""Who has never moved is nobody yet: a post that a network takes for a person rings no bell, and a person does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.motion import Motion
from edge.core.rules.loitering import LoiteringParams
from edge.core.things import who_moved
from edge.core.track import Track
from edge.core.watch import CameraWatch, WatchedRule
from edge.core.zone import Zone

SIZE = (640, 360)  # cells of 10 pixels
EVERYWHERE = Zone("all", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), 2.0)


def track(number, box, first_s=0.0, now_s=0.0):
    return Track(number, np.array(box, np.float32), 0.6, np.zeros(2, np.float32), first_s, now_s, True)


def motion(*places):
    cells = np.zeros((36, 64), np.bool_)
    for x, y in places:
        cells[y // 10, x // 10] = True
    return Motion(cells, light_changed=False)


def play(frames):
    """frames: (media_s, tracks, motion). Seconds and dwell of each alarm of a rule of ten seconds."""
    watch = CameraWatch("box", "gate", [EVERYWHERE], [WatchedRule(LoiteringParams("all", 10.0))])
    opened = []
    for now_s, tracks, moved in frames:
        result = watch.update(tracks, SIZE, now_s, 1e9 + now_s, moved)
        opened += [(event.media_s, event.dwell_s) for event in result.events if event.state == "open"]
    return opened


def standing(until_s, moved_at_s, fps=5):
    post = (300, 100, 320, 160)
    for number in range(until_s * fps):
        now_s = number / fps
        places = [(310, 130)] if now_s == moved_at_s else []
        yield now_s, [track(1, post, 0.0, now_s)], motion(*places)


def test_a_post_that_is_taken_for_somebody_rings_no_bell():
    assert play(standing(60, None)) == []


@pytest.mark.parametrize("moved_at_s", [0.0, 4.0])
def test_whoever_moved_once_rings_in_time(moved_at_s):
    assert play(standing(20, moved_at_s)) == [(10.0, 10.0)]


def test_whoever_moves_late_rings_at_once_and_all_their_seconds_count():
    assert play(standing(40, 25.0)) == [(25.0, 25.0)]


def test_whoever_is_seen_elsewhere_than_at_first_believed_though_no_cell_says_so():
    """Far people fill less than a cell."""
    walk = [(n / 5, [track(1, (300 + n, 100, 306 + n, 116), 0.0, n / 5)], motion()) for n in range(80)]
    assert [at_s for at_s, _ in play(walk)] == [10.0]


def test_who_passes_a_post_does_not_bring_it_to_life():
    post = (300, 100, 320, 160)
    frames = []
    for n in range(100):
        now_s, x = n / 5, 260 + n
        passer = (x, 95, x + 30, 165)
        seen = [track(1, post, 0.0, now_s), track(2, passer, 0.0, now_s)]
        frames.append((now_s, seen, motion(*[(x + dx, y) for dx in (2, 15, 28) for y in (105, 130, 155)])))
    assert len(play(frames)) == 1  # who passed; twenty seconds


def test_where_nobody_watches_for_movement_everybody_counts():
    assert who_moved([track(7, (0, 0, 10, 10))], None, SIZE) == {7}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_movement_moves_all_in_whose_box_it_is_but_where_a_believed_person_explains_it(data):
    edge = st.floats(-50, 690)
    boxes = [sorted(data.draw(st.tuples(edge, edge))) + sorted(data.draw(st.tuples(edge, edge))) for _ in range(4)]
    tracks = [track(n, (x0, y0, x1, y1)) for n, (x0, x1, y0, y1) in enumerate(boxes)]
    believed = data.draw(st.sets(st.integers(0, 3)))
    x, y = data.draw(st.integers(0, 639)), data.draw(st.integers(0, 359))
    column, row = x // 10, y // 10
    covering = {
        one.track_id
        for one in tracks
        if max(0, np.floor(one.xyxy[0] / 10)) <= column < np.ceil(one.xyxy[2] / 10)
        and max(0, np.floor(one.xyxy[1] / 10)) <= row < np.ceil(one.xyxy[3] / 10)
    }
    assert who_moved(tracks, motion((x, y)), SIZE, believed) == (covering & believed or covering)


def test_two_far_people_in_one_cell_are_both_somebody():
    frames = [
        (
            n / 5,
            [track(1, (302, 100, 305, 109), 0.0, n / 5), track(2, (306, 100, 309, 109), 0.0, n / 5)],
            motion((305, 105)),
        )
        for n in range(80)
    ]
    assert len(play(frames)) == 2


def test_whom_the_network_is_sure_of_is_believed_after_half_a_minute_though_they_stand_like_a_post():
    def post(confidence):
        for number in range(300):
            one = track(1, (300, 100, 320, 160), 0.0, number / 5)
            yield number / 5, [replace(one, confidence=confidence)], motion()

    ((at_s, dwell_s),) = play(post(0.85))
    assert at_s == dwell_s == pytest.approx(30.0, abs=3.0)
    assert play(post(0.6)) == []


def test_where_the_light_flickers_too_much_to_tell_movement_people_count_after_seconds():
    changing = Motion(np.zeros((36, 64), np.bool_), light_changed=True)
    post = [(n / 5, [track(1, (300, 100, 320, 160), 0.0, n / 5)], changing) for n in range(100)]
    assert [dwell_s for _, dwell_s in play(post)] == [10.0]
