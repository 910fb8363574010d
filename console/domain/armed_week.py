"""What is armed when, as people look at it before they save: each day from stretch to stretch, and what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

from console.domain.alert import Severity
from console.domain.calendar import (
    DAY_MINUTES,
    Calendar,
    Day,
    Order,
    Period,
    Scope,
    dates,
    day_of,
    minute_of,
    order_for,
    orders_in,
    spans_of,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class By(StrEnum):
    """Who says whether a rule is armed."""

    CALENDAR = "calendar"
    BOX = "box"
    FIXED = "fixed"  # the box, whatever the calendar says


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekly hours of a box; an end at or before the beginning is of the following day."""

    days: frozenset[str]
    begins: int
    ends: int

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether a local minute of a weekday (0 Monday) is within."""
        today, yesterday = WEEKDAYS[weekday] in self.days, WEEKDAYS[weekday - 1] in self.days
        if self.begins < self.ends:
            return today and self.begins <= minute < self.ends
        return (today and minute >= self.begins) or (yesterday and minute < self.ends)


@dataclass(frozen=True, slots=True)
class Setting:
    """A rule as it is set on its box. hours: empty: always."""

    seconds: float | None
    priority: Severity
    hours: tuple[Hours, ...] = ()
    follows: bool = True

    def is_on(self, weekday: int, minute: int) -> bool:
        """Whether its own hours arm it."""
        return not self.hours or any(one.covers(weekday, minute) for one in self.hours)


@dataclass(frozen=True, slots=True)
class WatchedBy:
    """All rules of one kind in one zone, in their box's order. settings: empty where the box does not tell them."""

    scope: Scope
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Armed:
    """How it stands with a rule. armed, seconds, priority: None: as it is set on the box, which does not tell how."""

    armed: bool | None
    seconds: float | None
    priority: Severity | None
    by: By

    def is_as(self, other: "Armed") -> bool:
        """Whether it comes to the same, whoever says it; of what is off nothing else counts."""
        if self.armed is False:
            return other.armed is False
        return (self.armed, self.seconds, self.priority) == (other.armed, other.seconds, other.priority)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a day in which nothing changes. armed, before: with the calendar to come and the one of now, by rule.

    period_before: None where there is no calendar now.
    """

    begins: int
    ends: int
    period: Period
    period_before: Period | None
    armed: Mapping[Scope, Armed]
    before: Mapping[Scope, Armed]

    @property
    def differs(self) -> bool:
        """Whether anything is armed otherwise than now."""
        return any(not armed.is_as(self.before[scope]) for scope, armed in self.armed.items())


@dataclass(frozen=True, slots=True)
class DayPlan:
    """One day. before: what it is now; None where there is no calendar now."""

    day: Day
    before: Day | None
    stretches: tuple[Stretch, ...]

    @property
    def differs(self) -> bool:
        """Whether anything is armed otherwise than now, or the day is of another kind."""
        return any(one.differs for one in self.stretches) or (
            self.before is not None and self.before.kind != self.day.kind
        )


def stands(watched: WatchedBy, orders: Mapping[Scope, Order], weekday: int, minute: int) -> Armed:
    """How it stands with the rules of one kind in a zone at a local minute of a weekday: with the first that is armed.

    orders: those of the period. Judged as the box does: of rules that follow the calendar it arms those whose own hours
    say so, else the first; with the same seconds for all, one alone.
    """
    order = order_for(orders, watched.scope) or Order()
    by = By.BOX if order.armed is None else By.CALENDAR
    if not watched.settings:
        return Armed(order.armed, order.seconds, order.priority, by)
    own = [one.is_on(weekday, minute) for one in watched.settings]
    following = [number for number, one in enumerate(watched.settings) if one.follows]
    on = [number for number in following if own[number]]
    counting = (on if order.seconds is None else on[:1]) or following[:1]
    found = list[Armed]()
    for number, one in enumerate(watched.settings):
        if not one.follows:
            found.append(Armed(own[number], one.seconds, one.priority, By.FIXED))
            continue
        armed = (own[number] if order.armed is None else order.armed) and (order == Order() or number in counting)
        seconds = one.seconds if order.seconds is None or one.seconds is None else order.seconds
        found.append(Armed(armed, seconds, order.priority or one.priority, by))
    return next((one for one in found if one.armed), found[0])


def day_plan(
    calendar: Calendar,
    before: Calendar | None,
    public: Mapping[date, str],
    rules: Sequence[WatchedBy],
    on: date,
) -> DayPlan:
    """One date with a calendar, and how it is now. calendar, before: merged; before: None where there is none."""
    day = day_of(calendar, on, public)
    day_before = None if before is None else day_of(before, on, public)
    weekday = on.weekday()

    def at(minute: int) -> Stretch:
        period = _period(calendar, day, minute)
        period_before = None if before is None or day_before is None else _period(before, day_before, minute)
        orders = dict(orders_in(calendar, period))
        orders_before = {} if before is None or period_before is None else dict(orders_in(before, period_before))
        armed = {one.scope: stands(one, orders, weekday, minute) for one in rules}
        was = {one.scope: stands(one, orders_before, weekday, minute) for one in rules}
        return Stretch(minute, DAY_MINUTES, period, period_before, armed, was)

    known = [spans_of(calendar, day.kind)]
    known += [] if before is None or day_before is None else [spans_of(before, day_before.kind)]
    steps = {0} | {span.begins for spans in known for span in spans} | own_steps(rules)
    return DayPlan(day, day_before, _joined([at(minute) for minute in sorted(steps) if minute < DAY_MINUTES]))


def _period(calendar: Calendar, day: Day, minute: int) -> Period:
    return next(one.period for one in spans_of(calendar, day.kind) if one.begins <= minute < one.ends)


def own_steps(rules: Sequence[WatchedBy]) -> set[int]:
    """Local minutes at which the rules' own hours begin or end; 1440 is the next day's 0."""
    hours = [one for rule in rules for setting in rule.settings for one in setting.hours]
    return {minute for one in hours for minute in (one.begins, one.ends)}


def _joined(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Those between which nothing changes as one; each ends where the next begins."""
    found = list[Stretch]()
    for _, same in groupby(stretches, key=lambda one: (one.period, one.period_before, one.armed, one.before)):
        found.append(next(same))
    ends = [*(one.begins for one in found[1:]), DAY_MINUTES]
    return tuple(
        Stretch(one.begins, end, one.period, one.period_before, one.armed, one.before)
        for one, end in zip(found, ends, strict=True)
    )


def week_plan(
    calendar: Calendar, before: Calendar | None, public: Mapping[date, str], rules: Sequence[WatchedBy], first: date
) -> tuple[tuple[DayPlan, ...], ...]:
    """Seven days from `first` on; those that are alike are together, in the order of the first of each."""
    found = list[list[DayPlan]]()
    for one in dates(first, 7):
        plan = day_plan(calendar, before, public, rules, one)
        alike = next((days for days in found if _alike(days[0], plan)), None)
        if alike is None:
            found.append([plan])
        else:
            alike.append(plan)
    return tuple(map(tuple, found))


def _alike(one: DayPlan, other: DayPlan) -> bool:
    names = [(plan.day.kind, plan.day.name, None if plan.before is None else plan.before.kind) for plan in (one, other)]
    return names[0] == names[1] and one.stretches == other.stretches


def hours_of(told: Sequence[Mapping[str, object]]) -> tuple[Hours, ...]:
    """Weekly hours as a box tells them. Raises CalendarError for times that are none."""
    return tuple(
        Hours(frozenset(map(str, one["days"])), minute_of(str(one["begins"])), minute_of(str(one["ends"])))  # type: ignore[call-overload]
        for one in told
    )
