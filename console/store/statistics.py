"""Alerts as numbers: the database adds up, no row of an alert is read here.

Each query groups by one number that holds all that is asked for: SQLite takes three times as long for three columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, case, func, select

from console.domain.alert import CloseReason
from console.domain.local_clock import Offset
from console.domain.search import Search
from console.domain.statistics import ANSWERS_S, LATER, NEVER, TOLD_LATE, Count, PlaceCount
from console.store.search import condition, second_of_day
from console.store.tables import alert

_HOUR_S = 3600
_BASE = 100  # more than there are reasons, hours or answers
_REASONS = ("", *CloseReason)
_MANY = 200  # sites; so many are read together, not by their names


def counts(connection: Connection, wanted: Search, offsets: Sequence[Offset]) -> Sequence[Count]:
    """By hour of the day, reason and how soon somebody answered. offsets: of local clocks in the time looked at."""
    answered_s = alert.c.answered_s
    within = ((answered_s <= limit_s, bucket) for bucket, limit_s in enumerate(ANSWERS_S))
    answer = case((answered_s.is_(None), NEVER), (answered_s < 0, TOLD_LATE), *within, else_=LATER)
    key = (_hour(offsets) * _BASE + alert.c.reason_order) * _BASE + answer
    return [
        Count(one // _BASE**2, _REASONS[one // _BASE % _BASE], one % _BASE, number)
        for one, number in _numbers(connection, wanted, key)
    ]


def of_sites(connection: Connection, wanted: Search, most: int) -> Sequence[PlaceCount]:
    """By site (its id) and reason: of the `most` sites with the most alerts, of all where that is a great number."""
    site_id = alert.c.site_id
    by_number = select(site_id).where(condition(wanted)).group_by(site_id).order_by(func.count().desc(), site_id)
    chosen = frozenset(connection.execute(by_number.limit(most)).scalars()) if most < _MANY else None
    within = wanted if chosen is None else replace(wanted, sites=chosen)
    found = _numbers(connection, within, site_id * _BASE + alert.c.reason_order) if chosen != frozenset() else ()
    return [PlaceCount(one // _BASE, None, _REASONS[one % _BASE], number) for one, number in found]


def of_zones(connection: Connection, wanted: Search, offsets: Sequence[Offset]) -> Sequence[PlaceCount]:
    """By zone (node id, camera, zone), hour of the day and reason."""
    place = (alert.c.node_id, alert.c.camera, alert.c.zone)
    key = (_hour(offsets) * _BASE + alert.c.reason_order).label("key")
    query = select(*place, key, func.count().label("number")).where(condition(wanted)).group_by(*place, key)
    return [
        PlaceCount(
            (row.node_id, row.camera, row.zone), int(row.key) // _BASE, _REASONS[int(row.key) % _BASE], row.number
        )
        for row in connection.execute(query)
    ]


def _numbers(connection: Connection, wanted: Search, key: ColumnElement[int]) -> Iterator[tuple[int, int]]:
    """Each value of `key` and how many alerts have it."""
    named = select(key.label("key")).where(condition(wanted)).subquery()  # else the key is reckoned twice
    query = select(named.c.key, func.count()).group_by(named.c.key)
    return ((int(one), number) for one, number in connection.execute(query))


def _hour(offsets: Sequence[Offset]) -> ColumnElement[int]:
    hour: ColumnElement[int] = second_of_day(offsets) // _HOUR_S
    return hour
