"""What a box tells while its clock is wrong, or is just being set, is taken at its true time, and rings."""

import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.messages import EventMessage, HealthMessage
from console.store import alerts

pytestmark = pytest.mark.system
EVENT_ID = str(uuid.UUID(int=7))
BEGAN_S = 1_792_000_000.0


def opened(at_s: float, sent_at_s: float, clock_set_s: float = 0.0) -> tuple[str, bytes]:
    facts = {"event_id": EVENT_ID, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=at_s, captured_at_s=at_s, dwell_s=1.0)
    return topics.EVENT.of("n1"), codec.encode(topics.EVENT, "n1", event, sent_at_s, "box", 1, clock_set_s)


def report(desk, at_s: float, started_at_s: float, waited_s: float = 0.0) -> None:
    """The node's health, by its own clock."""
    health = HealthMessage(at_s=at_s, started_at_s=started_at_s, version="1", state="ok")
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, at_s), waited_s)


def find(desk):
    with desk.console.database.read() as connection:
        return alerts.find(connection, EVENT_ID)


def hear(desk, lag_s: float, *after_s: float) -> None:
    """The node's health, after each of so many seconds, by a clock that is `lag_s` behind."""
    for pause_s in after_s:
        desk.clock.now_s += pause_s
        at_s = desk.clock.now_s - lag_s
        report(desk, at_s, started_at_s=BEGAN_S - 9000)


@pytest.mark.parametrize("lag_s", [10_800.0, -10_800.0, 400.0])
def test_what_rings_as_the_clock_is_set_by_hours_is_neither_late_nor_hours_away(desk, lag_s):
    hear(desk, 0.1, 15, 15, 15)
    desk.clock.now_s += 5
    opened_at_s = desk.clock.now_s - 3
    desk.intake.take(*opened(opened_at_s - lag_s, desk.clock.now_s - lag_s))
    found = find(desk)
    assert found.opened_at_s == pytest.approx(opened_at_s, abs=1.0)
    assert not found.late


@pytest.mark.parametrize("lag_s", [10_800.0, -10_800.0])
def test_a_busy_console_is_told_that_the_clock_was_set_by_what_waited_for_it(desk, lag_s):
    hear(desk, 0.1, 15, 15, 15)
    desk.clock.now_s += 45
    sent_at_s = desk.clock.now_s - 30  # 28 s of them with the broker, which tells it
    report(desk, sent_at_s - 1 - lag_s, started_at_s=BEGAN_S - 9000, waited_s=28.0)
    desk.intake.take(*opened(sent_at_s - 3 - lag_s, sent_at_s - lag_s), 28.3)
    assert find(desk).opened_at_s == pytest.approx(sent_at_s - 3, abs=4.0)
    assert not find(desk).late


@pytest.mark.parametrize("waited_s", [0.0, None])
def test_a_clock_set_forward_shows_in_the_first_message_of_a_box_no_journey_explains_that(desk, waited_s):
    now_s = desk.clock.now_s
    desk.intake.take(*opened(now_s + 7197, now_s + 7200), waited_s)
    assert find(desk).opened_at_s == pytest.approx(now_s - 3, abs=1.0)
    assert not find(desk).late


@pytest.mark.parametrize("kept_by", ["node", "broker", "broker without a word of it"])
def test_what_waited_on_its_way_tells_no_clock(desk, kept_by):
    hear(desk, 0.1, 15, 15, 15)
    sent_at_s = desk.clock.now_s + 5
    desk.clock.now_s += 612 if kept_by == "node" else 12
    sent_at_s -= 0 if kept_by == "node" else 600
    waited_s = {"node": 0.0, "broker": 607.0}.get(kept_by)
    desk.intake.take(*opened(sent_at_s - 1, sent_at_s), waited_s)
    assert find(desk).late
    assert find(desk).opened_at_s == sent_at_s - 1


@pytest.mark.parametrize("behind_s", [1_791_990_000.0, -90_000.0])  # a clock that woke in 1970; one 25 h ahead
def test_events_of_a_box_whose_wrong_clock_is_known_are_taken_at_their_true_time(desk, behind_s):
    for _ in range(2):
        report(desk, desk.clock() - behind_s, started_at_s=1.0)
        desk.clock.now_s += 15
    at_s = desk.clock() - behind_s - 5
    assert desk.intake.take(*opened(at_s, at_s + 5)).refused_because is None
    assert find(desk).opened_at_s == pytest.approx(desk.clock() - 5, abs=1.0)


@pytest.mark.parametrize("set_s", [10_800.0, -10_800.0])
def test_what_was_written_before_the_clock_was_set_rings_with_its_true_time_whoever_is_heard_first(desk, set_s):
    desk.clock.now_s += 5
    at_s = desk.clock.now_s - 3
    desk.intake.take(*opened(at_s - set_s, desk.clock.now_s, clock_set_s=set_s))
    assert find(desk).opened_at_s == pytest.approx(at_s, abs=1.0)
    assert not find(desk).late


def test_an_alert_that_opened_by_a_clock_of_1970_closes_when_the_clock_is_right(desk):
    hear(desk, desk.clock.now_s - 10_000.0, 15, 15, 15)
    desk.clock.now_s += 5
    assert desk.intake.take(*opened(10_030.0, 10_050.0)).refused_because is None
    hear(desk, 0.1, 15, 15, 15, 15)
    now_s = desk.clock.now_s
    facts = {"event_id": EVENT_ID, "revision": 2, "state": "closed", "rule": "loitering", "camera": "gate"}
    times = {"opened_at_s": 10_030.0, "captured_at_s": now_s, "closed_at_s": now_s, "dwell_s": 60.0}
    event = EventMessage(**facts, **times, closed_because="left")
    payload = codec.encode(topics.EVENT, "n1", event, now_s, "box", 2)
    assert desk.intake.take(topics.EVENT.of("n1"), payload).refused_because is None
