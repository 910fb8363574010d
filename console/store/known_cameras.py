"""Cameras that a node names or once named, with the zones that it told of them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, true

from console.store.nodes import REPORT_JSON
from console.store.tables import camera, node, site


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone or line of a camera, and its rules: words of the group "rule".

    first_at_s: since when the node names it, UTC seconds; None where that is not known.
    """

    name: str
    label: str
    rules: tuple[str, ...]
    first_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class KnownCamera:
    """A camera that its node names, or once named. listed: whether it still does.

    first_at_s: since when it is known, UTC seconds; None where that is not known.
    """

    site_id: int
    site: str
    node_id: int
    node: str
    name: str
    label: str
    listed: bool
    first_at_s: float | None
    zones: tuple[Zone, ...]


def listing(connection: Connection, site_id: int | None = None) -> Sequence[KnownCamera]:
    """Every camera that a node names or once named, by site and label, without its zones; those still there first.

    site_id: of that site alone.
    """
    query = (
        select(camera.c.name, camera.c.label, camera.c.listed, camera.c.first_at_s)
        .add_columns(node.c.id, node.c.name.label("node_name"), node.c.site_id, site.c.name.label("site_name"))
        .join_from(camera, node, node.c.id == camera.c.node_id)
        .join(site, site.c.id == node.c.site_id)
        .where(camera.c.state != "")  # else only a picture has come
        .where(true() if site_id is None else node.c.site_id == site_id)
        .order_by(site.c.name, camera.c.listed.desc(), camera.c.label, camera.c.name)
    )
    return [
        KnownCamera(
            row.site_id,
            row.site_name,
            row.id,
            row.node_name,
            row.name,
            row.label or row.name,
            row.listed,
            row.first_at_s,
            (),
        )
        for row in connection.execute(query)
    ]


def zones(connection: Connection, node_ids: Collection[int] | None) -> dict[tuple[int, str], tuple[Zone, ...]]:
    """By node and camera the zones of the cameras of these nodes; None: of all."""
    query = select(camera.c.node_id, camera.c.name, camera.c.health_json)
    if node_ids is not None:
        query = query.where(camera.c.node_id.in_(node_ids))
    return {
        (row.node_id, row.name): tuple(
            Zone(
                shape["zone"],
                shape.get("label") or shape["zone"],
                tuple(shape.get("rules", ())),
                shape.get("first_at_s"),
            )
            for shape in json.loads(row.health_json or REPORT_JSON).get("zones", ())
        )
        for row in connection.execute(query)
    }
