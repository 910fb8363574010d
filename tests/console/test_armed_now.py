"""What is armed at a moment, and until when: by calendar, by a box's own hours, on holidays. No database."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from console.domain.alert import Severity
from console.domain.armed_now import armed_now
from console.domain.armed_week import Hours, Setting, WatchedBy
from console.domain.calendar import Calendar, DayKind, Order, OwnDays, Period, Scope, merged

HERE = ZoneInfo("Asia/Ho_Chi_Minh")
EVERY_DAY = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
NIGHT = (Hours(EVERY_DAY, 19 * 60, 5 * 60),)
LOITERING, CROWD, YARD = (
    Scope("loitering", "box", "gate", "pavement"),
    Scope("crowd", "box", "gate", "pavement"),
    Scope("intrusion", "box", "yard", "inside"),
)
ALWAYS = [WatchedBy(one, (Setting(60.0, Severity.MEDIUM),)) for one in (LOITERING, CROWD, YARD)]
SUGGESTED = merged([])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HERE)


def test_each_period_says_what_is_on_and_until_when():
    lessons = armed_now(SUGGESTED, {}, ALWAYS, at("2026-11-30T08:00"))
    assert (lessons.period, lessons.until, lessons.off) == (Period.LESSONS, at("2026-11-30T09:00"), ())
    fetched = armed_now(SUGGESTED, {}, ALWAYS, at("2026-11-30T16:30"))
    assert (fetched.period, fetched.on, fetched.off) == (Period.PICK_UP, ("intrusion",), ("loitering", "crowd"))
    assert fetched.open == (LOITERING,)  # one of the two places, named by its first rule
    assert fetched.places == 2


def test_after_hours_last_over_the_weekend_and_a_holiday_to_the_next_school_day():
    friday = armed_now(SUGGESTED, {}, ALWAYS, at("2026-11-27T18:00"))
    assert (friday.period, friday.until) == (Period.AFTER_HOURS, at("2026-11-30T06:30"))
    tet = merged([Calendar(days=(OwnDays(date(2026, 11, 30), date(2026, 12, 1), DayKind.HOLIDAY, "Nghỉ bão"),))])
    monday = armed_now(tet, {}, ALWAYS, at("2026-11-30T08:00"))
    assert monday.day is not None
    assert (monday.day.kind, monday.day.name, monday.until) == (DayKind.HOLIDAY, "Nghỉ bão", at("2026-12-02T06:30"))
    summer = merged([Calendar(days=(OwnDays(date(2026, 11, 30), date(2027, 2, 1), DayKind.NO_SCHOOL),))])
    assert armed_now(summer, {}, ALWAYS, at("2026-11-30T08:00")).until is None  # further away than is looked


def test_a_calendar_that_switches_all_off_leaves_every_place_open():
    nothing = {(Scope(rule), Period.AFTER_HOURS): Order(armed=False) for rule in ("loitering", "crowd", "intrusion")}
    night = armed_now(merged([Calendar(orders=nothing)]), {}, ALWAYS, at("2026-11-30T02:00"))
    assert (night.on, len(night.open), night.places, night.until) == ((), 2, 2, at("2026-11-30T06:30"))


def test_without_a_calendar_the_boxs_own_hours_say_when_it_changes():
    own = [WatchedBy(YARD, (Setting(None, Severity.HIGH, NIGHT),))]
    day = armed_now(None, {}, own, at("2026-11-30T08:00"))
    assert (day.period, day.open, day.until) == (None, (YARD,), at("2026-11-30T19:00"))
    night = armed_now(None, {}, own, at("2026-11-30T23:00"))
    assert (night.open, night.until) == ((), at("2026-12-01T05:00"))
    assert armed_now(None, {}, ALWAYS, at("2026-11-30T08:00")).until is None  # always the same


def test_what_an_old_box_does_not_tell_counts_as_armed():
    assert armed_now(None, {}, [WatchedBy(YARD)], at("2026-11-30T08:00")).open == ()
