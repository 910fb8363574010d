"""When each camera saw nothing, so that 'no alert' can be told from 'nothing seen'. Times by the console's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from console.store.tables import blind_time, camera, node

KEPT_S = 400 * 86_400.0
SHOWN_S = 7 * 86_400.0
MOST_SHOWN = 500  # of a camera


@dataclass(frozen=True, slots=True)
class BlindTime:
    """A time in which a camera, or the rules of one zone of it, saw nothing.

    to_at_s: None while it lasts. reason_code: a word of the group "fault". zone: empty for the whole camera.
    """

    from_at_s: float
    to_at_s: float | None
    reason_code: str
    zone: str = ""


def note(
    connection: Connection, node_id: int, blind: Mapping[tuple[str, str], tuple[float, str]], now_s: float
) -> None:
    """Begins and ends the blind times of a node's cameras.

    blind: by camera and zone (empty: all of it) those that see nothing now, since when (UTC seconds) and why; of all
    others the time has ended.
    """
    rows = connection.execute(
        select(blind_time).where(blind_time.c.node_id == node_id, blind_time.c.to_at_s.is_(None))
    ).all()
    for row in rows:
        if (row.camera, row.zone) not in blind:
            connection.execute(update(blind_time).where(blind_time.c.id == row.id).values(to_at_s=now_s))
    going_on = {(row.camera, row.zone) for row in rows}
    for (name, zone), (since_at_s, code) in blind.items():
        if (name, zone) not in going_on:  # while it lasts its cause may change, as a cut line's does
            _add(connection, node_id, name, BlindTime(min(since_at_s, now_s), None, code, zone))
            _forget(connection, now_s)


def note_absence(connection: Connection, node_id: int, from_at_s: float, to_at_s: float) -> None:
    """A node was not running from then to then (UTC seconds): none of its cameras was watched."""
    mine = select(camera.c.name).where(camera.c.node_id == node_id, camera.c.listed)
    whole = (blind_time.c.node_id == node_id) & (blind_time.c.zone == "")
    already = select(blind_time.c.camera).where(whole, blind_time.c.to_at_s.is_(None))
    for name in connection.execute(mine.where(camera.c.name.not_in(already))).scalars().all():
        _add(connection, node_id, name, BlindTime(from_at_s, to_at_s, "node_offline"))


def since(connection: Connection, from_at_s: float) -> dict[tuple[str, str], Sequence[BlindTime]]:
    """By node and camera the times that ended after `from_at_s` or last still, newest first."""
    query = (
        select(blind_time, node.c.name.label("node_name"))
        .join(node, node.c.id == blind_time.c.node_id)
        .where(blind_time.c.to_at_s.is_(None) | (blind_time.c.to_at_s > from_at_s))
        .order_by(blind_time.c.from_at_s.desc())
    )
    found: dict[tuple[str, str], list[BlindTime]] = {}
    for row in connection.execute(query):
        times = found.setdefault((row.node_name, row.camera), [])
        if len(times) < MOST_SHOWN:
            times.append(BlindTime(max(row.from_at_s, from_at_s), row.to_at_s, row.reason_code, row.zone))
    return dict(found)


def _add(connection: Connection, node_id: int, name: str, time: BlindTime) -> None:
    span = {"from_at_s": time.from_at_s, "to_at_s": time.to_at_s, "zone": time.zone}
    connection.execute(insert(blind_time).values(node_id=node_id, camera=name, reason_code=time.reason_code, **span))


def _forget(connection: Connection, now_s: float) -> None:
    connection.execute(delete(blind_time).where(blind_time.c.to_at_s < now_s - KEPT_S))
