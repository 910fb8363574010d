"""Alerts that somebody looks for, the latest first, and those before and after one of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, case, cast, func, select, true

from console.domain.alert import REASON_ORDER, STATE_ORDER, AlertState
from console.domain.local_clock import DAY_S, Offset
from console.domain.search import Search
from console.store.tables import alert

Cursor = tuple[float, str]  # when an alert opened, and its id: its place in every list
CAMERA_FAULT, OPEN = "camera_fault", "open"
_MANY_SITES = 100


def ids(connection: Connection, wanted: Search, most: int, behind: Cursor | None = None) -> Sequence[Cursor]:
    """At most so many of the alerts looked for, behind one of the list where that is said."""
    return _listed(connection, wanted, most, behind, older=True)


def beside(connection: Connection, wanted: Search, at: Cursor) -> tuple[Cursor | None, Cursor | None]:
    """The one before an alert in the list, which is newer, and the one after it; the alert itself need not be in it."""
    newer, older = (_listed(connection, wanted, 1, at, older=older) for older in (False, True))
    return next(iter(newer), None), next(iter(older), None)


def count(connection: Connection, wanted: Search, most: int, before: Cursor | None = None) -> int:
    """How many are looked for, counted up to `most`; before: only those before one in the list."""
    which = condition(wanted) if before is None else condition(wanted) & _beyond(before, older=False)
    counted = select(alert.c.opened_at_s).where(which).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(counted)).scalar_one())


def condition(wanted: Search) -> ColumnElement[bool]:
    """What must hold of the row of an alert."""
    c = alert.c
    parts: list[ColumnElement[bool]] = [c.opened_at_s >= wanted.begin_s, c.opened_at_s < wanted.end_s]
    if wanted.sites is not None:
        (site_id, *others) = sorted(wanted.sites) or [0]
        # Plus nothing, of many: SQLite would look into the rows of each site rather than through the index by time.
        named = c.site_id + 0 if len(others) > _MANY_SITES else c.site_id
        parts.append(named.in_([site_id, *others]) if others else c.site_id == site_id)
    if wanted.node_id is not None:
        parts += [c.node_id == wanted.node_id, c.camera == wanted.camera]
    parts += [c.zone == wanted.zone] if wanted.zone else []
    parts += [_of_rule(wanted.rule), _of_state(wanted.state)]
    parts += [c.reason_order == REASON_ORDER[wanted.reason]] if wanted.reason else []
    parts += [] if wanted.least_s is None else [c.dwell_s >= wanted.least_s]
    parts += [] if wanted.most_s is None else [c.dwell_s <= wanted.most_s]
    if wanted.daytime is not None:
        since = (second_of_day(wanted.offsets) - wanted.daytime.begin_s + DAY_S) % DAY_S
        parts.append(since <= wanted.daytime.length_s)
    return and_(*parts)


def second_of_day(offsets: Sequence[Offset]) -> ColumnElement[int]:
    """Seconds after midnight by local clocks at which an alert opened."""
    opened = alert.c.opened_at_s
    first, *later = offsets
    turns = [(opened >= one.from_at_s, one.ahead_s) for one in reversed(later)]
    ahead: Any = case(*turns, else_=first.ahead_s) if turns else first.ahead_s
    second: ColumnElement[int] = (cast(opened, BigInteger) + ahead) % DAY_S
    return second


def _of_rule(rule: str) -> ColumnElement[bool]:
    if rule == CAMERA_FAULT:
        return alert.c.rule.startswith("camera_", autoescape=True)
    return alert.c.rule == rule if rule else true()


def _of_state(state: str) -> ColumnElement[bool]:
    if state == OPEN:
        return alert.c.state_order < STATE_ORDER[AlertState.CLOSED]
    if state == AlertState.CLOSED:  # plus nothing: nearly all are closed, and SQLite would go through them by state
        return alert.c.state_order + 0 == STATE_ORDER[AlertState.CLOSED]
    return alert.c.state_order == STATE_ORDER[AlertState(state)] if state else true()


def _listed(
    connection: Connection, wanted: Search, most: int, beyond: Cursor | None, *, older: bool
) -> Sequence[Cursor]:
    place = (alert.c.opened_at_s, alert.c.event_id)
    query = select(*place).where(condition(wanted)).limit(most)
    if beyond is not None:
        query = query.where(_beyond(beyond, older=older))
    found = connection.execute(query.order_by(*(one.desc() if older else one.asc() for one in place)))
    return [(row.opened_at_s, row.event_id) for row in found]


def _beyond(at: Cursor, *, older: bool) -> ColumnElement[bool]:
    opened, event_id = alert.c.opened_at_s, alert.c.event_id
    if older:
        return (opened <= at[0]) & ((opened < at[0]) | (event_id < at[1]))
    return (opened >= at[0]) & ((opened > at[0]) | (event_id > at[1]))
