"""The tree of sites, and where things stand in it."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from console.domain.access import EVERYWHERE, Place
from console.domain.site_tree import Site, SiteKind, may_stand_below
from console.store.database import lock
from console.store.escalation_tables import channel, contact, escalation, ladder, watch_fault, watch_hours
from console.store.narrowing import seeing
from console.store.tables import calendar, camera, event, instruction, node, site, site_plan

_LOCK = 7_203_120


class SiteError(ValueError):
    """A step that the tree can't take; the text is a word of the group "problem"."""


def listing(connection: Connection) -> Sequence[Site]:
    """Sites that may be seen."""
    query = select(site.c.id, site.c.name, site.c.kind, site.c.parent_id)
    return [Site(row.id, row.name, SiteKind(row.kind), row.parent_id) for row in connection.execute(query)]


def parents(connection: Connection) -> dict[int, int | None]:
    """Of each site the one above it, whoever asks: what rights are made of."""
    with seeing(EVERYWHERE):
        return {row.id: row.parent_id for row in connection.execute(select(site.c.id, site.c.parent_id))}


def boxes(connection: Connection) -> dict[int, int]:
    """How many boxes stand at each site itself."""
    query = select(node.c.site_id, func.count().label("number")).group_by(node.c.site_id)
    return {row.site_id: row.number for row in connection.execute(query)}


def add(connection: Connection, name: str, kind: SiteKind, parent_id: int | None) -> int:
    """Adds a site; returns its id. Raises SiteError."""
    lock(connection, _LOCK)
    _check(connection, kind, parent_id)
    _check_name(connection, name, None)
    try:
        result = connection.execute(insert(site).values(name=name, kind=kind, parent_id=parent_id))
    except IntegrityError as error:  # a box with a new site was added in between
        raise SiteError("site_taken") from error
    return int((result.inserted_primary_key or (0,))[0])


def change(connection: Connection, site_id: int, name: str, kind: SiteKind, parent_id: int | None) -> None:
    """Gives a site another name, kind and place in the tree. Raises SiteError."""
    lock(connection, _LOCK)
    _check(connection, kind, parent_id)
    _check_name(connection, name, site_id)
    with seeing(EVERYWHERE):
        under = connection.execute(select(site.c.kind).where(site.c.parent_id == site_id)).scalars()
    if not all(may_stand_below(SiteKind(one), kind) for one in under):
        raise SiteError("site_too_small")
    values = {"name": name, "kind": kind, "parent_id": parent_id}
    connection.execute(update(site).where(site.c.id == site_id).values(**values))


def remove(connection: Connection, site_id: int) -> None:
    """Takes a site away that nothing stands at or below, and nothing happened at, with what was to be done there.

    Raises SiteError.
    """
    lock(connection, _LOCK)
    with seeing(EVERYWHERE):
        for used in (site.c.parent_id, node.c.site_id, event.c.site_id, escalation.c.site_id):
            if connection.execute(select(used).where(used == site_id).limit(1)).first() is not None:
                raise SiteError("site_in_use")
    for table in (instruction, calendar, site_plan, ladder, contact, channel, watch_hours, watch_fault):
        connection.execute(delete(table).where(table.c.site_id == site_id))
    connection.execute(delete(site).where(site.c.id == site_id))


def _check(connection: Connection, kind: SiteKind, parent_id: int | None) -> None:
    with seeing(EVERYWHERE):
        above = connection.execute(select(site.c.kind).where(site.c.id == parent_id)).scalar()
    if (parent_id is not None and above is None) or not may_stand_below(kind, SiteKind(above) if above else None):
        raise SiteError("site_below")


def _check_name(connection: Connection, name: str, site_id: int | None) -> None:
    """Raises SiteError where another site has this name, also one that may not be seen."""
    with seeing(EVERYWHERE):
        owner = connection.execute(select(site.c.id).where(site.c.name == name)).scalar()
    if owner not in (None, site_id):
        raise SiteError("site_taken")


def place_of_alert(connection: Connection, event_id: str) -> Place | None:
    """Where an alert rang; None where there is none, or the asker may not know of it."""
    query = select(event.c.site_id, event.c.node_id, event.c.camera).where(event.c.event_id == event_id)
    row = connection.execute(query).first()
    return Place(row.site_id, row.node_id, row.camera) if row else None


def place_of_camera(connection: Connection, node_name: str, camera_name: str) -> Place | None:
    """Where a camera of a box stands; None where there is no such box."""
    row = connection.execute(select(node.c.id, node.c.site_id).where(node.c.name == node_name)).first()
    return Place(row.site_id, row.id, camera_name) if row else None


def places_of_alerts(connection: Connection, event_ids: Collection[str]) -> dict[str, Place]:
    """Where each of these alerts rang."""
    columns = (event.c.event_id, event.c.site_id, event.c.node_id, event.c.camera)
    found = connection.execute(select(*columns).where(event.c.event_id.in_(event_ids)))
    return {row.event_id: Place(row.site_id, row.node_id, row.camera) for row in found}


def places_of_nodes(connection: Connection, names: Collection[str]) -> dict[str, Place]:
    """Where each of these boxes stands."""
    found = connection.execute(select(node.c.name, node.c.id, node.c.site_id).where(node.c.name.in_(names)))
    return {row.name: Place(row.site_id, row.id) for row in found}


def has_more_cameras(connection: Connection, most: int) -> bool:
    """Whether there are more cameras than `most` that may be seen."""
    counted = select(camera.c.id).where(camera.c.state != "").limit(most + 1).subquery()
    return connection.execute(select(func.count()).select_from(counted)).scalar_one() > most


def count_cameras(connection: Connection, within: Collection[int] | None) -> int:
    """How many cameras are reported at these sites; None: at all that may be seen."""
    query = select(func.count()).select_from(camera).join(node, node.c.id == camera.c.node_id).where(camera.c.listed)
    query = query if within is None else query.where(node.c.site_id.in_(sorted(within)))
    return int(connection.execute(query).scalar_one())


def site_of_box(connection: Connection, name: str) -> int | None:
    """The site of a box that may be seen."""
    return connection.execute(select(node.c.site_id).where(node.c.name == name)).scalar()


def sites_of_nodes(connection: Connection, node_ids: Collection[int]) -> Mapping[int, int]:
    """The site of each box, whoever asks."""
    with seeing(EVERYWHERE):
        found = connection.execute(select(node.c.id, node.c.site_id).where(node.c.id.in_(node_ids)))
        return {row.id: row.site_id for row in found}


def cameras(connection: Connection) -> Sequence[tuple[int, str, str, int]]:
    """Cameras that may be seen and are still there: box's id, name, label and the site's id, by site and label."""
    query = (
        select(camera.c.node_id, camera.c.name, camera.c.label, node.c.site_id)
        .join(node, node.c.id == camera.c.node_id)
        .where(camera.c.listed)
        .order_by(node.c.site_id, camera.c.label, camera.c.name)
    )
    return [(row.node_id, row.name, row.label or row.name, row.site_id) for row in connection.execute(query)]
