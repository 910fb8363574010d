"""Watches the watch: looks every few seconds whether somebody has the walls open and hears them, and whether people
can be told."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from console.domain.site_tree import upwards
from console.domain.wall_watch import GONE_S, PATIENCE_S, FaultKind, fault_of_walls
from console.store import duty_days, ladders, sites, wall_watch
from console.store.database import Database
from console.store.wall_watch import Found

LOOK_S = 5.0
_MOST_NAMES = 3  # schools named in one fault


class Watcher:
    """`run` is the whole life of its thread."""

    def __init__(self, database: Database, wall_s: Callable[[], float], local_of: Callable[[float], datetime]) -> None:
        """local_of: the time at the sites."""
        self._database, self._wall_s, self._local_of = database, wall_s, local_of
        self._begun_at_s = wall_s()
        self._since: dict[tuple[int, FaultKind], float] = {}

    def run(self, stop: threading.Event) -> None:
        """Looks until `stop`."""
        while not stop.wait(LOOK_S):
            try:
                self.look()
            except SQLAlchemyError:
                continue  # the console's own pages say that the database is away

    def look(self) -> None:
        """One look. Raises SQLAlchemyError."""
        now_s = self._wall_s()
        with self._database.read() as connection:
            there = [*self._of_walls(connection, now_s), *wall_watch.failing_channels(connection)]
            known = {(one.site_id, one.kind, one.subject) for one in wall_watch.faults(connection)}
        if {(one.site_id, one.kind, one.subject) for one in there} != known:
            with self._database.write() as connection:
                wall_watch.settle(connection, there, now_s)

    def _of_walls(self, connection: Connection, now_s: float) -> Sequence[Found]:
        """Faults that have lasted for `PATIENCE_S`. After the console's own start walls get time to come back."""
        if 0 <= now_s - self._begun_at_s < GONE_S:
            return []
        missing = self._missing(connection, now_s)
        self._since = {key: min(now_s, self._since.get(key, now_s)) for key in missing}
        return [
            Found(site_id, kind, _names(names))
            for (site_id, kind), names in missing.items()
            if now_s - self._since[site_id, kind] >= PATIENCE_S
        ]

    def _missing(self, connection: Connection, now_s: float) -> dict[tuple[int, FaultKind], list[str]]:
        """By the site whose hours these are, and kind of fault, the schools that it is about."""
        hours, local = ladders.all_watch_hours(connection), self._local_of(now_s)
        if not hours:
            return {}
        parents, names = sites.parents(connection), wall_watch.ringing_sites(connection)
        owners = {one: next((up for up in upwards(parents, one) if up in hours), None) for one in names}
        kept = {one: up for one, up in owners.items() if up is not None and hours[up].is_on}
        moments = duty_days.moments(connection, kept, local)  # a school's own calendar counts, whoever set the hours
        watched = {one: up for one, up in kept.items() if hours[up].hours.cover(moments[one])}
        found: dict[tuple[int, FaultKind], list[str]] = {}
        for site_id, walls in wall_watch.walls_of_sites(connection, watched, now_s).items():
            fault = fault_of_walls(walls, now_s)
            if fault is not None:
                found.setdefault((watched[site_id], fault), []).append(names[site_id])
        return found


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    told = ", ".join(sorted(names)[:_MOST_NAMES])
    return f"{told} (+{more})"[:80] if more > 0 else told[:80]
