"""What kind of day it is, what is armed then, and how that is written out for a box."""

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.contract import codec, topics
from console.domain.alert import Severity
from console.domain.armed_schedule import WEEKS, compiled, monday_of, standings
from console.domain.armed_week import By, Hours, Setting, WatchedBy, week_plan
from console.domain.calendar import (
    AS_THE_BOX,
    DAY_MINUTES,
    RULES,
    SUGGESTED,
    Calendar,
    CalendarError,
    DayKind,
    Order,
    OwnDays,
    Period,
    Scope,
    Span,
    check,
    day_of,
    merged,
    minute_of,
    order_for,
    orders_in,
    period_at,
    spans_of,
)
from console.domain.unarmed import Unarmed, first_difference, unarmed
from console.ingest.schedule_sender import schedule_message
from console.store.calendars import calendar_of, text_of
from console.store.public_holidays import public_holidays

SITE = ZoneInfo("Asia/Ho_Chi_Minh")
PUBLIC = public_holidays(2026)
MONDAY = date(2026, 11, 30)
AT_S = datetime(2026, 12, 2, 10, tzinfo=SITE).timestamp()

spans = st.lists(st.integers(0, DAY_MINUTES), unique=True, max_size=12).map(
    lambda minutes: tuple(
        Span(begins, ends, period)
        for (begins, ends), period in zip(pairwise(sorted(minutes)), list(Period) * 2, strict=False)
        if period != Period.AFTER_HOURS
    )
)
own_days = st.builds(
    OwnDays, st.just(MONDAY), st.dates(MONDAY, date(2027, 3, 1)), st.sampled_from(DayKind), st.just("Hội trại")
)
orders = st.builds(
    Order, st.sampled_from([None, True, False]), st.sampled_from([None, 5.0, 60.0]), st.sampled_from([None, *Severity])
)
scopes = st.builds(
    Scope,
    st.sampled_from(["loitering", "intrusion"]),
    st.just("n1"),
    st.just("gate"),
    st.sampled_from(["", "pavement"]),
)
calendars = st.builds(
    Calendar,
    st.none() | st.tuples(*[st.sampled_from(DayKind)] * 7),
    st.dictionaries(st.sampled_from(DayKind), spans, max_size=3),
    st.sampled_from([None, True, False]),
    st.lists(own_days, max_size=1).map(tuple),
    st.dictionaries(st.tuples(scopes, st.sampled_from(Period)), orders, max_size=5),
)


@settings(max_examples=25, deadline=None)
@given(calendars, st.sampled_from([SITE, ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns")]), st.integers(0, 400))
def test_a_schedule_has_no_gap_and_each_moment_of_it_is_as_the_calendar_says(said, zone, days):
    now_s = AT_S + days * 86_400.0
    check(said)
    whole = merged([said])
    schedule = compiled(whole, PUBLIC, zone, now_s)
    assert schedule.spans[0][0] <= now_s < schedule.until_at_s - (8 * 7 * 24 - 1) * 3600
    assert [one for one in pairwise(schedule.spans) if one[0][0] >= one[1][0] or one[0][1] == one[1][1]] == []
    told = standings(whole, PUBLIC, zone, monday_of(now_s, zone), 7 * WEEKS)
    assert all(before.ends_at_s == after.begins_at_s for before, after in pairwise(told))
    for one in told[:: max(1, len(told) // 40)]:
        local = datetime.fromtimestamp((one.begins_at_s + one.ends_at_s) / 2, zone)
        day, span = period_at(whole, local.date(), local.hour * 60 + local.minute, PUBLIC)
        assert (day, span.period) == (one.day, one.period)
    payload = codec.encode(topics.SCHEDULE, "console", schedule_message(schedule, "n1"), now_s)
    assert codec.decode(topics.SCHEDULE.of("n1"), payload).message == schedule_message(schedule, "n1")
    assert calendar_of(text_of(said)) == said


def test_the_same_all_week_is_the_same_schedule_and_another_week_is_another():
    whole = merged([])
    revisions = [compiled(whole, PUBLIC, SITE, AT_S + day * 86_400.0).revision for day in (0, 4, 5)]
    assert revisions[0] == revisions[1] != revisions[2]


def test_the_lunar_new_year_is_a_holiday_by_itself_and_a_school_may_teach_on_another_one():
    tet = date(2027, 2, 6)
    assert day_of(merged([]), tet, PUBLIC) == day_of(merged([]), tet, PUBLIC)
    assert day_of(merged([]), date(2027, 2, 8), PUBLIC).kind == DayKind.HOLIDAY
    assert "Tết" in day_of(merged([]), tet, PUBLIC).name
    assert day_of(merged([Calendar(public_holidays=False)]), date(2027, 2, 8), PUBLIC).kind == DayKind.SCHOOL_DAY
    makes_up = Calendar(days=(OwnDays(date(2027, 2, 10), date(2027, 2, 10), DayKind.SCHOOL_DAY, "Học bù"),))
    assert day_of(merged([makes_up]), date(2027, 2, 10), PUBLIC).kind == DayKind.SCHOOL_DAY


def test_a_school_inherits_what_it_does_not_say_and_what_it_says_counts():
    loitering = Scope("loitering")
    holiday = OwnDays(date(2026, 12, 24), date(2026, 12, 26), DayKind.HOLIDAY, "Nghỉ đông")
    fair = OwnDays(date(2026, 12, 24), date(2026, 12, 24), DayKind.SPECIAL_DAY, "Hội chợ")
    province = Calendar(days=(holiday,), orders={(loitering, Period.PICK_UP): Order(True, 900.0)})
    school = Calendar(
        week=(*(DayKind.SCHOOL_DAY,) * 6, DayKind.NO_SCHOOL),
        days=(fair,),
        orders={
            (Scope("loitering", "n1", "gate"), Period.PICK_UP): Order(False),
            (loitering, Period.EVENT): AS_THE_BOX,
        },
    )
    whole = merged([province, school])
    kinds = [day_of(whole, date(2026, 12, day), PUBLIC).kind for day in (24, 25, 28)]
    assert kinds == [DayKind.SPECIAL_DAY, DayKind.HOLIDAY, DayKind.SCHOOL_DAY]
    assert day_of(whole, date(2026, 12, 5), PUBLIC).kind == DayKind.SCHOOL_DAY  # a Saturday
    assert whole.timetables == SUGGESTED.timetables
    found = dict(orders_in(whole, Period.PICK_UP))
    assert order_for(found, Scope("loitering", "n1", "gate", "pavement")) == Order(False)
    assert order_for(found, Scope("loitering", "n1", "yard", "all")) == Order(True, 900.0)
    assert order_for(dict(orders_in(whole, Period.EVENT)), loitering) == AS_THE_BOX


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Calendar(timetables={DayKind.EXAM_DAY: (Span(60, 60, Period.EXAM),)}), "times_order"),
        (
            Calendar(timetables={DayKind.EXAM_DAY: (Span(60, 120, Period.EXAM), Span(100, 130, Period.BREAK))}),
            "times_overlap",
        ),
        (Calendar(days=(OwnDays(date(2027, 1, 2), date(2027, 1, 1), DayKind.HOLIDAY),)), "days_order"),
        (Calendar(days=(OwnDays(date(2027, 1, 2), date(2028, 1, 1), DayKind.HOLIDAY),)), "days_long"),
        (Calendar(days=(OwnDays(MONDAY, MONDAY, DayKind.HOLIDAY),) * 2), "days_overlap"),
        (Calendar(orders={(Scope("loitering"), Period.BREAK): Order(True, 0.5)}), "seconds"),
        (Calendar(week=(DayKind.HOLIDAY,)), "no_week"),
    ],
)
def test_what_can_not_be_is_refused_with_a_word_for_it(said, code):
    with pytest.raises(CalendarError) as refused:
        check(said)
    assert refused.value.code == code


@pytest.mark.parametrize("written", ["", "7", "7:5", "24:01", "x:00", "07:60", "-1:00", "٧:00"])
def test_what_is_no_time_of_day_is_refused(written):
    with pytest.raises(CalendarError):
        minute_of(written)


def test_a_week_says_what_is_armed_by_whom_and_what_differs_from_now():
    yard, gate = Scope("intrusion", "n1", "yard", "yard"), Scope("loitering", "n1", "gate", "pavement")
    night = Hours(frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun")), minute_of("19:00"), minute_of("05:00"))
    rules = [
        WatchedBy(yard, (Setting(1.0, Severity.HIGH, (night,)),)),
        WatchedBy(gate, (Setting(120.0, Severity.MEDIUM),)),
        WatchedBy(Scope("loitering", "n1", "roof", "roof"), (Setting(5.0, Severity.CRITICAL, follows=False),)),
        WatchedBy(Scope("crowd", "old", "gate", "all")),
    ]
    nothing = week_plan(merged([]), merged([]), PUBLIC, rules, MONDAY)
    assert [len(days) for days in nothing] == [5, 2]
    assert not any(plan.differs for days in nothing for plan in days)
    fair = Calendar(days=(OwnDays(date(2026, 12, 2), date(2026, 12, 2), DayKind.SPECIAL_DAY, "Hội chợ"),))
    weeks = week_plan(merged([fair]), merged([]), PUBLIC, rules, MONDAY)
    assert [[plan.day.date.day for plan in days] for days in weeks] == [[30, 1, 3, 4], [2], [5, 6]]
    assert [days[0].differs for days in weeks] == [False, True, False]
    school_day = {one.begins: one for one in weeks[0][0].stretches}
    assert school_day[minute_of("06:30")].armed[gate].armed is False
    lessons = school_day[minute_of("07:30")].armed
    assert (lessons[gate].armed, lessons[gate].seconds, lessons[gate].by) == (True, 120.0, By.BOX)
    assert lessons[yard].armed is False  # its own hours
    assert lessons[rules[2].scope].by == By.FIXED
    assert lessons[rules[3].scope].armed is None  # an old box does not tell
    sunday = weeks[2][0].stretches
    assert [(one.begins, one.ends, one.period) for one in sunday if one.armed[yard].armed] == [
        (0, DAY_MINUTES, Period.AFTER_HOURS)
    ]
    first_ever = week_plan(merged([]), None, PUBLIC, rules, MONDAY)
    assert any(one.differs for one in first_ever[1][0].stretches)  # the yard on a Sunday by day


def test_a_place_where_nothing_is_armed_is_named_and_what_an_old_box_does_not_tell_is_no_such_place():
    yard, gate, fence = (Scope(rule, "n1", rule, "z") for rule in ("intrusion", "loitering", "crowd"))
    rules = [WatchedBy(one, (Setting(60.0, Severity.HIGH),)) for one in (yard, gate, fence)]
    rules += [WatchedBy(Scope("intrusion", "n1", "loitering", "z")), WatchedBy(Scope("crowd", "old", "gate", "all"))]

    def found(*orders: tuple[Scope, Period, bool]) -> Unarmed:
        said = Calendar(orders={(scope, period): Order(armed) for scope, period, armed in orders})
        return unarmed(week_plan(merged([said]), None, PUBLIC, rules, MONDAY))

    assert found() == Unarmed()
    assert found((Scope("intrusion"), Period.AFTER_HOURS, False)) == Unarmed((), (yard,))
    everything = [(Scope(rule), period, False) for rule in RULES for period in Period]
    off = found(*everything, (fence, Period.LESSONS, True))
    assert off == Unarmed((yard, gate, Scope("crowd", "old", "gate", "all")), (fence,))


def test_a_change_shows_from_the_first_day_that_it_is_for():
    def first(said: Calendar) -> date | None:
        return first_difference(merged([said]), merged([]), PUBLIC, MONDAY, 366)

    assert first(Calendar()) is None
    exams = {DayKind.EXAM_DAY: (Span(60, 90, Period.EXAM),)}
    assert first(Calendar(timetables=exams)) is None  # no day is one
    lessons = {DayKind.HOLIDAY: (Span(0, DAY_MINUTES, Period.LESSONS),)}
    assert first(Calendar(timetables=lessons)) == date(2027, 1, 1)  # the next holiday
    assert first(Calendar(orders={(Scope("crowd"), Period.LESSONS): Order(False)})) == MONDAY
    assert first(Calendar(public_holidays=False)) == date(2027, 1, 1)


def test_all_of_a_day_is_named():
    assert [one.period for one in spans_of(SUGGESTED, DayKind.HOLIDAY)] == [Period.AFTER_HOURS]
    whole = spans_of(SUGGESTED, DayKind.SCHOOL_DAY)
    assert (whole[0].begins, whole[-1].ends) == (0, DAY_MINUTES)
    assert all(before.ends == after.begins for before, after in pairwise(whole))
