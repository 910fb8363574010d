"""Takes the console's calendar in: onto the disk, and to the workers; says when the clock is wrong that it needs."""

import logging
import queue
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from broker.contract.schedule import ScheduleMessage
from edge.adapters.schedule_file import calendar_of, calendar_path, read_calendar, write_schedule
from edge.core.calendar import Calendar
from edge.core.clock_doubt import is_wrong
from edge.core.ports import Clock

log = logging.getLogger(__name__)

WRITE_AGAIN_S = 60.0  # a disk that is full is tried again
ENDS_SOON_S = 7 * 86_400.0


class CalendarKeeper:
    """The calendar of a node. `take` may be called in any thread, all else in one."""

    def __init__(self, state_dir: Path, clock: Clock, console_at_s: Callable[[], float | None] = lambda: None) -> None:
        """console_at_s: UTC seconds by the console's clock, None where it has not been heard."""
        self._path, self._clock, self._console_at_s = calendar_path(state_dir), clock, console_at_s
        self._inbox: queue.SimpleQueue[ScheduleMessage] = queue.SimpleQueue()
        self._unwritten: ScheduleMessage | None = None
        self._write_due_s = float("-inf")
        self.calendar = self._by_the_clock(read_calendar(self._path))

    def take(self, message: ScheduleMessage) -> None:
        """What the console has sent; the broker says it again with each connection."""
        self._inbox.put(message)

    def turn(self) -> Calendar | None:
        """Writes down what has come; the calendar, where it or the trust in the clock is another one now.

        It counts at once, also where the disk can't take it; then a restart may go back to the one before.
        """
        newest = None
        while not self._inbox.empty():
            newest = self._inbox.get_nowait()
        known = self.calendar
        found = replace(known, clock_wrong=False) if newest is None else calendar_of(newest)
        if newest is not None and found != replace(known, clock_wrong=False):
            self._unwritten, self._write_due_s = newest, float("-inf")
            log.info("the console's calendar %s counts from now on", found.revision or "(none)")
        self.calendar = self._by_the_clock(found)
        if self.calendar.clock_wrong != known.clock_wrong:
            told = "wrong: every rule is armed until it is set" if self.calendar.clock_wrong else "right again"
            log.warning("the clock of this box is %s", told)
        if self._unwritten is not None and self._clock.monotonic_s() >= self._write_due_s:
            self._write(self._unwritten)
        return self.calendar if self.calendar != known else None

    def _by_the_clock(self, calendar: Calendar) -> Calendar:
        begins_at_s = calendar.spans[0][0] if calendar.spans else None
        return replace(calendar, clock_wrong=is_wrong(self._clock.wall_s(), self._console_at_s(), begins_at_s))

    def faults(self) -> dict[str, float]:
        """What of it is wrong, by codes of `edge.core.machine.LIMITS`."""
        left_s = self.calendar.until_at_s - self._clock.wall_s()
        there = bool(self.calendar.revision)
        return {
            "calendar_ended": there and left_s <= 0,
            "calendar_ends": there and 0 < left_s < ENDS_SOON_S,
            "clock_wrong": self.calendar.clock_wrong,
        }

    def _write(self, message: ScheduleMessage) -> None:
        try:
            write_schedule(self._path, message)
            self._unwritten = None
        except OSError as error:
            log.error("%s can't be written (%s): after a restart an older calendar may count", self._path, error)
            self._write_due_s = self._clock.monotonic_s() + WRITE_AGAIN_S
