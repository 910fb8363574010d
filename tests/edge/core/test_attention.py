"""Where to look: nobody who is followed or moves is left out, and everywhere is looked at often enough."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.detect.attention import Attention, AttentionParams
from edge.core.motion import Motion
from edge.core.track import Expected

INPUT = (416, 416)
PARAMS = AttentionParams()


def seen(boxes):
    """Followed people who were found in the last frame."""
    xyxy = np.array(boxes, np.float64).reshape(-1, 4)
    return Expected(xyxy, np.zeros(len(xyxy)))


NOBODY = seen([])


def still(shape=(36, 64)):
    return Motion(np.zeros(shape, np.bool_), light_changed=False)


def settled(size=(1280, 720)):
    """One that has just looked at a whole frame, at 0 s."""
    attention = Attention(INPUT)
    assert attention.look(size, 0.0, Motion(np.zeros((36, 64), np.bool_), light_changed=True), NOBODY).full
    return attention


def shows(look, box):
    return any(
        region.xyxy[0] <= box[0] and region.xyxy[1] <= box[1] and region.xyxy[2] >= box[2] and region.xyxy[3] >= box[3]
        for region in look.regions
    )


def test_the_first_look_is_at_the_whole_whatever_moved_before_anybody_looked():
    cells = np.zeros((36, 64), np.bool_)
    cells[10:14, 20:24] = True
    look = Attention(INPUT).look((1280, 720), 5.0, Motion(cells, light_changed=False), NOBODY)
    assert look.full
    assert len(look.regions) == 1


@st.composite
def people(draw, size):
    boxes = []
    for _ in range(draw(st.integers(0, 40))):
        height = draw(st.floats(10, size[1]))
        x, y = draw(st.floats(-20, size[0] + 20)), draw(st.floats(-20, size[1] + 20))
        boxes.append((x, y, x + 0.4 * height, y + height))
    return seen(boxes)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data(), size=st.sampled_from([(1280, 720), (480, 360), (960, 1088)]))
def test_everyone_who_is_followed_is_shown_whole(data, size):
    awaited = data.draw(people(size))
    look = settled(size).look(size, 0.2, still(), awaited)
    for left, top, right, bottom in awaited.xyxy:
        box = (max(0, left), max(0, top), min(size[0], right), min(size[1], bottom))
        if box[0] < box[2] and box[1] < box[3]:
            assert shows(look, box)
    full_scale = min(INPUT[0] / size[0], INPUT[1] / size[1])
    assert all(
        PARAMS.least_of_full * full_scale <= region.scale <= max(PARAMS.largest_scale, full_scale)
        for region in look.regions
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_moves_is_looked_at(data):
    moved = np.zeros((36, 64), np.bool_)
    for _ in range(data.draw(st.integers(1, 12))):
        moved[data.draw(st.integers(0, 35)), data.draw(st.integers(0, 63))] = True
    look = settled().look((1280, 720), 0.2, Motion(moved, light_changed=False), NOBODY)
    for row, column in np.argwhere(moved):
        assert shows(look, (column * 20, row * 20, column * 20 + 20, row * 20 + 20))


def test_where_nothing_is_nothing_is_looked_at():
    assert settled().look((1280, 720), 0.2, still(), NOBODY).regions == ()


def test_what_moves_around_somebody_who_is_followed_is_no_reason_of_its_own():
    box = seen([[600.0, 300.0, 650.0, 430.0]])
    moved = np.zeros((36, 64), np.bool_)
    moved[15:21, 30:32] = True
    alone = settled().look((1280, 720), 0.2, still(), box)
    assert settled().look((1280, 720), 0.2, Motion(moved, light_changed=False), box).regions == alone.regions


@settings(max_examples=40, deadline=None, derandomize=True)
@given(steps=st.lists(st.floats(0.05, 0.6), min_size=5, max_size=60))
def test_the_whole_frame_is_looked_at_often_enough_at_any_rate(steps):
    attention, at_s, last_s = settled(), 0.0, 0.0
    for step_s in steps:
        at_s += step_s
        if attention.look((1280, 720), at_s, still(), NOBODY).full:
            last_s = at_s
        assert at_s - last_s < PARAMS.full_every_s + 1e-9


def test_a_box_that_is_behind_does_not_spend_its_few_looks_on_whole_frames():
    attention = settled()
    box = seen([[600.0, 300.0, 650.0, 430.0]])
    looks = [attention.look((1280, 720), 2.0 * n, still(), box, behind=True).full for n in range(1, 13)]
    assert looks == [False, False, False, True] * 3
    assert attention.look((1280, 720), 30.0, still(), box).full  # it has caught up


def test_it_is_looked_at_whole_at_once_after_the_light_changed_a_pause_or_a_clock_set_back():
    changed = Motion(np.zeros((36, 64), np.bool_), light_changed=True)
    assert settled().look((1280, 720), 0.2, changed, NOBODY).full
    assert settled().look((1280, 720), 9.0, still(), NOBODY).full
    assert settled().look((1280, 720), -5.0, still(), NOBODY).full
    assert settled().look((1280, 720), 0.2, None, NOBODY).full


def test_somebody_seen_in_part_is_looked_at_with_more_around():
    attention = settled()
    attention.learn(np.zeros((0, 4), np.float32), np.array([[600, 300, 650, 380]], np.float32), (1280, 720))
    look = attention.look((1280, 720), 0.2, still(), NOBODY)
    assert shows(look, (560, 240, 690, 440))
    assert attention.look((1280, 720), 0.4, still(), NOBODY).regions == ()


def test_far_people_are_shown_larger_than_a_whole_frame_would_and_never_blown_up_without_end():
    far = seen([[600.0, 300.0, 608.0, 320.0]])
    (region,) = settled().look((1280, 720), 0.2, still(), far).regions
    assert region.scale == PARAMS.largest_scale > 3 * 416 / 1280


def test_whoever_is_lost_is_looked_for_farther_around_and_shown_no_smaller():
    """With the scale of all the room around them a lost person was shown at a third of their size, and stayed lost."""
    box = [[600.0, 300.0, 650.0, 430.0]]
    (before,) = settled().look((1280, 720), 0.2, still(), seen(box)).regions
    (after,) = settled().look((1280, 720), 0.2, still(), Expected(np.array(box), np.array([1.0]))).regions
    assert after.scale == before.scale
    assert after.xyxy[0] < before.xyxy[0] - 50
    assert after.xyxy[3] > before.xyxy[3] + 50


def test_a_crowd_takes_no_more_than_an_input_and_a_whole_frame_is_kept_where_regions_save_nothing():
    crowd = seen([[x, y, x + 40, y + 100] for x in range(0, 1200, 60) for y in range(0, 700, 110)])
    look = settled().look((1280, 720), 0.2, still(), crowd)
    assert sum(region.cost_px for region in look.regions) <= 2 * INPUT[0] * INPUT[1]
    many = seen([[x, y, x + 30, y + 75] for x in range(0, 450, 60) for y in range(0, 290, 90)])
    look = settled((480, 360)).look((480, 360), 0.2, still(), many)
    assert look.full
    assert len(look.regions) == 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(step_s=st.floats(0.05, 2.1))
def test_everywhere_is_looked_at_every_two_seconds_however_few_frames_come(step_s):
    attention = settled()
    full_s = [0.0]
    for number in range(1, 1 + round(12 / step_s)):
        if attention.look((1280, 720), number * step_s, still(), NOBODY).full:
            full_s.append(number * step_s)
    assert max(np.diff(full_s)) <= 2.1 + 1e-9
