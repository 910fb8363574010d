"""What is armed at a site at this moment, and until when it stays so. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from console.domain.armed_week import WatchedBy, own_steps, stands
from console.domain.calendar import (
    DAY_MINUTES,
    Calendar,
    Day,
    Order,
    Period,
    Scope,
    day_of,
    orders_in,
    period_at,
    spans_of,
)

LOOK_DAYS = 10  # how far ahead the next change is looked for: the lunar new year and the days around it
Place = tuple[str, str, str]  # node, camera, zone


@dataclass(frozen=True, slots=True)
class ArmedNow:
    """on, off: kinds of rules that are armed somewhere, and nowhere. open: places in which none is, named by one rule
    of each; places: how many there are.

    day, period: what goes on; None where there is no calendar. until: the local moment from which on something else
    goes on or is armed; None where that is further away than is looked.
    """

    on: tuple[str, ...]
    off: tuple[str, ...]
    open: tuple[Scope, ...]
    places: int
    day: Day | None = None
    period: Period | None = None
    until: datetime | None = None


def armed_now(
    calendar: Calendar | None, public: Mapping[date, str], rules: Sequence[WatchedBy], local: datetime
) -> ArmedNow:
    """At a local moment. calendar: merged; None: everything is as it is set on the boxes. public: see `day_of`.

    What an old box does not tell counts as armed.
    """
    today, minute = local.date(), 60 * local.hour + local.minute
    day, span = (None, None) if calendar is None else period_at(calendar, today, minute, public)
    period = span.period if span else None
    armed = armed_of(rules, orders_of(calendar, period), today.weekday(), minute)
    on = {scope.rule for scope, is_on in armed.items() if is_on}
    kinds = dict.fromkeys(scope.rule for scope in armed)
    return ArmedNow(
        tuple(kind for kind in kinds if kind in on),
        tuple(kind for kind in kinds if kind not in on),
        open_places(armed),
        len({place_of(scope) for scope in armed}),
        day,
        period,
        _until(calendar, public, rules, local, armed),
    )


def armed_of(rules: Sequence[WatchedBy], orders: Mapping[Scope, Order], weekday: int, minute: int) -> dict[Scope, bool]:
    """Of each rule whether it is armed at a local minute of a weekday. orders: those of the period."""
    return {one.scope: stands(one, orders, weekday, minute).armed is not False for one in rules}


def open_places(armed: Mapping[Scope, bool]) -> tuple[Scope, ...]:
    """Places in which no rule is armed, each named by the first of its rules."""
    places = dict[Place, Scope]()
    for scope in armed:
        places.setdefault(place_of(scope), scope)
    kept = {place_of(scope) for scope, is_on in armed.items() if is_on}
    return tuple(scope for place, scope in places.items() if place not in kept)


def place_of(scope: Scope) -> Place:
    """Where a rule watches."""
    return scope.node, scope.camera, scope.zone


def orders_of(calendar: Calendar | None, period: Period | None) -> dict[Scope, Order]:
    """What is ordered in a period; nothing without a calendar."""
    return {} if calendar is None or period is None else dict(orders_in(calendar, period))


def _until(
    calendar: Calendar | None,
    public: Mapping[date, str],
    rules: Sequence[WatchedBy],
    local: datetime,
    armed: Mapping[Scope, bool],
) -> datetime | None:
    own, before = own_steps(rules), None
    for ahead in range(LOOK_DAYS):
        on = local.date() + timedelta(days=ahead)
        spans = () if calendar is None else spans_of(calendar, day_of(calendar, on, public).kind)
        midnight = datetime(on.year, on.month, on.day, tzinfo=local.tzinfo)
        for minute in sorted({0, *own, *(one.begins for one in spans)} - {DAY_MINUTES}):
            period = next((one.period for one in spans if one.begins <= minute < one.ends), None)
            at = midnight + timedelta(minutes=minute)  # on the wall clock
            if at <= local:
                before = period
            elif period != before or (
                own and armed_of(rules, orders_of(calendar, period), on.weekday(), minute) != armed
            ):
                return at
    return None
