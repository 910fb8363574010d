"""Armed hours on the site's own clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.schedule import DAYS, WeeklySchedule, WeeklySpan

HANOI, BERLIN = "Asia/Ho_Chi_Minh", "Europe/Berlin"
modest = settings(max_examples=100, derandomize=True, deadline=None)
minutes = st.integers(0, 24 * 60)


def at(zone, *when):
    return datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()


def clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


def test_school_hours_in_hanoi():
    schedule = WeeklySchedule((WeeklySpan(("mon",), "07:30", "16:00"),), HANOI)
    assert not schedule.is_on(at(HANOI, 2024, 3, 4, 7, 29, 59))  # a Monday
    assert schedule.is_on(at(HANOI, 2024, 3, 4, 7, 30))
    assert schedule.is_on(datetime(2024, 3, 4, 8, 59, tzinfo=UTC).timestamp())
    assert not schedule.is_on(at(HANOI, 2024, 3, 4, 16, 0))
    assert not schedule.is_on(at(HANOI, 2024, 3, 5, 12, 0))


def test_a_night_belongs_to_the_day_that_it_begins_on_also_over_the_week_end():
    schedule = WeeklySchedule((WeeklySpan(("sun",), "22:00", "05:30"),), HANOI)
    assert schedule.is_on(at(HANOI, 2024, 3, 3, 23, 0))  # Sunday
    assert schedule.is_on(at(HANOI, 2024, 3, 4, 5, 29))
    assert not schedule.is_on(at(HANOI, 2024, 3, 4, 5, 30))
    assert not schedule.is_on(at(HANOI, 2024, 3, 3, 3, 0))
    assert not schedule.is_on(at(HANOI, 2024, 3, 4, 23, 0))


def test_clocks_that_change_move_the_hours_with_them():
    schedule = WeeklySchedule((WeeklySpan(begins="07:00", ends="08:00"),), BERLIN)
    for day in (30, 31):  # before and after 31 March 2024, when summer time begins
        assert schedule.is_on(at(BERLIN, 2024, 3, day, 7, 30))
        assert not schedule.is_on(at(BERLIN, 2024, 3, day, 8, 30))
    night = WeeklySchedule((WeeklySpan(("sat",), "22:00", "04:00"),), BERLIN)
    assert armed_minutes(night, at(BERLIN, 2024, 3, 30, 12)) == 5 * 60  # the hour from two to three is not there
    assert armed_minutes(night, at(BERLIN, 2024, 10, 26, 12)) == 7 * 60  # and in autumn twice
    hanoi = WeeklySchedule(night.spans, HANOI)
    assert armed_minutes(hanoi, at(HANOI, 2024, 3, 30, 12)) == 6 * 60


def armed_minutes(schedule, from_s):
    return sum(schedule.is_on(from_s + 60 * minute) for minute in range(24 * 60))


@modest
@given(st.sets(st.sampled_from(DAYS), min_size=1), minutes, minutes)
def test_a_week_in_hanoi_is_armed_exactly_as_long_as_its_spans(days, begins, ends):
    schedule = WeeklySchedule((WeeklySpan(tuple(days), clock(begins), clock(ends)),), HANOI)
    monday = datetime(2024, 3, 4, tzinfo=ZoneInfo(HANOI))
    length = ends - begins if begins < ends else 24 * 60 - begins + ends
    step = 30
    armed = sum(schedule.is_on((monday + timedelta(minutes=m)).timestamp()) for m in range(0, 7 * 24 * 60, step))
    assert armed * step == pytest.approx(length * len(days), abs=step * len(days))


@modest
@given(minutes, minutes, st.integers(0, 7 * 24 * 60 - 1))
def test_a_span_and_its_complement_share_no_minute_and_leave_none(begins, ends, minute):
    if begins == ends or 24 * 60 in (begins, ends):
        return  # the whole day, or a complement that no clock can say
    when = at(HANOI, 2024, 3, 4) + 60 * minute
    one, other = (
        WeeklySchedule((WeeklySpan(begins=a, ends=b),), HANOI)
        for a, b in ((clock(begins), clock(ends)), (clock(ends), clock(begins)))
    )
    assert one.is_on(when) != other.is_on(when)


def test_always_armed_unless_said_otherwise():
    assert WeeklySchedule().is_on(0.0)
    assert not WeeklySchedule(()).is_on(0.0)


@pytest.mark.parametrize("wrong", ["24:30", "-1:00", "noon"])
def test_what_is_no_time_of_day_is_refused(wrong):
    with pytest.raises(ValueError):  # noqa: PT011  # int() and ours both say it
        WeeklySchedule((WeeklySpan(begins=wrong),)).is_on(0.0)


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(ZoneInfoNotFoundError):
        WeeklySchedule(timezone="Asia/Nowhere").is_on(0.0)
