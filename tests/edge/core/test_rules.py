"""Each rule, played through the real tracker and the real chain; and what an honest person can do to fool it."""

import numpy as np
import pytest

from edge.core.person import GapBridged, Person
from edge.core.rules.crowd import CrowdParams
from edge.core.rules.intrusion import IntrusionParams
from edge.core.rules.line_crossing import LineCrossingParams, LineCrossingRule
from edge.core.rules.loitering import LoiteringParams
from edge.core.rules.repeated_presence import RepeatedPresenceParams
from edge.core.rules.table import RULES, build
from edge.core.scene import Scene
from edge.core.schedule import WeeklySchedule, WeeklySpan
from edge.core.watch import WatchedRule

FROM_22_14 = WeeklySchedule((WeeklySpan(begins="22:14", ends="22:15"),))  # 40 s to 100 s after the street's beginning
RATES = pytest.mark.parametrize("fps", [2.0, 5.0, 10.0])


def times(until_s, fps=5.0):
    return np.arange(0, until_s, 1 / fps).round(3).tolist()


def told(street, state):
    return [event for event in street.events if event.state == state]


def standing(walker, until_s, x=320.0, y=300.0, clothes=0, begin_s=0.0):
    return walker(((begin_s, x, y), (until_s, x, y)), clothes)


@RATES
def test_loitering_fires_while_the_person_is_there_once_and_closes_after(street, walker, fps):
    played = street(WatchedRule(LoiteringParams("gate", 10.0))).play([standing(walker, 25)], times(60, fps))
    (opened,) = told(played, "open")
    assert opened.media_s == pytest.approx(10, abs=1 / fps + 0.01)
    assert opened.dwell_s >= 10
    (closed,) = told(played, "closed")
    assert closed.event_id == opened.event_id
    assert closed.dwell_s == pytest.approx(25, abs=1)
    assert [event.revision for event in played.events] == list(range(1, len(played.events) + 1))


def test_an_alert_ends_by_the_clock_by_which_it_began(street, walker, monkeypatch):
    watch = street(WatchedRule(LoiteringParams("gate", 10.0)))
    update = watch.watch.update
    monkeypatch.setattr(
        type(watch.watch),
        "update",
        lambda _, tracks, size, media_s, at_s, *more: update(
            tracks, size, media_s, at_s + 7200.0 * (media_s > 15), *more
        ),
    )
    played = watch.play([standing(walker, 25)], times(60))
    (opened,), (closed,) = told(played, "open"), told(played, "closed")
    lasted_s = closed.media_s - opened.media_s
    assert closed.closed_at_s == pytest.approx(opened.opened_at_s + lasted_s, abs=0.01)
    assert all(point.at_s <= closed.closed_at_s for point in closed.path)


def test_loitering_waits_for_a_sight_where_the_detector_fails_at_the_moment(street, walker):
    stands = walker(((0, 320, 300), (30, 320, 300)), hidden=((8, 12),))
    played = street(WatchedRule(LoiteringParams("gate", 10.0))).play([stands], times(30))
    assert told(played, "open")[0].media_s == pytest.approx(12.2, abs=0.3)


def test_nobody_is_reported_who_walked_away_just_before(street, walker):
    leaves = walker(((0, 320, 300), (9.5, 320, 300), (14, 680, 300)))
    assert not street(WatchedRule(LoiteringParams("gate", 12.5))).play([leaves], times(40)).events


def test_the_second_stage_comes_at_its_multiple_and_is_graver(street, walker):
    rule = WatchedRule(LoiteringParams("gate", 8.0, second_stage_at=2.5), "medium")
    played = street(rule).play([standing(walker, 30)], times(30))
    first = next(event for event in played.events if event.stage == 2)
    assert first.state == "updated"
    assert first.media_s == pytest.approx(20, abs=0.3)
    assert (played.events[0].severity, first.severity) == ("medium", "high")
    assert len(told(played, "open")) == 1


def test_seconds_before_the_rule_was_armed_do_not_count(street, walker):
    rule = WatchedRule(LoiteringParams("gate", 10.0), schedule=FROM_22_14)
    played = street(rule).play([standing(walker, 130)], times(130))
    assert told(played, "open")[0].media_s == pytest.approx(50, abs=0.3)
    (closed,) = told(played, "closed")
    assert (closed.closed_because, closed.media_s) == ("disarmed", pytest.approx(100, abs=0.3))


def test_two_rules_of_one_kind_in_one_zone_keep_their_own_events(street, walker):
    soon, late = (
        WatchedRule(LoiteringParams("gate", 8.0), "low"),
        WatchedRule(LoiteringParams("gate", 12.0), "critical"),
    )
    played = street(soon, late).play([standing(walker, 20)], times(60))
    opened, closed = told(played, "open"), told(played, "closed")
    assert [(event.threshold_s, event.severity) for event in opened] == [(8.0, "low"), (12.0, "critical")]
    assert {event.event_id for event in closed} == {event.event_id for event in opened}
    for event in played.events:
        (first,) = (one for one in opened if one.event_id == event.event_id)
        assert (event.threshold_s, event.severity) == (first.threshold_s, first.severity)


def test_two_rules_alike_but_for_their_severity_have_events_of_their_own(street, walker):
    rules = [WatchedRule(LoiteringParams("gate", 8.0), severity) for severity in ("low", "high")]
    played = street(*rules).play([standing(walker, 20)], times(60))
    assert len({event.event_id for event in told(played, "open")}) == 2
    assert len(told(played, "closed")) == 2


@RATES
def test_pacing_in_and_out_adds_up_within_the_window(street, walker, fps):
    # 5 s in, 7 s out, again and again: no single stay is long.
    way = [(0.0, 320.0, 300.0)]
    for _ in range(5):
        begin_s = way[-1][0]
        way += [(begin_s + 5, 320.0, 300.0), (begin_s + 7, 520.0, 300.0)]
        way += [(begin_s + 12, 520.0, 300.0), (begin_s + 14, 320.0, 300.0)]
    rules = [WatchedRule(LoiteringParams("gate", 15.0)), WatchedRule(RepeatedPresenceParams("gate", 15.0, 60.0))]
    played = street(*rules).play([walker(tuple(way))], times(70, fps))
    assert {event.rule for event in played.events} == {"repeated_presence"}
    opened = told(played, "open")[0]
    assert opened.visits >= 2
    assert 27 < opened.media_s < 36
    far_apart = street(WatchedRule(RepeatedPresenceParams("gate", 15.0, 16.0)))
    assert not far_apart.play([walker(tuple(way))], times(70, fps)).events


def test_two_people_who_pace_in_turns_do_not_add_up(street, walker):
    one = walker(((0, 320, 300), (8, 320, 300), (10, 560, 300), (60, 560, 300)), 1)
    other = walker(((0, 80, 300), (12, 80, 300), (15, 320, 300), (23, 320, 300), (26, 80, 300), (60, 80, 300)), 2)
    rule = WatchedRule(RepeatedPresenceParams("gate", 14.0, 60.0))
    assert not street(rule).play([one, other], times(60)).events


@RATES
def test_intrusion_only_while_armed_also_for_who_is_there_already(street, walker, fps):
    rule = WatchedRule(IntrusionParams("gate", 1.0), schedule=FROM_22_14)
    played = street(rule).play([standing(walker, 60), standing(walker, 130, 400.0, 330.0, 2, 70.0)], times(130, fps))
    assert [event.media_s for event in told(played, "open")] == pytest.approx([41, 71], abs=1 / fps + 0.3)
    assert {event.closed_because for event in told(played, "closed")} <= {"left", "lost", "disarmed"}
    assert len(told(played, "closed")) == 2


def test_one_false_box_is_no_intruder(street, walker):
    flash = walker(((10, 320, 300), (10.3, 320, 300)))
    assert not street(WatchedRule(IntrusionParams("gate", 1.0))).play([flash], times(30)).events


@RATES
def test_a_crowd_is_n_people_for_t_seconds_and_a_dip_does_not_matter(street, walker, fps):
    three = [
        standing(walker, 60, 230, 300, 1),
        standing(walker, 40, 320, 330, 2, 10),
        walker(((5, 410, 360), (40, 410, 360)), 3, hidden=((14, 14.8),)),
    ]
    played = street(WatchedRule(CrowdParams("gate", 3, hold_s=8.0))).play(three, times(80, fps))
    (opened,) = told(played, "open")
    assert opened.media_s == pytest.approx(18, abs=1.1)
    assert opened.people == 3
    (closed,) = told(played, "closed")
    assert closed.closed_because == "dispersed"
    assert not street(WatchedRule(CrowdParams("gate", 4, hold_s=8.0))).play(three, times(80, fps)).events


@RATES
@pytest.mark.parametrize(("begins", "ends", "direction"), [(200, 440, "in"), (440, 200, "out")])
def test_a_line_is_crossed_once_and_its_direction_told(street, walker, fps, begins, ends, direction):
    upward = ((0.5, 1.0), (0.5, 0.0))  # right of it is larger x
    walks = walker(((0, begins, 300), (5, ends, 300), (15, ends, 300)))
    played = street(WatchedRule(LineCrossingParams("line", upward))).play([walks], times(15, fps))
    assert [(event.state, event.direction) for event in played.events] == [("open", direction), ("closed", direction)]
    wrong = LineCrossingParams("line", upward, "out" if direction == "in" else "in")
    assert not street(WatchedRule(wrong)).play([walks], times(15, fps)).events


def test_who_trembles_on_a_line_or_walks_around_its_end_does_not_cross_it(street, walker):
    line = LineCrossingParams("line", ((0.5, 0.9), (0.5, 0.5)))
    assert not street(WatchedRule(line)).play([standing(walker, 60, 320, 300)], times(60)).events
    around = walker(((0, 250, 330), (4, 250, 170), (8, 390, 170), (12, 390, 330)))
    assert not street(WatchedRule(line)).play([around], times(12)).events


def person(person_id, track_id, x, now_s, bridged=None):
    box = np.array([x - 20, 200, x + 20, 300], np.float32)
    return Person(person_id, track_id, (track_id,), True, box, 100.0, 0.9, True, now_s, now_s, (x, 300.0), bridged)


def crossings(frames):
    rule = LineCrossingRule(LineCrossingParams("line", ((0.5, 1.0), (0.5, 0.0))))
    signals = []
    for now_s, persons in frames:
        signals += rule.update(Scene("c", now_s, now_s, (), tuple(persons), (), (), (640, 480)), True)
    return [signal.direction for signal in signals if signal.state == "open"]


def test_two_whose_identities_are_put_right_do_not_cross_the_line_between_them():
    switch = GapBridged(0.0, 0.4, "identity_switch", 1, 2)
    before = [(t, [person(1, 1, 200, t), person(2, 2, 440, t)]) for t in (0.0, 0.2)]
    after = [(t, [person(1, 2, 440, t, switch if t == 0.4 else None), person(2, 1, 200, t)]) for t in (0.4, 0.6)]
    assert crossings([*before, *after]) == []


def test_a_crossing_is_not_told_again_when_the_person_turns_out_to_be_an_earlier_one():
    lost = [(0.0, [person(1, 1, 280, 0.0)])]
    younger = [(t, [person(2, 2, x, t)]) for t, x in ((0.4, 300), (0.6, 310), (0.8, 335), (1.0, 350))]
    joined = person(1, 2, 365, 1.2, GapBridged(0.0, 0.4, "identity_switch", 1, 2))
    assert crossings([*lost, *younger, (1.2, [joined]), (1.4, [person(1, 2, 380, 1.4)])]) == ["in"]


def test_each_row_of_the_table_builds_its_rule():
    examples = [
        LoiteringParams("z", 1.0),
        RepeatedPresenceParams("z", 1.0),
        IntrusionParams("z"),
        CrowdParams("z", 2),
        LineCrossingParams("l", ((0, 0), (1, 1))),
    ]
    assert [type(build(params)) for params in examples] == [entry.rule for entry in RULES]


def test_a_rule_for_a_zone_that_is_not_there_is_refused(street):
    with pytest.raises(ValueError, match="names zone 'yard'"):
        street(WatchedRule(LoiteringParams("yard", 10.0)))
