"""A calendar written out for a box: from when to when which orders count, for weeks ahead, in UTC."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from console.domain.calendar import Calendar, Day, Order, Period, Scope, dates, day_of, orders_in, spans_of

WEEKS = 9  # from the Monday of this week on: at least eight that a box works through without the console


@dataclass(frozen=True, slots=True)
class Standing:
    """A time in which one period goes on, UTC seconds."""

    begins_at_s: float
    ends_at_s: float
    day: Day
    period: Period


@dataclass(frozen=True, slots=True)
class ArmedSchedule:
    """What a box is told. Without spans: there is no calendar, all is as it is set on the box.

    revision: the same for the same content. spans: UTC second and the period from then on, ordered; the last one ends
    at `until_at_s`, and behind that everything is as it is set on the box. plans: what is ordered in each period.
    """

    revision: str
    until_at_s: float
    spans: tuple[tuple[float, Period], ...]
    plans: Mapping[Period, tuple[tuple[Scope, Order], ...]]


NO_CALENDAR = ArmedSchedule("", 0.0, (), {})


def monday_of(now_s: float, timezone: ZoneInfo) -> date:
    """The Monday of the week at a UTC second, on the clocks of the site."""
    today = datetime.fromtimestamp(now_s, timezone).date()
    return today - timedelta(days=today.weekday())


def standings(
    calendar: Calendar, public: Mapping[date, str], timezone: ZoneInfo, first: date, days: int
) -> tuple[Standing, ...]:
    """What goes on in so many days, without a gap. calendar: merged. public: the country's holidays by date."""
    found, reached_s = list[Standing](), _utc_s(first, 0, timezone)
    for one in dates(first, days):
        day = day_of(calendar, one, public)
        for span in spans_of(calendar, day.kind):
            ends_at_s = _utc_s(one, span.ends, timezone)
            if ends_at_s > reached_s:  # not where clocks leap over it
                found.append(Standing(reached_s, ends_at_s, day, span.period))
                reached_s = ends_at_s
    return tuple(found)


def compiled(calendar: Calendar, public: Mapping[date, str], timezone: ZoneInfo, now_s: float) -> ArmedSchedule:
    """The schedule of a site from this week on; the same all week, so that no box writes it down every day."""
    told = standings(calendar, public, timezone, monday_of(now_s, timezone), 7 * WEEKS)
    spans = list[tuple[float, Period]]()
    for one in told:
        if not spans or spans[-1][1] != one.period:
            spans.append((one.begins_at_s, one.period))
    plans = {period: orders_in(calendar, period) for period in sorted({period for _, period in spans})}
    until_at_s = told[-1].ends_at_s
    digest = hashlib.sha256(repr((spans, plans, until_at_s)).encode()).hexdigest()[:16]
    return ArmedSchedule(digest, until_at_s, tuple(spans), plans)


def _utc_s(day: date, minute: int, timezone: ZoneInfo) -> float:
    local = datetime(day.year, day.month, day.day, tzinfo=timezone) + timedelta(minutes=minute)  # on the wall clock
    return local.timestamp()
