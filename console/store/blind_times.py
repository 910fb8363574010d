"""When each camera saw nothing, or only in part, so that 'no alert' can be told from 'nothing seen'.

Times by the console's clock, UTC seconds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Subquery,
    case,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    union_all,
    update,
)

from console.store.tables import blind_time, camera, node, site

KEPT_S = 400 * 86_400.0
REMOVED = "camera_removed"  # why a camera sees nothing that its box no longer names
_OF_ZONE = "zone_"  # so begins the camera's word for any of its zones


@dataclass(frozen=True, slots=True)
class Sight:
    """How a camera or a zone of it sees. state: "sees", "impaired" or "blind"; code: a word of the group "fault"."""

    state: str
    since_at_s: float
    code: str


@dataclass(frozen=True, slots=True)
class BlindTime:
    """A time in which a camera, or the rules of one zone of it, saw nothing or only in part.

    to_at_s: None while it lasts. state: "blind" or "impaired". reason_code: a word of the group "fault".
    zone: empty for the whole camera.
    """

    id: int
    site: str
    node: str
    camera: str
    zone: str
    state: str
    reason_code: str
    from_at_s: float
    to_at_s: float | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cameras are meant: of a site, one of a node, or one zone of it with what hides its whole camera.

    sites: ids, where those of several sites are meant.
    """

    site_id: int | None = None
    node_id: int | None = None
    camera: str = ""
    zone: str = ""
    sites: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment to another one, UTC seconds."""

    from_at_s: float
    to_at_s: float


@dataclass(frozen=True, slots=True)
class Total:
    """Seconds in which a camera saw nothing, and in which only in part. Times that overlap count once."""

    blind_s: float = 0.0
    impaired_s: float = 0.0


def note(
    connection: Connection, node_id: int, told: Mapping[tuple[str, str], Sight], told_until_s: float, now_s: float
) -> None:
    """Begins and ends the times of a node's cameras. told: by camera and zone (empty: all of it) how each sees.

    told_until_s: when it was last told how they see; what lasted then has not ended before, whatever a clock says.
    """
    rows = connection.execute(
        select(blind_time).where(blind_time.c.node_id == node_id, blind_time.c.to_at_s.is_(None))
    ).all()
    going_on = set()
    for row in rows:
        sight = told.get((row.camera, row.zone))
        removed = row.reason_code == REMOVED
        if sight is None and removed:
            continue  # not named again yet
        if sight is not None and sight.state == row.state and _kind(sight.code) == _kind(row.reason_code):
            going_on.add((row.camera, row.zone))  # while it lasts its cause may change, as a cut line's does
            continue
        ended_at_s = now_s if sight is None else min(now_s, max(row.from_at_s, sight.since_at_s, told_until_s))
        connection.execute(update(blind_time).where(blind_time.c.id == row.id).values(to_at_s=ended_at_s))
    for (name, zone), sight in told.items():
        if sight.state != "sees" and (name, zone) not in going_on:
            _add(connection, node_id, name, zone, sight, min(sight.since_at_s, now_s), None)
            connection.execute(delete(blind_time).where(blind_time.c.to_at_s < now_s - KEPT_S))


def note_past(
    connection: Connection, node_id: int, name: str, code: str, span: Span, zone: str = "", state: str = "blind"
) -> None:
    """A camera or a zone of it saw nothing, or was impaired, in a time that is over; nothing where that has no length.

    state: "blind" or "impaired".
    """
    if span.from_at_s < span.to_at_s:
        _add(connection, node_id, name, zone, Sight(state, span.from_at_s, code), span.from_at_s, span.to_at_s)


def note_absence(
    connection: Connection, node_id: int, span: Span, sees_since_s: Mapping[str, float], now_s: float
) -> None:
    """A node was not running in that time: none of its cameras was watched, nor until it was seen again.

    sees_since_s: by camera since when it sees, of those that do.
    """
    mine = select(camera.c.name).where(camera.c.node_id == node_id, camera.c.listed)
    whole = (blind_time.c.node_id == node_id) & (blind_time.c.zone == "") & (blind_time.c.state == "blind")
    already = select(blind_time.c.camera).where(whole, blind_time.c.to_at_s.is_(None))
    for name in connection.execute(mine.where(camera.c.name.not_in(already))).scalars().all():
        to_at_s = min(now_s, max(span.to_at_s, sees_since_s.get(name, span.to_at_s)))
        note_past(connection, node_id, name, "node_offline", Span(span.from_at_s, to_at_s))


def listing(
    connection: Connection, scope: Scope, span: Span, most: int, before: tuple[float, int] | None = None
) -> Sequence[BlindTime]:
    """At most `most` times that lie in `span`, even if in part, the latest beginnings first.

    before: beginning and id of the last one that was read, to go on behind it.
    """
    query = (
        select(blind_time, node.c.name.label("node_name"), site.c.name.label("site_name"))
        .join(node, node.c.id == blind_time.c.node_id)
        .join(site, site.c.id == node.c.site_id)
        .where(_of(scope), blind_time.c.from_at_s < span.to_at_s)
        .where(or_(blind_time.c.to_at_s.is_(None), blind_time.c.to_at_s > span.from_at_s))
        .order_by(blind_time.c.from_at_s.desc(), blind_time.c.id.desc())
        .limit(most)
    )
    if before is not None:
        same = (blind_time.c.from_at_s == before[0]) & (blind_time.c.id < before[1])
        query = query.where((blind_time.c.from_at_s <= before[0]) & ((blind_time.c.from_at_s < before[0]) | same))
    return [_time(row) for row in connection.execute(query)]


def totals(
    connection: Connection, scope: Scope, span: Span, heard_until_s: Mapping[int, float]
) -> dict[tuple[int, str], Total]:
    """By id of the node and camera how long it did not see in `span`; what is not there saw all the time.

    heard_until_s: by id of a node until when it was heard, where that is not now: nobody knows what lasts since then.
    The database adds up: no row of it is read here.
    """
    any_s = _covered_s(connection, scope, span, heard_until_s, ("blind", "impaired"))
    blind_s = _covered_s(connection, scope, span, heard_until_s, ("blind",))
    return {key: Total(blind_s.get(key, 0.0), whole_s - blind_s.get(key, 0.0)) for key, whole_s in any_s.items()}


def blind_s(
    connection: Connection, scope: Scope, span: Span, heard_until_s: Mapping[int, float]
) -> dict[tuple[int, str], float]:
    """By id of the node and camera how many seconds of `span` it saw nothing; see `totals`."""
    return _covered_s(connection, scope, span, heard_until_s, ("blind",))


def _covered_s(
    connection: Connection, scope: Scope, span: Span, heard_until_s: Mapping[int, float], states: tuple[str, ...]
) -> dict[tuple[int, str], float]:
    """Seconds in at least one of the times of these states: a box that was off was not heard either."""
    unheard = _unheard(connection, heard_until_s)
    ends = func.coalesce(blind_time.c.to_at_s, unheard.c.until_s, span.to_at_s)
    begin = case((blind_time.c.from_at_s < span.from_at_s, span.from_at_s), else_=blind_time.c.from_at_s)
    end = case((ends > span.to_at_s, span.to_at_s), else_=ends)
    # Plus nothing, so that SQLite walks over no index of nodes or beginnings: most times end before what is asked for,
    # and the rest is found by its end, in two parts.
    camera_key = ((blind_time.c.node_id + 0).label("node_id"), blind_time.c.camera)
    whole_camera = () if scope.zone else (blind_time.c.zone == "",)
    query = (
        select(*camera_key, blind_time.c.id, begin.label("begin_s"), end.label("end_s"))
        .join(node, node.c.id == blind_time.c.node_id)
        .outerjoin(unheard, unheard.c.node_id == blind_time.c.node_id)
        .where(_of(scope), blind_time.c.from_at_s + 0.0 < span.to_at_s, blind_time.c.state.in_(states), *whole_camera)
    )
    open_end, ended = blind_time.c.to_at_s.is_(None), blind_time.c.to_at_s > span.from_at_s
    times = union_all(query.where(open_end), query.where(ended)).subquery()
    earlier = func.max(times.c.end_s).over(
        partition_by=(times.c.node_id, times.c.camera), order_by=(times.c.begin_s, times.c.id), rows=(None, -1)
    )
    counted = select(times, func.coalesce(earlier, 0.0).label("covered_until_s")).subquery()
    fresh_s = case(
        (counted.c.covered_until_s <= counted.c.begin_s, counted.c.end_s - counted.c.begin_s),
        else_=counted.c.end_s - counted.c.covered_until_s,
    )
    total = func.sum(case((fresh_s > 0, fresh_s), else_=0.0))
    query = select(counted.c.node_id, counted.c.camera, total).group_by(counted.c.node_id, counted.c.camera)
    return {(row[0], row[1]): float(row[2]) for row in connection.execute(query)}


def _unheard(connection: Connection, heard_until_s: Mapping[int, float]) -> Subquery:
    """Node and until when it was heard, as a table made of one parameter: a CASE of 2,000 boxes took ten seconds to
    write down, and again for each other number of boxes.
    """
    told = {str(node_id): at_s for node_id, at_s in heard_until_s.items()}
    on_sqlite = connection.dialect.name == "sqlite"
    each = func.json_each(json.dumps(told)) if on_sqlite else func.json_each_text(cast(told, JSON))
    row = each.table_valued("key", "value")
    return select(cast(row.c.key, Integer).label("node_id"), cast(row.c.value, Double).label("until_s")).subquery(
        "unheard"
    )


def _kind(code: str) -> str:
    """Causes of one kind are one time: what hides a zone hides no other one, and what was taken out is not broken."""
    return code if code == REMOVED else "zone" if code.startswith(_OF_ZONE) else ""


def _of(scope: Scope) -> ColumnElement[bool]:
    """What belongs to `scope`, of times joined with their node."""
    belongs: ColumnElement[bool] = true()
    if scope.site_id is not None:
        belongs &= node.c.site_id == scope.site_id
    if scope.sites is not None:
        belongs &= node.c.site_id.in_(sorted(scope.sites))
    if scope.node_id is not None:
        belongs &= (blind_time.c.node_id == scope.node_id) & (blind_time.c.camera == scope.camera)
    if scope.zone:
        of_others = blind_time.c.reason_code.startswith(_OF_ZONE, autoescape=True)  # the camera's word for any zone
        belongs &= (blind_time.c.zone == scope.zone) | ((blind_time.c.zone == "") & ~of_others)
    return belongs


def _time(row: Any) -> BlindTime:
    facts = (row.zone, row.state, row.reason_code, row.from_at_s, row.to_at_s)
    return BlindTime(row.id, row.site_name, row.node_name, row.camera, *facts)


def _add(
    connection: Connection, node_id: int, name: str, zone: str, sight: Sight, from_at_s: float, to_at_s: float | None
) -> None:
    facts = {"zone": zone, "state": sight.state, "reason_code": sight.code}
    span = {"from_at_s": from_at_s, "to_at_s": to_at_s}
    connection.execute(insert(blind_time).values(node_id=node_id, camera=name, **facts, **span))
