"""The console's calendar on the box: onto the disk, into force, and what the node says of it."""

import pytest

from broker.contract.schedule import RuleOrder, ScheduleMessage, SchedulePlan, ScheduleSpan
from edge.adapters import schedule_file
from edge.adapters.schedule_file import calendar_path, read_calendar
from edge.app.calendar_keeper import ENDS_SOON_S, WRITE_AGAIN_S, CalendarKeeper
from edge.core.calendar import NO_CALENDAR

UNTIL_AT_S = 1_802_000_000.0
NONE = ScheduleMessage(revision="", until_at_s=0.0)


class Clock:
    now_s = 1_800_000_000.0

    def wall_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s


def schedule(revision: str, until_at_s: float = UNTIL_AT_S) -> ScheduleMessage:
    orders = (RuleOrder(rule="loitering", camera="gate", zone="all", armed=True, seconds=30.0, severity="high"),)
    spans = (ScheduleSpan(from_at_s=1_799_500_000.0, plan=0), ScheduleSpan(from_at_s=1_800_500_000.0, plan=1))
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
    (order,) = again.calendar.plans[again.calendar.plan_at(1_799_600_000.0)]
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
        keeper.take(schedule("a", UNTIL_AT_S))
        keeper.turn()
        keeper._clock.now_s = UNTIL_AT_S - left_s
        assert [code for code, so in keeper.faults().items() if so] == told


def test_a_clock_that_is_wrong_is_told_and_arms_everything_until_it_is_set(tmp_path):
    console_at_s: list[float | None] = [None]
    keeper = CalendarKeeper(tmp_path, Clock(), lambda: console_at_s[0])
    keeper.take(schedule("a"))
    assert not keeper.turn().clock_wrong
    for wall_s, console_s, wrong in (
        (60.0, None, True),  # 1970: a Raspberry Pi at its start
        (1_799_500_000.0 - 3600, None, True),  # before the week in which the console wrote the calendar
        (1_799_500_000.0 - 60, None, False),
        (1_800_000_000.0, 1_800_000_100.0, False),
        (1_800_000_000.0, 1_800_036_000.0, True),  # ten hours slow: night is taken for lessons
        (1_800_000_000.0, 1_799_964_000.0, True),
        (1_800_036_000.0, 1_800_036_000.0, False),  # set while it runs
    ):
        was, keeper._clock.now_s, console_at_s[0] = keeper.calendar.clock_wrong, wall_s, console_s
        told = keeper.turn()
        assert (told is None) == (was == wrong)
        assert (keeper.calendar.clock_wrong, keeper.faults()["clock_wrong"]) == (wrong, wrong)
        assert keeper.calendar.revision == read_calendar(calendar_path(tmp_path)).revision == "a"
    keeper._clock.now_s = 60.0
    assert CalendarKeeper(tmp_path, Clock()).calendar.clock_wrong is False  # the class's own clock is right
    assert keeper.turn().clock_wrong
    keeper.take(NONE)
    assert keeper.turn().clock_wrong  # its own hours can't be told either
