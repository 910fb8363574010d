"""Keeps alerts that belong together as one incident, whenever and in whatever order they come."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, select, update

from console.domain.incident import JOIN_S, MOST_S, Place, Sighting, incidents, place_of
from console.store import changes
from console.store.database import lock
from console.store.tables import camera, event, node

_LOCK = 7_300_000_000  # and the site's id: any numbers of their own among PostgreSQL's advisory locks


def regroup(connection: Connection, event_ids: Sequence[str], now_s: float) -> None:
    """Finds the incidents anew of alerts that have just come and of those around them; tells of what they are now.

    event_ids: of sites that this transaction has `lock_sites` for, and each its own incident so far.
    """
    origins = connection.execute(_placed().where(event.c.event_id.in_(event_ids))).all()
    settled: set[str] = set()
    for origin in sorted(origins, key=lambda row: (row.opened_at_s, row.event_id)):
        if origin.event_id in settled:
            continue
        around = _around(connection, origin)
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
    for site_id in sorted(site_ids):  # all in the same order, so that nobody waits for who waits for them
        lock(connection, _LOCK + site_id)


def _placed() -> Any:
    here = and_(camera.c.node_id == event.c.node_id, camera.c.name == event.c.camera)
    columns = (event.c.event_id, event.c.incident_id, event.c.site_id, event.c.opened_at_s, event.c.rule)
    where = (event.c.camera, event.c.zone, node.c.name.label("box"), func.coalesce(camera.c.area, "").label("area"))
    return select(*columns, *where).join(node, node.c.id == event.c.node_id).outerjoin(camera, here)


def _place(row: Any) -> Place:
    return place_of(row.rule, row.box, row.camera, row.zone, row.area)


def _sighting(row: Any) -> Sighting:
    return Sighting(row.event_id, _place(row), row.opened_at_s)


def _around(connection: Connection, origin: Any) -> Sequence[Any]:
    """What `origin` can change, in the order of time: the incident that it may belong to, and what follows after it.

    An incident is made from its first alert onwards, so that one more changes nothing of what was before it.
    """
    begin_s, reach_s = origin.opened_at_s - JOIN_S - MOST_S, JOIN_S
    while True:
        end_s = origin.opened_at_s + reach_s
        query = _placed().where(event.c.site_id == origin.site_id, event.c.opened_at_s.between(begin_s, end_s))
        rows = [row for row in connection.execute(query) if _place(row) == _place(origin)]
        chain = _chain(sorted(rows, key=lambda row: (row.opened_at_s, row.event_id)), origin.event_id)
        if chain[-1].opened_at_s + JOIN_S <= end_s:
            return chain
        reach_s *= 4


def _chain(rows: Sequence[Any], event_id: str) -> Sequence[Any]:
    """Of rows in the order of time those from the first alert of the incident before that one to the next pause."""
    first = last = next(at for at, row in enumerate(rows) if row.event_id == event_id)
    while last + 1 < len(rows) and rows[last + 1].opened_at_s - rows[last].opened_at_s <= JOIN_S:
        last += 1
    if first > 0 and rows[first].opened_at_s - rows[first - 1].opened_at_s <= JOIN_S:
        before = rows[first - 1].incident_id
        first = next((at for at, row in enumerate(rows) if row.event_id == before), first - 1)
    return rows[first : last + 1]
