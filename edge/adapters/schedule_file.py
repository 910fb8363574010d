"""The calendar that the console sent last, on the disk: a box goes on by it through restarts and outages."""

import logging
from pathlib import Path

from pydantic import ValidationError

from broker.contract.schedule import RuleOrder, ScheduleMessage
from edge.adapters.durable import put_in_place
from edge.core.calendar import NO_CALENDAR, Calendar, Order

log = logging.getLogger(__name__)
NAME = "calendar.json"


def calendar_path(state_dir: Path) -> Path:
    """Where a node keeps it."""
    return state_dir / NAME


def write_schedule(path: Path, message: ScheduleMessage) -> None:
    """Replaces what was there, whole or not at all. Raises OSError."""
    part = path.with_suffix(".part")
    part.write_text(message.model_dump_json(exclude_none=True), encoding="utf-8")
    put_in_place(part, path)


def read_calendar(path: Path) -> Calendar:
    """The one that is kept there; none where there is none, or nothing that can be read.

    The console's broker keeps the newest one for us, so that it comes again with the next connection.
    """
    try:
        return calendar_of(ScheduleMessage.model_validate_json(path.read_bytes()))
    except FileNotFoundError:
        return NO_CALENDAR
    except (OSError, ValidationError) as error:
        told = str(error).partition("\n")[0]
        log.error(
            "%s can't be read (%s): rules are armed as they are configured until the console sends it anew", path, told
        )
        return NO_CALENDAR


def calendar_of(message: ScheduleMessage) -> Calendar:
    """What a message says, as rules are judged by it."""
    return Calendar(
        message.revision,
        message.until_at_s,
        tuple((span.from_at_s, span.plan) for span in message.spans),
        tuple(tuple(map(_order, plan.orders)) for plan in message.plans),
        names=tuple(plan.name for plan in message.plans),
    )


def _order(told: RuleOrder) -> Order:
    return Order(told.rule, told.camera, told.zone, told.armed, told.seconds, told.severity)
