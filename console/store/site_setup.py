"""What a site has set for its alerts: which cameras are neighbours, and what is to be done about each kind of alert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from console.domain import site_tree
from console.domain.site_tree import SiteKind
from console.store.tables import camera, instruction, node, site

MOST_RELATED = 8
AREA_MOST = 40  # letters
TEXT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Site:
    """A school, or another place with boxes."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class SiteCamera:
    """A camera of a site. area: what it has in common with its neighbours, empty where nobody said so."""

    id: int
    node: str
    name: str
    label: str
    area: str
    still_at_s: float | None


def listing(connection: Connection) -> Sequence[Site]:
    """Every site at which something can ring, by name: a district without a box of its own is none."""
    rings = (site.c.kind == SiteKind.SCHOOL) | site.c.id.in_(select(node.c.site_id))
    return [Site(row.id, row.name) for row in connection.execute(select(site).where(rings).order_by(site.c.name))]


def everywhere(connection: Connection) -> Sequence[Site]:
    """Every site that may be seen, a site before those below it."""
    rows = connection.execute(select(site.c.id, site.c.name, site.c.kind, site.c.parent_id))
    found = [site_tree.Site(row.id, row.name, SiteKind(row.kind), row.parent_id) for row in rows]
    return [Site(one.id, one.name) for _, one in site_tree.in_order(found)]


def cameras(connection: Connection, site_id: int) -> Sequence[SiteCamera]:
    """The cameras of a site that their nodes still report."""
    query = (
        select(camera, node.c.name.label("node_name"))
        .join(node, node.c.id == camera.c.node_id)
        .where(node.c.site_id == site_id, camera.c.listed)
        .order_by(node.c.name, camera.c.name)
    )
    return [_camera(row) for row in connection.execute(query)]


def related(connection: Connection, site_id: int, node_name: str, name: str) -> Sequence[SiteCamera]:
    """The neighbours of a camera: those of its area, or of the whole site where it has none; at most `MOST_RELATED`."""
    there = cameras(connection, site_id)
    own = next((one.area for one in there if (one.node, one.name) == (node_name, name)), "")
    others = (one for one in there if (one.node, one.name) != (node_name, name))
    return [one for one in others if not own or one.area == own][:MOST_RELATED]


def set_areas(connection: Connection, site_id: int, areas: Mapping[int, str]) -> None:
    """Says of cameras of a site, by id, to which area they belong. It counts for alerts that come from now on."""
    of_site = select(node.c.id).where(node.c.site_id == site_id)
    for camera_id, area in areas.items():
        mine = (camera.c.id == camera_id) & camera.c.node_id.in_(of_site)
        connection.execute(update(camera).where(mine).values(area=" ".join(area.split())[:AREA_MOST]))


def instructions(connection: Connection, site_id: int) -> Mapping[str, str]:
    """What a site wants done, by kind of alert; a kind of which it said nothing is missing."""
    query = select(instruction).where(instruction.c.site_id == site_id)
    return {row.kind: row.text for row in connection.execute(query)}


def set_instruction(connection: Connection, site_id: int, kind: str, text: str) -> None:
    """Writes down what a site wants done about a kind of alert; an empty text takes it away."""
    mine = (instruction.c.site_id == site_id) & (instruction.c.kind == kind)
    connection.execute(delete(instruction).where(mine))
    if text.strip():
        values = {"site_id": site_id, "kind": kind, "text": text.strip()[:TEXT_MOST]}
        connection.execute(insert(instruction).values(**values))


def _camera(row: Any) -> SiteCamera:
    return SiteCamera(row.id, row.node_name, row.name, row.label or row.name, row.area, row.still_at_s)
