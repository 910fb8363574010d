"""What goes, in the written order, and never what is held or owed."""

import dataclasses
import random

from hypothesis import given
from hypothesis import strategies as st

from edge.core.disk_forecast import disk_problem, reaches_back_s, seconds_left
from edge.core.retention import TRUSTED_AFTER_S, Kept, expendable, expired, last_bytes, reserve_bytes, to_delete

NOW_S = 1_790_000_000.0
DAY_S = 86_400.0
FLAGS = ("held", "needed", "delivered", "closed")
CAMERAS = ("gate", "yard")


@st.composite
def kept_lists(draw):
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["continuous", "event"]),
                st.sampled_from(CAMERAS),
                st.integers(-2, 40),  # days of age
                st.integers(0, 1000),
                st.sampled_from([0.0, 7 * DAY_S, 14 * DAY_S, float("inf")]),
                st.tuples(*[st.booleans() for _ in FLAGS]),
            ),
            max_size=25,
        )
    )
    return [
        Kept(f"{n}", kind, camera, NOW_S - age * DAY_S - 60, NOW_S - age * DAY_S, size, retention_s,
             **dict(zip(FLAGS, flags, strict=True)))
        for n, (kind, camera, age, size, retention_s, flags) in enumerate(rows)
    ]  # fmt: skip


amounts = st.integers(-500, 20_000)
budgets = st.dictionaries(st.sampled_from(CAMERAS), st.integers(0, 8000))


@given(kept_lists(), budgets, amounts, st.sampled_from([0.0, TRUSTED_AFTER_S]))
def test_what_is_held_or_owed_or_open_never_goes(kept, limits, lacking, trusted_s):
    for one in to_delete(kept, limits, lacking, NOW_S, trusted_s):
        assert not one.held
        assert not one.needed
        assert one.delivered
        assert one.closed
        assert one.kind == "continuous" or NOW_S - one.ends_at_s > one.retention_s  # an event keeps its retention


@given(kept_lists(), budgets, amounts)
def test_nothing_goes_twice_and_the_order_of_the_list_means_nothing(kept, limits, lacking):
    going = to_delete(kept, limits, lacking, NOW_S, 0.0)
    assert len({one.name for one in going}) == len(going)
    shuffled = random.Random(1).sample(kept, len(kept))
    assert to_delete(shuffled, limits, lacking, NOW_S, 0.0) == going


@given(kept_lists(), amounts)
def test_a_full_disk_takes_the_least_valuable_first_and_stops_as_soon_as_enough_is_free(kept, lacking):
    lasting = [dataclasses.replace(one, retention_s=float("inf") if one.kind == "continuous" else one.retention_s)
               for one in kept if one.kind == "continuous" or one.retention_s >= TRUSTED_AFTER_S]  # fmt: skip
    going = to_delete(lasting, {}, lacking, NOW_S, trusted_s=0.0)
    order = expendable(lasting, NOW_S)
    assert going == order[: len(going)]
    ranks = [(one.kind == "event", one.begins_at_s <= NOW_S, one.begins_at_s) for one in order]
    assert ranks == sorted(ranks)
    freed = sum(one.bytes for one in going)
    assert freed >= lacking or going == order
    if going:
        assert freed - going[-1].bytes < lacking
    else:
        assert lacking <= 0 or not order


@given(kept_lists(), budgets)
def test_a_camera_above_its_budget_pays_with_its_own(kept, limits):
    going = to_delete(kept, limits, 0, NOW_S, trusted_s=TRUSTED_AFTER_S)
    past = expired(kept, NOW_S, TRUSTED_AFTER_S)
    assert going[: len(past)] == past
    assert all(one.camera in limits for one in going[len(past) :])
    for camera, budget in limits.items():
        left = [one for one in kept if one.camera == camera and one not in going]
        over = sum(one.bytes for one in left) - budget
        assert over <= 0 or not expendable(left, NOW_S)  # what remains above it may not go
        mine = [one for one in going[len(past) :] if one.camera == camera]
        if mine:
            assert over + mine[-1].bytes > 0  # and no more went than had to


def test_a_clock_that_was_just_set_makes_nothing_old():
    ten_years_on_s = NOW_S + 3650 * DAY_S
    kept = [
        Kept("segment", "continuous", "gate", NOW_S - 60, NOW_S, 10, 14 * DAY_S),
        Kept("event", "event", "gate", NOW_S - 60, NOW_S, 10, 7 * DAY_S),
        Kept("delivered, not to be kept", "event", "gate", NOW_S - 60, NOW_S, 10, 0.0),
    ]
    assert [one.name for one in to_delete(kept, {}, 0, ten_years_on_s, trusted_s=5.0)] == ["delivered, not to be kept"]
    assert len(to_delete(kept, {}, 0, ten_years_on_s, TRUSTED_AFTER_S)) == 3


def test_after_a_clock_was_set_back_what_bears_a_later_time_goes_before_what_is_recorded_now():
    ahead = [Kept(f"ahead {n}", "continuous", "gate", NOW_S + n * 60, NOW_S + n * 60 + 60, 10, 1e9) for n in (1, 2)]
    now = [Kept(f"now {n}", "continuous", "gate", NOW_S - n * 60, NOW_S - n * 60 + 60, 10, 1e9) for n in (1, 2)]
    order = [one.name for one in expendable(ahead + now, NOW_S)]
    assert order == ["ahead 1", "ahead 2", "now 2", "now 1"]


def test_recording_stops_long_after_deletion_began_on_disks_of_any_size():
    for total_bytes in (64 << 20, 16 << 30, 4 << 40):
        assert 0 < last_bytes(total_bytes) <= reserve_bytes(total_bytes) // 4 <= total_bytes // 64
    assert last_bytes(4 << 40) == 64 << 20


def test_the_forecast_follows_what_may_not_be_deleted():
    def shrinking(bytes_a_day, now_room):
        return [(NOW_S + h * 3600, now_room + round(bytes_a_day * (24 - h) / 24)) for h in range(25)]

    assert seconds_left([]) is None
    assert seconds_left([(NOW_S, 500)]) is None
    assert seconds_left(shrinking(0, 500)) is None
    assert seconds_left(shrinking(-100, 500)) is None  # room grows
    assert seconds_left(shrinking(100, 500)) == 5 * DAY_S
    before = [(NOW_S - 9 * DAY_S, 10**9)]  # longer ago than the window
    assert seconds_left(before + shrinking(100, 500)) == 5 * DAY_S
    clock_set_back = [(NOW_S + 90 * DAY_S, 7)]
    assert seconds_left(clock_set_back + shrinking(100, 500)) == 5 * DAY_S
    assert seconds_left(shrinking(100, 0)) == 0.0


def test_staff_are_told_days_before_hours_before_and_when_it_stops():
    told = [str(disk_problem(days * DAY_S, stopped=False)) for days in (9, 7.5, 3.2, 1.0, 0.9, 0.01)]
    assert told == ["None", "disk_days_left:7", "disk_days_left:3", "disk_days_left:1", "disk_hours_left:21",
                    "disk_hours_left:1"]  # fmt: skip
    assert str(disk_problem(9 * DAY_S, stopped=True)) == "recording_stopped"
    assert disk_problem(None, stopped=False) is None


def test_how_far_back_a_budget_reaches():
    assert reaches_back_s(1000, 100, DAY_S) == 10 * DAY_S
    assert reaches_back_s(1000, 100, 60.0) is None
    assert reaches_back_s(1000, 0, DAY_S) is None
