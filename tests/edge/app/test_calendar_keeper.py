"""The console's calendar on the box: onto the disk, into force, and what the node says of it."""

import pytest

from broker.contract.schedule import RuleOrder, ScheduleMessage, SchedulePlan, ScheduleSpan
from edge.adapters import schedule_file
from edge.adapters.schedule_file import calendar_path, read_calendar
from edge.app.calendar_keeper import ENDS_SOON_S, WRITE_AGAIN_S, CalendarKeeper
from edge.core.calendar import NO_CALENDAR

NONE = ScheduleMessage(revision="", until_at_s=0.0)


class Clock:
    now_s = 1_000_000.0

    def wall_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s


def schedule(revision: str, until_at_s: float = 2_000_000.0) -> ScheduleMessage:
    orders = (RuleOrder(rule="loitering", camera="gate", zone="all", armed=True, seconds=30.0, severity="high"),)
    spans = (ScheduleSpan(from_at_s=500_000.0, plan=0), ScheduleSpan(from_at_s=1_500_000.0, plan=1))
    plans = (SchedulePlan(name="lessons", orders=orders), SchedulePlan())
    return ScheduleMessage(revision=revision, until_at_s=until_at_s, plans=plans, spans=spans)


@pytest.fixture
def keeper(tmp_path):
    return CalendarKeeper(tmp_path, Clock())


def test_what_comes_counts_once_and_is_there_after_a_restart(keeper, tmp_path):
    assert (keeper.turn(), keeper.calendar) == (None, NO_CALENDAR)
    for revision in ("a", "b"):
        keeper.take(schedule(revision))
    assert keeper.turn().revision == "b"
    assert keeper.turn() is None
    keeper.take(schedule("b"))  # the broker says it again with each connection
    assert keeper.turn() is None
    again = CalendarKeeper(tmp_path, Clock())
    assert again.calendar == keeper.calendar
    (order,) = again.calendar.plans[again.calendar.plan_at(600_000.0)]
    assert (order.place, order.armed, order.seconds, order.severity) == ("all", True, 30.0, "high")
    again.take(NONE)
    assert again.turn() == NO_CALENDAR
    assert CalendarKeeper(tmp_path, Clock()).calendar == NO_CALENDAR


def test_a_disk_that_is_full_hinders_nothing_and_is_tried_again(keeper, tmp_path, monkeypatch):
    def full(*_args) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(schedule_file, "put_in_place", full)
        keeper.take(schedule("a"))
        assert keeper.turn().revision == "a"
        assert read_calendar(calendar_path(tmp_path)) == NO_CALENDAR
    assert keeper.turn() is None
    assert read_calendar(calendar_path(tmp_path)) == NO_CALENDAR  # not before its time
    keeper._clock.now_s += WRITE_AGAIN_S
    assert keeper.turn() is None
    assert read_calendar(calendar_path(tmp_path)).revision == "a"


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"\xff\x00", b'{"revision":"x","until_at_s":1,"spans":[{"from_at_s":1,"plan":0}]}']
)
def test_a_damaged_file_is_no_calendar_and_the_next_word_mends_it(tmp_path, damaged):
    calendar_path(tmp_path).write_bytes(damaged)
    keeper = CalendarKeeper(tmp_path, Clock())
    assert keeper.calendar == NO_CALENDAR
    keeper.take(schedule("a"))
    keeper.turn()
    assert read_calendar(calendar_path(tmp_path)).revision == "a"


def test_it_says_a_week_before_that_the_calendar_ends_and_when_it_has(keeper):
    assert not any(keeper.faults().values())
    for left_s, told in ((ENDS_SOON_S + 1, []), (ENDS_SOON_S - 1, ["calendar_ends"]), (0.0, ["calendar_ended"])):
        keeper.take(schedule("a", 2_000_000.0))
        keeper.turn()
        keeper._clock.now_s = 2_000_000.0 - left_s
        assert [code for code, so in keeper.faults().items() if so] == told
