"""Keeps alerts that belong together as one incident, whenever and in whatever order they come."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, func, select, update

from console.domain.incident import JOIN_S, MOST_S, Place, Sighting, incidents, place_of
from console.store import changes
from console.store.database import lock_all
from console.store.tables import camera, event, node

_LOCK = 7_300_000_000  # and the site's id: any numbers of their own among PostgreSQL's advisory locks


def regroup(connection: Connection, event_ids: Sequence[str], now_s: float) -> None:
    """Finds the incidents anew of alerts that have just come and of those around them; tells of what they are now.

    event_ids: of sites that this transaction has `lock_sites` for, and each its own incident so far.
    """
    origins = connection.execute(_placed().where(event.c.event_id.in_(event_ids))).all()
    settled: set[str] = set()
    for together in _runs(sorted(origins, key=_when)):
        seen = _Seen(connection, together)
        for origin in together:
            if origin.event_id in settled:
                continue
            around = seen.around(origin)
            settled.update(row.event_id for row in around)
            was = {row.event_id: row.incident_id for row in around}
            now = incidents(_sighting(row) for row in around)
            moved = [one for one in now if was[one] != now[one]]
            for one in moved:
                connection.execute(update(event).where(event.c.event_id == one).values(incident_id=now[one]))
            touched = {incident for one in moved for incident in (was[one], now[one])}
            for incident_id in sorted(touched.difference(event_ids)):
                changes.append(connection, "alert", incident_id, "incident", now_s)


def lock_sites(connection: Connection, site_ids: Collection[int]) -> None:
    """Waits until nobody else groups alerts of these sites: two that come at once must see each other."""
    lock_all(connection, [_LOCK + site_id for site_id in site_ids])


class _Seen:
    """All alerts of the sites of some that came, from before the first to after the last of them: one reading."""

    def __init__(self, connection: Connection, origins: Sequence[Any]) -> None:
        self._connection = connection
        self._begin_s, self._end_s = origins[0].opened_at_s - JOIN_S - MOST_S, origins[-1].opened_at_s + JOIN_S
        self._at: dict[tuple[int, Place], list[Any]] = defaultdict(list)
        for row in self._read({one.site_id for one in origins}, self._end_s):
            self._at[row.site_id, _place(row)].append(row)

    def around(self, origin: Any) -> Sequence[Any]:
        """What `origin` can change, in the order of time: the incident that it may belong to, and what follows it.

        An incident is made from its first alert onwards, so that one more changes nothing of what was before it.
        """
        rows, end_s, reach_s = self._at[origin.site_id, _place(origin)], self._end_s, JOIN_S
        while True:
            chain = _chain(sorted(rows, key=_when), origin.event_id)
            if chain[-1].opened_at_s + JOIN_S <= end_s:
                return chain
            reach_s *= 4
            end_s = self._end_s + reach_s
            rows = [row for row in self._read({origin.site_id}, end_s) if _place(row) == _place(origin)]

    def _read(self, site_ids: Collection[int], end_s: float) -> Sequence[Any]:
        within = event.c.opened_at_s.between(self._begin_s, end_s)
        return self._connection.execute(_placed().where(event.c.site_id.in_(site_ids), within)).all()


def _runs(origins: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Those in the order of time, in pieces that lie close together: what a box kept for days is no one piece."""
    begin = 0
    for at, row in enumerate(origins):
        if row.opened_at_s - origins[begin].opened_at_s > MOST_S:
            yield origins[begin:at]
            begin = at
    if origins:
        yield origins[begin:]


@cache
def _placed() -> Any:
    here = and_(camera.c.node_id == event.c.node_id, camera.c.name == event.c.camera)
    columns = (event.c.event_id, event.c.incident_id, event.c.site_id, event.c.opened_at_s, event.c.rule)
    where = (event.c.camera, event.c.zone, node.c.name.label("box"), func.coalesce(camera.c.area, "").label("area"))
    return select(*columns, *where).join(node, node.c.id == event.c.node_id).outerjoin(camera, here)


def _when(row: Any) -> tuple[float, str]:
    return row.opened_at_s, row.event_id


def _place(row: Any) -> Place:
    return place_of(row.rule, row.box, row.camera, row.zone, row.area)


def _sighting(row: Any) -> Sighting:
    return Sighting(row.event_id, _place(row), row.opened_at_s)


def _chain(rows: Sequence[Any], event_id: str) -> Sequence[Any]:
    """Of rows in the order of time those from the first alert of the incident before that one to the next pause."""
    first = last = next(at for at, row in enumerate(rows) if row.event_id == event_id)
    while last + 1 < len(rows) and rows[last + 1].opened_at_s - rows[last].opened_at_s <= JOIN_S:
        last += 1
    if first > 0 and rows[first].opened_at_s - rows[first - 1].opened_at_s <= JOIN_S:
        before = rows[first - 1].incident_id
        first = next((at for at, row in enumerate(rows) if row.event_id == before), first - 1)
    return rows[first : last + 1]
