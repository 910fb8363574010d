"""Cameras as their nodes last reported them: all, those that do not see, those that are named."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select, true

from console.store.nodes import REPORT_JSON
from console.store.tables import camera, node, site

_RANK = {"blind": 0, "impaired": 1}


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera as its node last reported it. `health` is the CameraHealth message as JSON."""

    node: str
    site: str
    name: str
    label: str
    state: str
    since_at_s: float | None
    reason: str
    reason_code: str
    still_at_s: float | None
    health: dict[str, Any]


def listing(connection: Connection, node_ids: Collection[int] | None = None) -> Sequence[Camera]:
    """Every camera that its node still reports; those that do not see come first. node_ids: None for those of all."""
    query = _query().where(true() if node_ids is None else camera.c.node_id.in_(node_ids))
    found = [_camera(row) for row in connection.execute(query.order_by(site.c.name, node.c.name, camera.c.name))]
    return sorted(found, key=lambda one: _RANK.get(one.state, 2))


def named(connection: Connection, names: Collection[tuple[str, str]]) -> Sequence[Camera]:
    """Those of these (node, name) that their nodes still report."""
    if not names:
        return ()
    # Not by pairs: PostgreSQL compares each row with each of them. First who they are, for a report is long, and other
    # cameras of these boxes have the same names.
    nodes, own = ({one[at] for one in names} for at in (0, 1))
    key = select(camera.c.id, camera.c.name, node.c.name.label("node_name")).join(node, node.c.id == camera.c.node_id)
    found = connection.execute(key.where(node.c.name.in_(sorted(nodes)), camera.c.name.in_(sorted(own))))
    ids = [row.id for row in found if (row.node_name, row.name) in names]
    return [_camera(row) for row in connection.execute(_query().where(camera.c.id.in_(ids)))]


def unseeing(connection: Connection, unheard: Collection[int], most: int) -> Sequence[Camera]:
    """At most so many of those that do not see, or whose nodes (by id) are not heard: the blind ones first."""
    blind = (camera.c.state == "blind") | camera.c.node_id.in_(unheard)
    query = _query().where(blind | (camera.c.state == "impaired")).limit(most)
    order = (case((blind, 0), else_=1), site.c.name, camera.c.label, camera.c.name)
    return [_camera(row) for row in connection.execute(query.order_by(*order))]


def numbers(connection: Connection) -> Sequence[tuple[int, str, int]]:
    """By id of the node and state how many cameras it reports."""
    key = (camera.c.node_id, camera.c.state)
    query = select(*key, func.count().label("number")).where(camera.c.listed).group_by(*key)
    return [(row.node_id, row.state, row.number) for row in connection.execute(query)]


def names(connection: Connection, node_ids: Collection[int]) -> set[tuple[str, str]]:
    """Node and name of each camera that these nodes report."""
    query = select(node.c.name, camera.c.name.label("camera")).join(node, node.c.id == camera.c.node_id)
    found = connection.execute(query.where(camera.c.listed, camera.c.node_id.in_(node_ids))) if node_ids else ()
    return {(row.name, row.camera) for row in found}


@dataclass(frozen=True, slots=True)
class CameraName:
    """What people call a camera, with its box and site."""

    node: str
    site: str
    label: str


def names_of(connection: Connection, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], CameraName]:
    """By id of the node and name what people call these cameras, also those that are there no more."""
    query = (
        select(camera.c.node_id, camera.c.name, camera.c.label, node.c.name.label("box"), site.c.name.label("site"))
        .join(node, node.c.id == camera.c.node_id)
        .join(site, site.c.id == node.c.site_id)
        .where(camera.c.node_id.in_(sorted({node_id for node_id, _ in keys})))
    )
    found = connection.execute(query) if keys else ()
    every = {(row.node_id, row.name): CameraName(row.box, row.site, row.label or row.name) for row in found}
    return {key: name for key, name in every.items() if key in keys}


def _query() -> Any:
    return (
        select(camera, node.c.name.label("node_name"), site.c.name.label("site_name"))
        .join(node, node.c.id == camera.c.node_id)
        .join(site, site.c.id == node.c.site_id)
        .where(camera.c.listed)
    )


def _camera(row: Any) -> Camera:
    told = json.loads(row.health_json or REPORT_JSON)
    facts = (row.state, row.since_at_s, row.reason, row.reason_code, row.still_at_s)
    return Camera(row.node_name, row.site_name, row.name, row.label or row.name, *facts, told)
