"""Sends each box the calendar of its site, written out, until the box says that it works by it."""

import logging
import threading
from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

from broker.contract import codec, topics
from broker.contract.schedule import RuleOrder, ScheduleMessage, SchedulePlan, ScheduleSpan
from console.domain.armed_schedule import ArmedSchedule, monday_of
from console.domain.calendar import RULES
from console.domain.node_clock import LEAP_S
from console.ingest.retold import tell_until
from console.store import calendars
from console.store.database import Database

log = logging.getLogger(__name__)

UNREADABLE = ArmedSchedule("unreadable", 0.0, (), {})
POLL_S = 3.0  # how soon a calendar that was saved goes out
AGAIN_S = 600.0  # a box with a wrong clock is told anew, which tells it the time: then no hours leave its rules off

Publish = Callable[[str, bytes], bool]


def schedule_message(schedule: ArmedSchedule, node: str) -> ScheduleMessage:
    """What one box is told of the schedule of its site."""
    numbers = {period: number for number, period in enumerate(schedule.plans)}
    return ScheduleMessage(
        revision=schedule.revision,
        until_at_s=schedule.until_at_s,
        plans=tuple(
            SchedulePlan(
                name=period,
                orders=tuple(
                    RuleOrder.model_validate(
                        {
                            "rule": scope.rule,
                            "camera": scope.camera or None,
                            "zone": scope.zone or None,
                            "armed": order.armed,
                            "seconds": order.seconds,
                            "severity": order.priority,
                        }
                    )
                    for scope, order in orders
                    if scope.node in ("", node) and scope.rule in RULES  # not those of a newer console
                ),
            )
            for period, orders in schedule.plans.items()
        ),
        spans=tuple(ScheduleSpan(from_at_s=at_s, plan=numbers[period]) for at_s, period in schedule.spans),
    )


class ScheduleSender:
    """`run` is the whole life of its thread."""

    def __init__(
        self,
        database: Database,
        timezone: str,
        wall_s: Callable[[], float],
        publish: Publish,
        connections: Callable[[], int],
    ) -> None:
        """publish: sends a payload to a box, retained; False where the broker is away.

        connections: how often the broker was reached so far: one that was set up anew has lost what was sent before.
        """
        self._database, self._timezone, self._wall_s = database, ZoneInfo(timezone), wall_s
        self._publish, self._connections = publish, connections
        self._schedules: dict[tuple[tuple[str, ...], date], ArmedSchedule] = {}
        self._sent: dict[str, tuple[int, str, int]] = {}

    def run(self, stop: threading.Event) -> None:
        """Sends until `stop`."""
        tell_until(stop, POLL_S, self.turn, "calendars")

    def turn(self) -> None:
        """Sends what has not been sent over this connection to boxes that work by something else."""
        connection_number, now_s = self._connections(), self._wall_s()
        if not connection_number:
            return
        with self._database.read() as connection:
            texts, parents = calendars.all_texts(connection)
            boxes = calendars.boxes(connection)
        known, self._schedules = self._schedules, {}
        monday = monday_of(now_s, self._timezone)
        for box in boxes:
            key = calendars.said_at(box.site_id, texts, parents), monday
            schedule = self._schedules.get(key) or known.get(key)
            if schedule is None:
                schedule = self._written_out(key[0], now_s)
            self._schedules[key] = schedule
            if schedule is UNREADABLE:  # told once; the box goes on by what it has
                continue
            ill = box.revision is not None and abs(box.clock_behind_s) > LEAP_S
            mark = (connection_number, schedule.revision, int(now_s // AGAIN_S) if ill else 0)
            if (ill or schedule.revision != (box.revision or "")) and self._sent.get(box.name) != mark:
                self._send(box.name, schedule, mark, now_s)

    def _written_out(self, said: tuple[str, ...], now_s: float) -> ArmedSchedule:
        try:
            return calendars.compiled_of(said, self._timezone, now_s)
        except (ValueError, LookupError, TypeError) as error:  # of a newer console; it must hold up no other
            log.error(
                "a calendar can't be read (%s: %s); its boxes keep the one that they have", type(error).__name__, error
            )
            return UNREADABLE

    def _send(self, node: str, schedule: ArmedSchedule, mark: tuple[int, str, int], now_s: float) -> None:
        payload = codec.encode(topics.SCHEDULE, "console", schedule_message(schedule, node), now_s)
        if len(payload) > codec.MAX_BYTES:
            log.error(
                "the calendar of %s is too long to be sent (%d bytes); take orders for zones out", node, len(payload)
            )
            self._sent[node] = mark
        elif self._publish(node, payload):
            self._sent[node] = mark
