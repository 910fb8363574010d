"""What people send to change a part of a calendar, and the calendar that comes of it."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from console.domain.alert import Severity
from console.domain.calendar import (
    DAY_MINUTES,
    MOST_DAYS,
    MOST_SPANS,
    Calendar,
    CalendarError,
    DayKind,
    Order,
    OwnDays,
    Period,
    Scope,
    Span,
    minute_of,
)

NAME_MOST = 40  # letters
_Short = Annotated[str, Field(max_length=16, pattern=r"^[^\x00-\x1f]*$")]
_Name = Annotated[str, Field(max_length=NAME_MOST, pattern=r"^[^\x00-\x1f]*$")]
Mode = Literal["inherit", "box", "off", "on"]


class Part(StrEnum):
    """What of a calendar is changed."""

    START = "start"
    END = "end"
    WEEK = "week"
    TIMES = "times"
    DAYS = "days"
    ORDERS = "orders"


class CalendarForm(BaseModel):
    """One part of a calendar. Lists of the same row stand in the same order; a row without its first word is none.

    known: the version that the sender has seen. show: first day of the week to preview.
    drop: the part is left to those above.
    """

    part: Part
    step: Literal["preview", "save"] = "preview"
    known: _Short = ""
    show: _Short = ""
    drop: bool = False
    day: tuple[DayKind, ...] = Field((), max_length=7)
    public_holidays: bool = False
    kind: DayKind = DayKind.SCHOOL_DAY
    period: tuple[_Short, ...] = Field((), max_length=2 * MOST_SPANS)
    begins: tuple[_Short, ...] = Field((), max_length=2 * MOST_SPANS)
    ends: tuple[_Short, ...] = Field((), max_length=2 * MOST_SPANS)
    first: tuple[_Short, ...] = Field((), max_length=2 * MOST_DAYS)
    last: tuple[_Short, ...] = Field((), max_length=2 * MOST_DAYS)
    days_kind: tuple[DayKind, ...] = Field((), max_length=2 * MOST_DAYS)
    name: tuple[_Name, ...] = Field((), max_length=2 * MOST_DAYS)
    gone: tuple[int, ...] = Field((), max_length=2 * MOST_DAYS)
    scope: Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f]*$")] = ""
    mode: tuple[Mode, ...] = Field((), max_length=len(Period))
    seconds: tuple[_Short, ...] = Field((), max_length=len(Period))
    priority: tuple[_Short, ...] = Field((), max_length=len(Period))

    def again(self) -> Iterator[tuple[str, str]]:
        """What must be sent to ask for the same once more, as pairs of names and values."""
        for name, value in self:
            if name in ("step", "show") or value == type(self).model_fields[name].default:
                continue
            for one in value if isinstance(value, tuple) else (value,):
                yield name, str(one).lower() if isinstance(one, bool) else str(one)


def key_of(scope: Scope) -> str:
    """A scope as one word in a form."""
    return "/".join((scope.rule, scope.node, scope.camera, scope.zone)).rstrip("/")


def drafted(own: Calendar, told: CalendarForm, scopes: Collection[Scope]) -> Calendar:
    """A site's own calendar with one part as a form says. scopes: those that orders may be for.

    Raises CalendarError.
    """
    match told.part:
        case Part.WEEK:
            if told.drop:
                return replace(own, week=None, public_holidays=None)
            return replace(own, week=told.day, public_holidays=told.public_holidays)
        case Part.TIMES:
            others = {kind: spans for kind, spans in own.timetables.items() if kind != told.kind}
            return replace(own, timetables=others if told.drop else {**others, told.kind: _spans(told)})
        case Part.DAYS:
            return replace(own, days=() if told.drop else _days(told))
        case Part.ORDERS:
            return replace(own, orders=_orders(own, told, scopes))
        case _:
            return own


def _spans(told: CalendarForm) -> tuple[Span, ...]:
    if not len(told.period) == len(told.begins) == len(told.ends):
        raise CalendarError("no_time")
    rows = zip(told.period, told.begins, told.ends, strict=True)
    return tuple(sorted(_span(*row) for row in rows if row[0] in list(Period) and (row[1] or row[2])))


def _span(period: str, begins: str, ends: str) -> Span:
    until = minute_of(ends)
    return Span(minute_of(begins), until or DAY_MINUTES, Period(period))  # browsers know no 24:00


def _days(told: CalendarForm) -> tuple[OwnDays, ...]:
    if not len(told.first) == len(told.last) == len(told.days_kind) == len(told.name):
        raise CalendarError("no_date")
    rows = zip(told.first, told.last, told.days_kind, told.name, strict=True)
    kept = [row for number, row in enumerate(rows) if row[0] and number not in told.gone]
    found = (
        OwnDays(_date(first), _date(last or first), kind, " ".join(name.replace('"', "”").split()))
        for first, last, kind, name in kept
    )
    return tuple(sorted(found, key=lambda one: one.first))


def _date(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise CalendarError("no_date") from None


def _orders(own: Calendar, told: CalendarForm, scopes: Collection[Scope]) -> dict[tuple[Scope, Period], Order]:
    scope = next((one for one in scopes if key_of(one) == told.scope), None)
    if scope is None:
        raise CalendarError("no_scope")
    orders = {key: order for key, order in own.orders.items() if key[0] != scope}
    if told.drop:
        return orders
    if not len(told.mode) == len(told.seconds) == len(told.priority) == len(Period):
        raise CalendarError("no_number")
    for period, mode, seconds, priority in zip(Period, told.mode, told.seconds, told.priority, strict=True):
        if mode == "off":
            orders[scope, period] = Order(armed=False)
        elif mode != "inherit":
            chosen = Severity(priority) if priority in list(Severity) else None
            orders[scope, period] = Order(True if mode == "on" else None, _seconds(seconds), chosen)
    return orders


def _seconds(written: str) -> float | None:
    if not written.strip():
        return None
    try:
        seconds = float(written.strip().replace(",", "."))
    except ValueError:
        raise CalendarError("no_number") from None
    if not 1 <= seconds <= 7200:  # also what is no number
        raise CalendarError("seconds")
    return seconds
