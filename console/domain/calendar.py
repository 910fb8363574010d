"""A school's calendar: what kind of day it is, which period of the day, and what is armed in it.

Each site of the tree may say a part of it. What a school does not say itself counts as the district or the province
above it says, else as `SUGGESTED` does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from console.domain.alert import Severity

DAY_MINUTES = 24 * 60
MOST_SPANS = 16  # of a timetable
MOST_DAYS = 30  # entries of a site; they must go into one form
LONGEST_DAYS = 200  # of an entry: the summer holidays and more
MOST_ORDERS = 300  # of a site


class DayKind(StrEnum):
    """What kind of day it is."""

    SCHOOL_DAY = "school_day"
    EXAM_DAY = "exam_day"
    SPECIAL_DAY = "special_day"
    HOLIDAY = "holiday"
    NO_SCHOOL = "no_school"


class Period(StrEnum):
    """What goes on at some time of a day. All that a timetable does not name is after hours."""

    DROP_OFF = "drop_off"
    LESSONS = "lessons"
    BREAK = "break"
    EXAM = "exam"
    EVENT = "event"
    PICK_UP = "pick_up"
    AFTER_HOURS = "after_hours"


RULES = ("loitering", "repeated_presence", "intrusion", "crowd", "line_crossing")
WITH_SECONDS = RULES[:4]  # a line is crossed at once


class CalendarError(ValueError):
    """What can't stand in a calendar; `code` is a word of the group "calendar_problem"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A period of a day; begins, ends: local minutes, 0 to 1440."""

    begins: int
    ends: int
    period: Period


@dataclass(frozen=True, slots=True)
class OwnDays:
    """Days that are not as the week says, the first and the last among them."""

    first: date
    last: date
    kind: DayKind
    name: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Which rules an order is for: all of a kind, or those of a camera of a box, or of one zone (or line) there."""

    rule: str
    node: str = ""
    camera: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """How a rule is to be armed; what is None stays as it is set on the box: its own weekly hours, among others."""

    armed: bool | None = None
    seconds: float | None = None
    priority: Severity | None = None


AS_THE_BOX = Order()


@dataclass(frozen=True, slots=True)
class Calendar:
    """What one site says, or (see `merged`) what counts there. What is None or missing, a site leaves to those above.

    week: the kind of each day, Monday first. timetables: the periods of a kind of day.
    public_holidays: whether those of the country are free. days: where two name the same date, the first counts.
    """

    week: tuple[DayKind, ...] | None = None
    timetables: Mapping[DayKind, tuple[Span, ...]] = field(default_factory=dict)
    public_holidays: bool | None = None
    days: tuple[OwnDays, ...] = ()
    orders: Mapping[tuple[Scope, Period], Order] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """One date. name: of the holiday or event. because: what makes it so: "own", "public" or "week"."""

    date: date
    kind: DayKind
    name: str
    because: str


def _suggested_orders() -> dict[tuple[Scope, Period], Order]:
    waiting = ("loitering", "repeated_presence", "crowd")
    found = {
        (Scope(rule), period): Order(armed=False)
        for rule in waiting
        for period in (Period.DROP_OFF, Period.PICK_UP, Period.EVENT)
    }
    found |= {(Scope(rule), Period.AFTER_HOURS): Order(armed=True) for rule in RULES if rule != "crowd"}
    return found


def _span(period: Period, begins: str, ends: str) -> Span:
    return Span(minute_of(begins), minute_of(ends), period)


def minute_of(clock: str) -> int:
    """Local minutes of a "HH:MM" from 00:00 to 24:00. Raises CalendarError."""
    hours, _, minutes = clock.strip().partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit() and len(minutes) == 2):
        raise CalendarError("no_time")
    value = int(hours[:3]) * 60 + int(minutes)
    if int(minutes) > 59 or value > DAY_MINUTES:
        raise CalendarError("no_time")
    return value


# A primary school that keeps its pupils over noon; where nobody has said anything else.
SUGGESTED = Calendar(
    week=(*(DayKind.SCHOOL_DAY,) * 5, DayKind.NO_SCHOOL, DayKind.NO_SCHOOL),
    timetables={
        DayKind.SCHOOL_DAY: (
            _span(Period.DROP_OFF, "06:30", "07:30"),
            _span(Period.LESSONS, "07:30", "09:00"),
            _span(Period.BREAK, "09:00", "09:30"),
            _span(Period.LESSONS, "09:30", "11:00"),
            _span(Period.BREAK, "11:00", "13:30"),
            _span(Period.LESSONS, "13:30", "16:00"),
            _span(Period.PICK_UP, "16:00", "17:30"),
        ),
        DayKind.EXAM_DAY: (
            _span(Period.DROP_OFF, "06:30", "07:30"),
            _span(Period.EXAM, "07:30", "11:00"),
            _span(Period.PICK_UP, "11:00", "12:00"),
        ),
        DayKind.SPECIAL_DAY: (_span(Period.EVENT, "07:00", "12:00"),),
        DayKind.HOLIDAY: (),
        DayKind.NO_SCHOOL: (),
    },
    public_holidays=True,
    orders=_suggested_orders(),
)


def check(calendar: Calendar) -> None:
    """Raises CalendarError for what can't stand in a calendar of a site."""
    if calendar.week is not None and len(calendar.week) != 7:
        raise CalendarError("no_week")
    for spans in calendar.timetables.values():
        _check_spans(spans)
    if len(calendar.days) > MOST_DAYS:
        raise CalendarError("too_many_days")
    for one in calendar.days:
        if one.last < one.first:
            raise CalendarError("days_order")
        if (one.last - one.first).days >= LONGEST_DAYS:
            raise CalendarError("days_long")
    ordered = sorted(calendar.days, key=lambda one: one.first)
    if any(after.first <= before.last for before, after in pairwise(ordered)):
        raise CalendarError("days_overlap")
    if len(calendar.orders) > MOST_ORDERS:
        raise CalendarError("too_many_orders")
    if any(one.seconds is not None and not 1 <= one.seconds <= 7200 for one in calendar.orders.values()):
        raise CalendarError("seconds")


def _check_spans(spans: Sequence[Span]) -> None:
    if len(spans) > MOST_SPANS:
        raise CalendarError("too_many_spans")
    if any(not 0 <= one.begins < one.ends <= DAY_MINUTES for one in spans):
        raise CalendarError("times_order")
    if any(after.begins < before.ends for before, after in pairwise(sorted(spans))):
        raise CalendarError("times_overlap")


def merged(chain: Iterable[Calendar]) -> Calendar:
    """What counts at a site. chain: what those above it say, the topmost first, and it itself last."""
    found = SUGGESTED
    for one in chain:
        found = Calendar(
            week=found.week if one.week is None else one.week,
            timetables={**found.timetables, **one.timetables},
            public_holidays=found.public_holidays if one.public_holidays is None else one.public_holidays,
            days=(*one.days, *found.days),
            orders={**found.orders, **one.orders},
        )
    return found


def day_of(calendar: Calendar, day: date, public: Mapping[date, str]) -> Day:
    """What kind of day a date is. calendar: merged. public: the country's holidays, by date their names."""
    own = next((one for one in calendar.days if one.first <= day <= one.last), None)
    if own is not None:
        return Day(day, own.kind, own.name, "own")
    if calendar.public_holidays and day in public:
        return Day(day, DayKind.HOLIDAY, public[day], "public")
    week = calendar.week or SUGGESTED.week
    assert week is not None
    return Day(day, week[day.weekday()], "", "week")


def spans_of(calendar: Calendar, kind: DayKind) -> tuple[Span, ...]:
    """All 24 hours of such a day, without a gap. calendar: merged."""
    found, reached = list[Span](), 0
    for one in sorted(calendar.timetables.get(kind, ())):
        if one.begins > reached:
            found.append(Span(reached, one.begins, Period.AFTER_HOURS))
        found.append(one)
        reached = one.ends
    if reached < DAY_MINUTES:
        found.append(Span(reached, DAY_MINUTES, Period.AFTER_HOURS))
    return tuple(found)


def period_at(calendar: Calendar, day: date, minute: float, public: Mapping[date, str]) -> tuple[Day, Span]:
    """What goes on at a local minute of a date. calendar: merged."""
    known = day_of(calendar, day, public)
    spans = spans_of(calendar, known.kind)
    return known, next((one for one in spans if one.begins <= minute < one.ends), spans[-1])


def orders_in(calendar: Calendar, period: Period) -> tuple[tuple[Scope, Order], ...]:
    """What is ordered in a period, the narrower after the wider. calendar: merged."""
    return tuple(
        sorted(
            ((scope, order) for (scope, where), order in calendar.orders.items() if where == period),
            key=lambda one: one[0],
        )
    )


def order_for(orders: Mapping[Scope, Order], rule: Scope) -> Order | None:
    """What counts for one rule, named in full: the narrowest order that there is; None: none."""
    scopes = (rule, Scope(rule.rule, rule.node, rule.camera), Scope(rule.rule))
    return next((orders[one] for one in scopes if one in orders), None)


def dates(first: date, days: int) -> list[date]:
    """So many dates from `first` on."""
    return [first + timedelta(days=number) for number in range(days)]
