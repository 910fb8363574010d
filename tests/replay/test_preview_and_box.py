"""What the console shows before it saves is what the box then does: two programs that know nothing of each other."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.contract import codec, topics
from console.domain.alert import Severity
from console.domain.armed_schedule import compiled
from console.domain.armed_week import WEEKDAYS, Hours, Setting, WatchedBy, day_plan
from console.domain.calendar import Calendar, DayKind, Order, Period, Scope, minute_of
from console.domain.calendar import merged as counts
from console.ingest.schedule_sender import schedule_message
from console.store.public_holidays import public_holidays
from edge.adapters.schedule_file import calendar_of
from edge.core.calendar import CalendarDesk, WatchedRule
from edge.core.rules.intrusion import IntrusionParams
from edge.core.rules.loitering import LoiteringParams
from edge.core.rules.table import seconds_of
from edge.core.schedule import WeeklySchedule, WeeklySpan

SITE, ZONE = "Asia/Ho_Chi_Minh", ZoneInfo("Asia/Ho_Chi_Minh")
PUBLIC, MONDAY, NOW_S = public_holidays(2026), date(2026, 12, 28), 1_798_500_000.0  # with New Year's Day in it
PARAMS = {"loitering": LoiteringParams, "intrusion": IntrusionParams}

clocks = st.sampled_from(["00:00", "05:00", "07:30", "12:00", "19:00", "24:00"])
hours = st.lists(
    st.tuples(st.sets(st.sampled_from(WEEKDAYS), min_size=1), clocks, clocks).filter(lambda one: one[1] != "24:00"),
    max_size=2,
)
rules = st.lists(
    st.tuples(st.sampled_from([30.0, 60.0, 120.0]), st.sampled_from(Severity), hours, st.booleans()),
    min_size=1,
    max_size=3,
)
scopes = st.builds(
    lambda rule, depth: Scope(rule, *("box", "gate", "pavement")[:depth]),
    st.sampled_from(sorted(PARAMS)),
    st.sampled_from([0, 2, 3]),
)
orders = st.builds(
    Order, st.sampled_from([None, True, False]), st.sampled_from([None, 45.0]), st.sampled_from([None, *Severity])
)
calendars = st.builds(
    Calendar,
    st.none() | st.tuples(*[st.sampled_from(DayKind)] * 7),
    orders=st.dictionaries(st.tuples(scopes, st.sampled_from(Period)), orders, max_size=8),
)


@settings(max_examples=40, deadline=None)
@given(calendars, st.sampled_from(sorted(PARAMS)), rules, st.integers(0, 6), st.integers(0, 1439))
def test_the_preview_says_what_the_box_does(said, kind, told, day, minute):
    whole, scope = counts([said]), Scope(kind, "box", "gate", "pavement")
    shown_hours = [tuple(Hours(frozenset(days), minute_of(a), minute_of(b)) for days, a, b in one[2]) for one in told]
    setting = [
        Setting(seconds, severity, own, follows)
        for (seconds, severity, _, follows), own in zip(told, shown_hours, strict=True)
    ]
    on = MONDAY + timedelta(days=day)
    plan = day_plan(whole, None, PUBLIC, [WatchedBy(scope, tuple(setting))], on)
    shown = next(one for one in plan.stretches if one.begins <= minute < one.ends).armed[scope]

    payload = codec.encode(
        topics.SCHEDULE, "console", schedule_message(compiled(whole, PUBLIC, ZONE, NOW_S), "box"), 1.0
    )
    watched = [
        WatchedRule(
            PARAMS[kind]("pavement", seconds),
            severity.value,
            WeeklySchedule(tuple(WeeklySpan(tuple(days), a, b) for days, a, b in own) or (WeeklySpan(),), SITE),
            follows,
        )
        for seconds, severity, own, follows in told
    ]
    at_s = moment_s(on, minute)
    calendar = calendar_of(codec.decode(topics.SCHEDULE.of("box"), payload).message)
    done = CalendarDesk("gate", watched).in_force(calendar, at_s)
    first = next((one for one in done if one.armed), None)
    assert shown.armed == (first is not None)
    if first is not None:
        assert (shown.seconds, shown.priority) == (seconds_of(first.params), first.severity)


def moment_s(on: date, minute: int) -> float:
    return (datetime(on.year, on.month, on.day, tzinfo=ZONE) + timedelta(minutes=minute, seconds=30)).timestamp()
