"""Nodes and their cameras: who may speak, how they do."""

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import inf
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, true, update

from console.domain.node_clock import NodeClock, heard
from console.domain.node_links import links_after
from console.store import blind_times, changes
from console.store.blind_times import Span
from console.store.tables import camera, node, site

REPORT_JSON = "{}"
CAMERA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
MOST_UNHEARD_OF = 64  # as many cameras as a node has
MOST_UNLISTED = 2 * MOST_UNHEARD_OF  # of a node's former cameras the latest are remembered, for the alerts' labels


class NodeExistsError(ValueError):
    """A node of this name is already there."""


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `health` is its last health message as JSON, empty before the first.

    links: its network sockets that were connected since it started; since when, by its clock, those are gone that are.
    schedule_revision: of the calendar that it works by; empty: none, None: it does not tell.
    """

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
    links: dict[str, float | None]
    schedule_revision: str | None

    @property
    def clock_behind_s(self) -> float:
        """Seconds to add to a time of this node for the same by the console's clock."""
        return self.clock.behind_s if self.clock else 0.0


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


def of_names(connection: Connection, names: Collection[str]) -> dict[str, Node]:
    """The nodes of these names, by name."""
    query = select(node, site.c.name.label("site_name")).join(site).where(node.c.name.in_(sorted(names)))
    return {row.name: _node(row, _health(row)) for row in connection.execute(query)}


def sites_of(connection: Connection, names: Collection[str]) -> set[int]:
    """The ids of the sites at which the nodes of these names stand."""
    return set(connection.execute(select(node.c.site_id).where(node.c.name.in_(sorted(names)))).scalars())


def find_by_token(connection: Connection, token: str) -> Node | None:
    """The node that holds this token."""
    return _one(connection, node.c.token_sha256 == token_hash(token))


def listing(
    connection: Connection,
    *,
    brief: bool = False,
    unheard_since_s: float | None = None,
    of: Collection[int] | None = None,
) -> Sequence[Node]:
    """Every node, by site and name. brief: of the cameras in its health the names alone, and nothing of its machine.

    unheard_since_s: those alone that have said they go, or said nothing since then. of: those with these ids alone.
    """
    silent: ColumnElement[bool] = true()
    if unheard_since_s is not None:
        seen_at_s = node.c.last_seen_at_s
        silent = or_(node.c.status == "offline", seen_at_s.is_(None), seen_at_s < unheard_since_s)
    columns = [one for one in node.c if one.name != ("health_json" if brief else "brief_json")]
    wanted = silent if of is None else silent & node.c.id.in_(of)
    query = select(*columns, site.c.name.label("site_name")).join(site).where(wanted).order_by(site.c.name, node.c.name)
    found = connection.execute(query)
    return [_node(row, _read(row.brief_json or REPORT_JSON) if brief else _health(row)) for row in found]


def ids_at(connection: Connection, sites: Collection[int]) -> Sequence[int]:
    """The ids of the nodes at these sites."""
    return connection.execute(select(node.c.id).where(node.c.site_id.in_(sorted(sites)))).scalars().all()


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
    repeated = owner.clock is not None and health["at_s"] == owner.health.get("at_s")  # the broker keeps the last one
    seen_at_s = owner.last_seen_at_s if repeated else now_s
    values = {"last_seen_at_s": seen_at_s, "health_at_s": health["at_s"], "health_json": json.dumps(health)}
    values["brief_json"] = json.dumps(brief_of(health))
    values["clock_json"] = json.dumps(asdict(clock))
    values["links_json"] = json.dumps(_links(owner, health))
    values |= {name: health.get(name) for name in ("schedule_revision", "schedule_until_at_s")}
    connection.execute(update(node).where(node.c.id == node_id).values(**values))
    _note_blind(connection, owner, health, clock, now_s)
    known = _reports(connection, node_id)
    connection.execute(update(camera).where(camera.c.node_id == node_id).values(listed=False))
    for report in health.get("cameras", ()):
        row = {
            "label": report.get("label", ""),
            "state": report["state"],
            "since_at_s": report["since_at_s"],
            "reason": report.get("reason", ""),
            "reason_code": report.get("reason_code", ""),
            "listed": True,
            "health_json": json.dumps(_with_beginnings(report, known.get(report["camera"]), now_s)),
            "first_at_s": func.coalesce(camera.c.first_at_s, now_s),
        }
        same = (camera.c.node_id == node_id) & (camera.c.name == report["camera"])
        if connection.execute(update(camera).where(same).values(**row)).rowcount == 0:
            row["first_at_s"] = now_s
            connection.execute(insert(camera).values(node_id=node_id, name=report["camera"], **row))
    _forget(connection, node_id, camera.c.still_sha256.is_(None))
    changes.append(connection, "node", owner.name, "health", now_s)


def _reports(connection: Connection, node_id: int) -> dict[str, dict[str, Any]]:
    """What a node last reported of each of its cameras, by name."""
    query = select(camera.c.name, camera.c.health_json).where(camera.c.node_id == node_id)
    return {row.name: json.loads(row.health_json or REPORT_JSON) for row in connection.execute(query)}


def _with_beginnings(report: dict[str, Any], known: dict[str, Any] | None, now_s: float) -> dict[str, Any]:
    """A camera's report, and since when each of its zones is known: of the time before a zone nothing is."""
    before = {shape["zone"]: shape.get("first_at_s") for shape in (known or {}).get("zones", ())}
    zones = [{**shape, "first_at_s": before.get(shape["zone"], now_s)} for shape in report.get("zones", ())]
    return {**report, "zones": zones}


def _links(owner: Node, health: dict[str, Any]) -> dict[str, float | None]:
    """Its sockets after this message; as before where it tells nothing of its machine."""
    known = owner.links if owner.health.get("started_at_s") == health["started_at_s"] else {}
    machine = health.get("machine")
    if machine is None:
        return known
    return links_after(known, [(link["name"], link["up"]) for link in machine.get("links", ())], health["at_s"])


def _note_blind(connection: Connection, owner: Node, health: dict[str, Any], clock: NodeClock, now_s: float) -> None:
    """How each camera and zone sees since when; and that none was watched while the node was not running."""
    told: dict[tuple[str, str], blind_times.Sight] = {}
    for key, part in _parts(health).items():
        since_at_s = now_s if part.get("since_at_s") is None else part["since_at_s"] + clock.behind_s
        told[key] = blind_times.Sight(part.get("state", "sees"), since_at_s, part.get("reason_code", ""))
    sees_since_s = {name: one.since_at_s for (name, zone), one in told.items() if not zone and one.state == "sees"}
    for (name, zone), until_s in _until_s(health, "blind").items():  # it may be impaired since, or blind again
        if not zone:
            sees_since_s[name] = max(sees_since_s.get(name, 0.0), until_s + clock.behind_s)
    told_until_s = now_s if owner.clock is None else min(now_s, owner.clock.told_at_s)
    before_s = owner.health.get("started_at_s")
    if before_s is not None and before_s != health["started_at_s"] and owner.clock is not None:
        began_s, told_until_s = told_until_s, _running_since_s(health, clock, told_until_s, now_s)
        blind_times.note_absence(connection, owner.id, Span(began_s, told_until_s), sees_since_s, now_s)
    else:
        for (name, zone, state), until_s in _unheard(owner, health).items():
            span = Span(told_until_s, min(now_s, until_s + clock.behind_s))
            code = "sight_unheard" if state == "blind" else "impaired_unheard"
            blind_times.note_past(connection, owner.id, name, code, span, zone, state)
    for name in connection.execute(
        select(camera.c.name).where(camera.c.node_id == owner.id, camera.c.listed)
    ).scalars():
        told.setdefault((name, ""), blind_times.Sight("blind", now_s, blind_times.REMOVED))
    blind_times.note(connection, owner.id, told, told_until_s, now_s)


def _unheard(owner: Node, health: dict[str, Any]) -> dict[tuple[str, str, str], float]:
    """What did not see, or was impaired, for a time between the last report and this: until when.

    By camera, zone (empty for a camera) and state; a zone is left out where its camera did not see for at least as
    long. Times by the node's clock, which may have been set in between.
    """
    before_at_s, found = owner.health.get("at_s", inf), dict[tuple[str, str, str], float]()
    before = {key: state for key, (state, _) in _sights(owner.health).items()}
    until_s, impaired_until_s = _until_s(health, "blind"), _until_s(health, "impaired")
    for (name, zone), (state, since_at_s) in _sights(health).items():
        was, key = before.get((name, zone)), (name, zone)
        of_camera_s = found.get((name, "", "blind"), 0.0) if zone else 0.0
        blind_s = until_s.get(key, 0.0)
        if was not in (None, "blind") and max(before_at_s, of_camera_s) < blind_s:
            found[name, zone, "blind"] = blind_s
        if was not in (None, "impaired") and before_at_s < impaired_until_s.get(key, 0.0):
            found[name, zone, "impaired"] = impaired_until_s[key]
        # An older node, which does not tell what it was meanwhile: it may have seen nothing.
        told_s = max(blind_s, impaired_until_s.get(key, 0.0), before_at_s, of_camera_s)
        if state == was == "sees" and told_s < since_at_s:
            found[name, zone, "blind"] = since_at_s
    return found


def _until_s(health: dict[str, Any], state: str) -> dict[tuple[str, str], float]:
    """By camera and zone when it was last so, by the node's clock; older nodes don't tell."""
    told = {key: part.get(f"{state}_until_at_s") for key, part in _parts(health).items()}
    return {key: at_s for key, at_s in told.items() if at_s is not None}


def _sights(health: dict[str, Any]) -> dict[tuple[str, str], tuple[str, float]]:
    """By camera and zone how each sees, and since when; 0 where that is not told."""
    return {key: (part.get("state", "sees"), part.get("since_at_s") or 0.0) for key, part in _parts(health).items()}


def _parts(health: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What is told of each camera and zone; cameras before their zones, whose name of the zone is empty."""
    return {
        (report["camera"], part["zone"]): part
        for report in health.get("cameras", ())
        for part in ({**report, "zone": ""}, *report.get("zones", ()))
    }


def _running_since_s(health: dict[str, Any], clock: NodeClock, heard_until_s: float, now_s: float) -> float:
    """Since when a node runs that was started anew, by the console's clock: its own begins where it stopped."""
    running_s = health.get("running_s")
    if running_s is None:  # an older node, which counts the hours by which its clock was set as well
        running_s = max(0.0, health["at_s"] - health["started_at_s"])
    since_s = (min(now_s, clock.told_at_s) - running_s, now_s - running_s)
    # Else nobody knows: an older node, whose clock was set after it had started.
    return next((one for one in since_s if one > heard_until_s), now_s)


def _forget(connection: Connection, node_id: int, which: ColumnElement[bool]) -> Sequence[str]:
    """Forgets a node's former cameras but the latest `MOST_UNLISTED` of `which`; returns the names."""
    former = (camera.c.node_id == node_id) & ~camera.c.listed & which
    latest_first = select(camera.c.name).where(former).order_by(camera.c.still_at_s.desc(), camera.c.id.desc())
    names = connection.execute(latest_first.offset(MOST_UNLISTED)).scalars().all()
    if names:
        connection.execute(delete(camera).where(former, camera.c.name.in_(names)))
    return names


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
    return _node(row, _health(row)) if row else None


def brief_of(health: Mapping[str, Any]) -> dict[str, Any]:
    """What a list of many nodes tells of a health report."""
    told = {name: value for name, value in health.items() if name != "machine"}
    cameras = [{"camera": one["camera"], "armed": _when_armed(one)} for one in health.get("cameras", ())]
    return told | {"cameras": cameras}


def _when_armed(report: Mapping[str, Any]) -> str:
    """Of a camera's zones what `calendars.watched_by` must know, as text: it is the same in nearly all reports."""
    return json.dumps(
        [
            {"zone": shape["zone"], "rules": shape.get("rules", ()), "settings": [_hours(one) for one in settings]}
            for shape in report.get("zones", ())
            if (settings := shape.get("settings", ())) or shape.get("rules")
        ]
    )


def _hours(setting: Mapping[str, Any]) -> dict[str, Any]:
    return {name: setting[name] for name in ("rule", "hours", "follows_calendar") if name in setting}


def _health(row: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(row.health_json or REPORT_JSON)
    return told


@lru_cache(maxsize=4096)
def _read(text: str) -> dict[str, Any]:
    """Little JSON that is the same at most readings of a wall; nobody changes what comes of it."""
    told: dict[str, Any] = json.loads(text)
    return told


def _node(row: Any, health: dict[str, Any]) -> Node:
    return Node(
        row.id,
        row.name,
        row.label or row.name,
        row.site_name,
        row.site_id,
        row.status,
        row.last_seen_at_s,
        row.version,
        health,
        NodeClock(**_read(row.clock_json)) if row.clock_json else None,
        _read(row.links_json or REPORT_JSON),
        row.schedule_revision,
    )
