"""What a calendar makes of the rules: armed, seconds, severity; and of who stands there when a period changes."""

from dataclasses import replace

import pytest

from edge.core.calendar import NO_CALENDAR, Calendar, CalendarDesk, Order, WatchedRule
from edge.core.rules.crowd import CrowdParams
from edge.core.rules.intrusion import IntrusionParams
from edge.core.rules.line_crossing import LineCrossingParams
from edge.core.rules.loitering import LoiteringParams
from edge.core.rules.repeated_presence import RepeatedPresenceParams
from edge.core.rules.table import RULES, seconds_of, with_seconds
from edge.core.schedule import WeeklySchedule, WeeklySpan

BEGIN_S = 1_700_000_000.0  # where the street's walkers begin
NEVER = WeeklySchedule((WeeklySpan(("mon",), "00:00", "00:01"),))  # BEGIN_S is a Tuesday
LOITERING = WatchedRule(LoiteringParams("gate", 60.0))


def calendar(*parts: tuple[float, tuple[Order, ...]], until_s: float = 1e6) -> Calendar:
    """Orders from so many seconds of the street on."""
    spans = tuple((BEGIN_S + from_s, number) for number, (from_s, _) in enumerate(parts))
    return Calendar("one", BEGIN_S + until_s, spans, tuple(orders for _, orders in parts))


def opened(events):
    return [(round(event.media_s), event.threshold_s, event.severity) for event in events if event.state == "open"]


@pytest.mark.parametrize("entry", RULES, ids=lambda entry: entry.kind)
def test_each_rule_but_a_line_has_seconds_that_can_be_set(entry):
    params = {
        LoiteringParams: LoiteringParams("z", 9.0),
        RepeatedPresenceParams: RepeatedPresenceParams("z", 9.0, 90.0),
        IntrusionParams: IntrusionParams("z", 9.0),
        CrowdParams: CrowdParams("z", 3, 9.0),
        LineCrossingParams: LineCrossingParams("l", ((0, 0), (1, 1))),
    }[entry.params]
    assert seconds_of(params) == (9.0 if entry.seconds else None)
    assert seconds_of(with_seconds(params, 400.0)) == (400.0 if entry.seconds else None)
    if isinstance(params, RepeatedPresenceParams):
        assert with_seconds(params, 400.0).window_s == 400.0


def test_the_narrowest_order_counts_and_alone_and_what_it_leaves_out_is_as_configured():
    wide = Order("loitering", armed=False, seconds=10.0, severity="low")
    camera = Order("loitering", "camera", seconds=20.0)
    zone = Order("loitering", "camera", "gate", armed=True)
    others = (Order("loitering", "other", "gate", armed=False), Order("crowd", armed=False))

    def found(*orders):
        (now,) = CalendarDesk("camera", [LOITERING]).in_force(calendar((0.0, (*orders, *others))), BEGIN_S)
        return now.armed, now.params.dwell_s, now.severity

    assert found() == (True, 60.0, "medium")
    assert found(wide) == (False, 10.0, "low")
    assert found(wide, camera) == (True, 20.0, "medium")
    assert found(zone, camera, wide) == (True, 60.0, "medium")


def test_outside_of_its_spans_and_for_fixed_rules_everything_is_as_configured():
    told = calendar((10.0, (Order("loitering", armed=False),)), until_s=20.0)
    fixed = replace(LOITERING, follows_calendar=False)
    desk = CalendarDesk("camera", [LOITERING, fixed])
    armed = [[now.armed for now in desk.in_force(told, BEGIN_S + at_s)] for at_s in (9.9, 10.0, 19.9, 20.0)]
    assert armed == [[True, True], [False, True], [False, True], [True, True]]
    assert [now.armed for now in desk.in_force(NO_CALENDAR, BEGIN_S)] == [True, True]


def test_a_clock_that_is_wrong_silences_no_rule():
    rules = [LOITERING, replace(LOITERING, schedule=NEVER), replace(LOITERING, schedule=NEVER, follows_calendar=False)]
    off = calendar((0.0, (Order("loitering", armed=False, severity="low"),)))
    desk = CalendarDesk("camera", rules)
    assert not desk.in_force(off, BEGIN_S)[0].armed
    for told in (off, NO_CALENDAR):
        found = desk.in_force(replace(told, clock_wrong=True), BEGIN_S)
        assert [(now.armed, now.params.dwell_s, now.severity) for now in found] == [(True, 60.0, "medium")] * 3
    assert not desk.in_force(off, BEGIN_S)[0].armed


def test_of_rules_that_differ_in_hours_and_seconds_alone_one_rings():
    by_day = WatchedRule(LoiteringParams("gate", 120.0), schedule=NEVER)
    by_night = WatchedRule(LoiteringParams("gate", 60.0))
    other = WatchedRule(CrowdParams("gate", 5), schedule=NEVER)

    def armed(rules, *orders):
        return [now.armed for now in CalendarDesk("camera", rules).in_force(calendar((0.0, orders)), BEGIN_S)]

    order = Order("loitering", armed=True)
    assert armed([by_day, by_night, other], order, Order("crowd", armed=True)) == [False, True, True]
    assert armed([by_day, by_day], order) == [True, False]
    assert armed([by_night, by_night], order) == [True, True]  # a ladder of its installer's
    assert armed([by_night, by_night], replace(order, seconds=30.0)) == [True, False]  # no ladder any more


def test_who_stands_there_when_seconds_change_has_stood_there_all_the_time(street, walker):
    stands = walker(((0.0, 320, 300), (300.0, 325, 300)))
    drop_off, lessons = Order("loitering", seconds=600.0, severity="low"), Order("loitering", seconds=60.0)
    one = street(LOITERING)
    one.calendar = calendar((0.0, (drop_off,)), (101.0, (lessons,)), (200.0, (drop_off,)))
    one.play([stands], [n / 2 for n in range(600)])
    assert opened(one.events) == [(101, 60.0, "medium")]  # at once: 100 s are more than 60
    last = one.events[-1]
    assert (last.state, last.threshold_s, last.severity) == ("updated", 60.0, "high")  # stage 2; it never gets milder


def test_seconds_before_a_rule_was_armed_do_not_count_so_who_is_late_has_time_to_leave(street, walker):
    stands = walker(((0.0, 320, 300), (200.0, 325, 300)))
    one = street(LOITERING)
    one.calendar = calendar((0.0, (Order("loitering", armed=False),)), (100.0, ()))
    one.play([stands], [n / 2 for n in range(400)])
    assert opened(one.events) == [(160, 60.0, "medium")]


def test_what_is_open_when_the_rule_is_disarmed_ends_and_says_why(street, walker):
    stands = walker(((0.0, 320, 300), (200.0, 325, 300)))
    one = street(LOITERING)
    one.calendar = calendar((0.0, ()), (100.0, (Order("loitering", armed=False),)))
    one.play([stands], [n / 2 for n in range(400)])
    assert [(event.state, event.closed_because) for event in one.events if event.state != "updated"] == [
        ("open", None),
        ("closed", "disarmed"),
    ]


def test_what_is_open_when_it_gets_graver_says_so(street, walker):
    stands = walker(((0.0, 320, 300), (170.0, 325, 300)))
    one = street(LOITERING)
    one.calendar = calendar((0.0, ()), (100.0, (Order("loitering", severity="critical"),)))
    one.play([stands], [n / 2 for n in range(340)])
    assert [one.events[0].severity, one.events[-1].severity] == ["medium", "critical"]
