"""Nodes and their cameras: who may speak, how they do."""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from console.domain.node_clock import NodeClock, heard
from console.store import blind_times, changes
from console.store.tables import camera, node, site

REPORT_JSON = "{}"
CAMERA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
MOST_UNHEARD_OF = 64  # as many cameras as a node has
MOST_UNLISTED = 2 * MOST_UNHEARD_OF  # of a node's former cameras the latest are remembered, for the alerts' labels


class NodeExistsError(ValueError):
    """A node of this name is already there."""


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `health` is its last health message as JSON, empty before the first."""

    id: int
    name: str
    label: str
    site: str
    site_id: int
    status: str
    last_seen_at_s: float | None
    version: str
    health: dict[str, Any]
    clock: NodeClock | None

    @property
    def clock_behind_s(self) -> float:
        """Seconds to add to a time of this node for the same by the console's clock."""
        return self.clock.behind_s if self.clock else 0.0


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


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def add(connection: Connection, name: str, site_name: str, label: str, at_s: float) -> str:
    """Adds a node (and its site, where new); returns the token it signs in with, which is kept nowhere.

    Raises NodeExistsError.
    """
    if find(connection, name) is not None:
        raise NodeExistsError(f"there is a node {name!r} already; choose another name")
    site_id = connection.execute(select(site.c.id).where(site.c.name == site_name)).scalar()
    if site_id is None:
        site_id = (connection.execute(insert(site).values(name=site_name)).inserted_primary_key or (0,))[0]
    token = secrets.token_urlsafe(32)
    values = {"name": name, "label": label, "site_id": site_id, "token_sha256": token_hash(token)}
    blank = {"created_at_s": at_s, "status": "", "version": ""}
    connection.execute(insert(node).values(**values, **blank))
    return token


def find(connection: Connection, name: str) -> Node | None:
    """The node of this name."""
    return _one(connection, node.c.name == name)


def find_by_token(connection: Connection, token: str) -> Node | None:
    """The node that holds this token."""
    return _one(connection, node.c.token_sha256 == token_hash(token))


def listing(connection: Connection) -> Sequence[Node]:
    """Every node, by site and name."""
    query = select(node, site.c.name.label("site_name")).join(site).order_by(site.c.name, node.c.name)
    return [_node(row) for row in connection.execute(query)]


def set_status(connection: Connection, node_id: int, name: str, status: str, version: str, now_s: float) -> None:
    """Notes 'online' or 'offline', as the node or its last will said."""
    values: dict[str, Any] = {"status": status, "status_at_s": now_s, "version": version}
    if status == "online":
        values["last_seen_at_s"] = now_s
    connection.execute(update(node).where(node.c.id == node_id).values(**values))
    changes.append(connection, "node", name, status, now_s)


def set_health(connection: Connection, owner: Node, health: dict[str, Any], now_s: float) -> None:
    """Takes in a health message (as JSON) and the cameras in it; cameras no longer named are no longer listed."""
    node_id = owner.id
    clock = heard(owner.clock, health["at_s"], now_s)
    values = {"last_seen_at_s": now_s, "health_at_s": health["at_s"], "health_json": json.dumps(health)}
    values["clock_json"] = json.dumps(asdict(clock))
    connection.execute(update(node).where(node.c.id == node_id).values(**values))
    _note_blind(connection, owner, health, clock.behind_s, now_s)
    connection.execute(update(camera).where(camera.c.node_id == node_id).values(listed=False))
    for report in health.get("cameras", ()):
        row = {
            "label": report.get("label", ""),
            "state": report["state"],
            "since_at_s": report["since_at_s"],
            "reason": report.get("reason", ""),
            "reason_code": report.get("reason_code", ""),
            "listed": True,
            "health_json": json.dumps(report),
        }
        same = (camera.c.node_id == node_id) & (camera.c.name == report["camera"])
        if connection.execute(update(camera).where(same).values(**row)).rowcount == 0:
            connection.execute(insert(camera).values(node_id=node_id, name=report["camera"], **row))
    _forget(connection, node_id, camera.c.still_sha256.is_(None))
    changes.append(connection, "node", owner.name, "health", now_s)


def _note_blind(connection: Connection, owner: Node, health: dict[str, Any], behind_s: float, now_s: float) -> None:
    """Which cameras see nothing since when; and all of them while the node was not running."""
    before_s = owner.health.get("started_at_s")
    if before_s is not None and before_s != health["started_at_s"] and owner.clock is not None:
        # By the console's clock: the box's own begins where it stopped, and is set later.
        began_at_s = owner.clock.heard_at_s
        ended_at_s = now_s - max(0.0, health["at_s"] - health["started_at_s"])
        if ended_at_s > began_at_s:
            blind_times.note_absence(connection, owner.id, began_at_s, ended_at_s)
    blind: dict[tuple[str, str], tuple[float, str]] = {}
    for report in health.get("cameras", ()):
        parts = [{**report, "zone": ""}, *report.get("zones", ())]
        for part in parts:
            if part.get("state") == "blind":
                since_at_s = part.get("since_at_s") or now_s - behind_s
                blind[report["camera"], part["zone"]] = (since_at_s + behind_s, part.get("reason_code", ""))
    blind_times.note(connection, owner.id, blind, now_s)


def _forget(connection: Connection, node_id: int, which: ColumnElement[bool]) -> Sequence[str]:
    """Forgets a node's former cameras but the latest `MOST_UNLISTED` of `which`; returns the names."""
    former = (camera.c.node_id == node_id) & ~camera.c.listed & which
    latest_first = select(camera.c.name).where(former).order_by(camera.c.still_at_s.desc(), camera.c.id.desc())
    names = connection.execute(latest_first.offset(MOST_UNLISTED)).scalars().all()
    if names:
        connection.execute(delete(camera).where(former, camera.c.name.in_(names)))
    return names


def cameras(connection: Connection) -> Sequence[Camera]:
    """Every camera that its node still reports; those that do not see come first."""
    query = (
        select(camera, node.c.name.label("node_name"), site.c.name.label("site_name"))
        .join(node, node.c.id == camera.c.node_id)
        .join(site, site.c.id == node.c.site_id)
        .where(camera.c.listed)
        .order_by(site.c.name, node.c.name, camera.c.name)
    )
    rank = {"blind": 0, "impaired": 1}
    found = [
        Camera(
            row.node_name,
            row.site_name,
            row.name,
            row.label or row.name,
            row.state,
            row.since_at_s,
            row.reason,
            row.reason_code,
            row.still_at_s,
            json.loads(row.health_json or REPORT_JSON),
        )
        for row in connection.execute(query)
    ]
    return sorted(found, key=lambda one: rank.get(one.state, 2))


def set_still(connection: Connection, owner: Node, name: str, sha256: str, now_s: float) -> Sequence[str] | None:
    """Notes a camera's newest picture, also before the node's first word of that camera has come by the broker.

    Returns the names of former cameras whose pictures go in its place. None where that can't be a camera: pages show
    none of them, so their number is limited.
    """
    same = (camera.c.node_id == owner.id) & (camera.c.name == name)
    values = {"still_at_s": now_s, "still_sha256": sha256}
    connection.execute(select(node.c.id).where(node.c.id == owner.id).with_for_update())  # as set_health does
    if connection.execute(update(camera).where(same).values(**values)).rowcount == 0:
        unheard_of = select(func.count()).where((camera.c.node_id == owner.id) & (camera.c.state == ""))
        if not CAMERA_NAME.fullmatch(name) or connection.execute(unheard_of).scalar_one() >= MOST_UNHEARD_OF:
            return None
        blank = {"label": "", "state": "", "reason": "", "reason_code": "", "listed": False}
        connection.execute(insert(camera).values(node_id=owner.id, name=name, **blank, **values))
    changes.append(connection, "camera", f"{owner.name}/{name}", "still", now_s)
    return _forget(connection, owner.id, camera.c.still_sha256.is_not(None))


def _one(connection: Connection, condition: Any) -> Node | None:
    query = select(node, site.c.name.label("site_name")).join(site).where(condition)
    row = connection.execute(query).first()
    return _node(row) if row else None


def _node(row: Any) -> Node:
    return Node(
        row.id,
        row.name,
        row.label or row.name,
        row.site_name,
        row.site_id,
        row.status,
        row.last_seen_at_s,
        row.version,
        json.loads(row.health_json or REPORT_JSON),
        NodeClock(**json.loads(row.clock_json)) if row.clock_json else None,
    )
