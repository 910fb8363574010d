"""A province in a database, made by a seed: 1,000 sites, each a box with 8 cameras, and 100,000 alerts of 30 days."""

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert

from broker.contract.messages import CameraHealth, EventMessage, HealthMessage, NetworkLink, RuleSetting, ZoneShape
from console.domain.access import Role
from console.domain.alert import OF_PEOPLE, REASON_ORDER, SEVERITY_ORDER, STATE_ORDER, AlertState, Severity
from console.domain.calendar import Calendar
from console.domain.site_tree import Grants, SiteKind
from console.store import calendars, sessions, tables, users
from console.store.nodes import brief_of
from console.web.access import session_hash

SITES, CAMERAS, ALERTS, BLIND, DISTRICTS, DAYS = 1000, 8, 100_000, 20_000, 20, 30
NEW, IN_HAND = 0.004, 0.004  # shares of all alerts
RULES = ("loitering",) * 6 + ("repeated_presence", "intrusion", "crowd", "line_crossing")
REASONS = (*OF_PEOPLE, *("parent_or_carer",) * 12, *("passer_by",) * 6, *("vendor",) * 3)
SETTINGS = (RuleSetting(rule="loitering", seconds=60.0), RuleSetting(rule="intrusion", seconds=1.0))
RULES_SET = tuple(one.rule for one in SETTINGS)
HERE = ZoneInfo("Asia/Ho_Chi_Minh")
LABELS = ("Cổng chính", "Cổng sau", "Nhà xe", "Sân trước", "Hàng rào đông", "Hàng rào tây", "Cổng phụ", "Sân sau")
_CHUNK = 5000


def make(connection: Connection, seed: int, now_s: float) -> None:
    """Fills an empty database."""
    chance = random.Random(seed)
    _places(connection, chance, now_s)
    guards = [users.add(connection, f"Bảo vệ {n}", "x", Role.GUARD, now_s, Grants()).id for n in range(40)]
    people = {"whole": (Role.ADMINISTRATOR, Grants(everywhere=True))}
    people["district"] = (Role.SUPERVISOR, Grants(sites=frozenset({2})))
    people["school"] = (Role.GUARD, Grants(sites=frozenset({DISTRICTS + 2})))
    for name, (role, granted) in people.items():
        person = users.add(connection, name, "x", role, now_s, granted)
        sessions.begin(connection, session_hash(name), person.id, now_s)
    rows = _alerts(chance, guards, now_s)
    while chunk := [row for row, _ in zip(rows, range(_CHUNK), strict=False)]:
        for table in (tables.event, tables.alert, tables.evidence, tables.evidence_file, tables.alert_step):
            here = [values for row in chunk for values in row[table.name]]
            if here:
                connection.execute(insert(table), here)
    connection.execute(insert(tables.blind_time), list(_blind(chance, now_s)))


def _places(connection: Connection, chance: random.Random, now_s: float) -> None:
    sites = [{"id": 1, "name": "Tỉnh", "kind": SiteKind.PROVINCE, "parent_id": None}]
    sites += [{"id": 2 + n, "name": f"Phường {n}", "kind": SiteKind.DISTRICT, "parent_id": 1} for n in range(DISTRICTS)]
    first = DISTRICTS + 2
    sites += [
        {"id": first + n, "name": f"Trường số {n}", "kind": SiteKind.SCHOOL, "parent_id": 2 + n % DISTRICTS}
        for n in range(SITES)
    ]
    connection.execute(insert(tables.site), sites)
    calendars.save(connection, 1, Calendar(), now_s)  # the province says it once
    said = calendars.said_at(1, *calendars.all_texts(connection))
    revision = calendars.compiled_of(said, HERE, now_s).revision
    for n in range(SITES):
        reports = tuple(_camera(chance, at, now_s) for at in range(CAMERAS))
        health = HealthMessage(
            at_s=now_s, started_at_s=now_s - 1e6, version="0.2.0", state="ok", cameras=reports, node_problems=()
        )
        told = health.model_dump(mode="json")
        box = {"id": 1 + n, "name": f"box-{n}", "label": f"Hộp {n}", "site_id": first + n, "token_sha256": str(n)}
        box |= {"created_at_s": 0.0, "status": "online", "last_seen_at_s": now_s, "version": "1"}
        clock = json.dumps({"at_s": now_s, "heard_at_s": now_s, "lag_s": 0.0})
        links = json.dumps({NetworkLink(name="eth0", up=True).name: None})
        box |= {"health_json": json.dumps(told), "brief_json": json.dumps(brief_of(told)), "clock_json": clock}
        box |= {"health_at_s": now_s, "links_json": links, "schedule_revision": revision}
        connection.execute(insert(tables.node), [box])
        rows = [
            {
                "node_id": 1 + n,
                "name": one["camera"],
                "label": one["label"],
                "state": one["state"],
                "since_at_s": now_s - 5000,
                "reason": "",
                "reason_code": one["reason_code"],
                "listed": True,
                "health_json": json.dumps(one),
                "first_at_s": now_s - 90 * 86_400,
            }
            for one in told["cameras"]
        ]
        connection.execute(insert(tables.camera), rows)


def _camera(chance: random.Random, at: int, now_s: float) -> CameraHealth:
    blind = chance.random() < 0.01
    shape = ((0.1, 0.5), (0.5, 0.5), (0.5, 0.9), (0.1, 0.9))
    zones = tuple(
        ZoneShape(zone=f"z{n}", label=f"Vùng {n} của {LABELS[at]}", polygon=shape, rules=RULES_SET, settings=SETTINGS)
        for n in range(2)
    )
    state = {"state": "blind", "reason_code": "stalled"} if blind else {"state": "sees"}
    return CameraHealth(camera=f"c{at}", label=LABELS[at], since_at_s=now_s - 5000, zones=zones, **state)


def _alerts(chance: random.Random, guards: list[int], now_s: float) -> Iterator[dict[str, list[dict[str, Any]]]]:
    for n in range(ALERTS):
        event_id = str(uuid.UUID(int=chance.getrandbits(128)))
        box = chance.randrange(SITES)
        opened_at_s = now_s - chance.random() * DAYS * 86_400
        severity = chance.choice(tuple(Severity))
        dwell_s = round(60 + chance.expovariate(1 / 120), 1)
        path = [{"at_s": opened_at_s - i, "x": 0.3 + i / 200, "y": 0.6} for i in range(40)]
        message = EventMessage(
            event_id=event_id,
            revision=3,
            state="closed",
            rule=chance.choice(RULES),
            camera=f"c{chance.randrange(CAMERAS)}",
            zone=f"z{chance.randrange(2)}",
            severity=severity.value,
            opened_at_s=opened_at_s,
            captured_at_s=opened_at_s + dwell_s,
            closed_at_s=opened_at_s + dwell_s,
            closed_because="left",
            dwell_s=dwell_s,
            threshold_s=60.0,
            path=path,
        )
        place = {"event_id": event_id, "node_id": 1 + box, "site_id": DISTRICTS + 2 + box, "opened_at_s": opened_at_s}
        place |= {"camera": message.camera, "zone": message.zone, "rule": message.rule}
        event = {**place, "revision": 3, "severity_order": SEVERITY_ORDER[severity], "received_at_s": opened_at_s + 1}
        event |= {"revised_at_s": opened_at_s + dwell_s, "late": False, "incident_id": event_id}
        event |= {"clock_behind_s": 0.0, "message_json": message.model_dump_json()}
        work, steps = _work(chance, guards, n, opened_at_s)
        files = [
            {
                **{"event_id": event_id, "node_id": 1 + box, "name": name, "role": role, "media_type": kind},
                **{"bytes": 1, "sha256": event_id, "begins_at_s": opened_at_s, "ends_at_s": opened_at_s},
                **{"gaps": "[]", "listed": True, "stored_at_s": opened_at_s + 5},
            }
            for role, name, kind in (
                ("clip", "clip.mp4", "video/mp4"),
                ("snapshot_boxes", "snapshot-boxes.jpg", "image/jpeg"),
            )
        ]
        proof = {"event_id": event_id, "node_id": 1 + box, "revision": 1, "received_at_s": opened_at_s}
        yield {
            "event": [event],
            "alert": [{**place, **work, "dwell_s": dwell_s}],
            "evidence": [proof],
            "evidence_file": files,
            "alert_step": [{"event_id": event_id, **step} for step in steps],
        }


def _work(
    chance: random.Random, guards: list[int], n: int, opened_at_s: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    blank = {"owner_id": None, "owned_at_s": None, "acknowledged_by": None, "acknowledged_at_s": None}
    blank |= {"closed_by": None, "closed_at_s": None, "close_reason": None, "close_note": ""}
    blank |= {"reason_order": 0, "answered_s": None}
    share = n / ALERTS
    if share < NEW:
        return {**blank, "state": AlertState.NEW, "state_order": STATE_ORDER[AlertState.NEW]}, []
    guard, taken_at_s = chance.choice(guards), opened_at_s + chance.expovariate(1 / 60)
    work = blank | {"owner_id": guard, "owned_at_s": taken_at_s}
    work |= {"acknowledged_by": guard, "acknowledged_at_s": taken_at_s, "answered_s": taken_at_s - opened_at_s}
    steps = [{"user_id": guard, "step": "acknowledge", "was": "new", "became": "acknowledged", "text": ""}]
    state = AlertState.ACKNOWLEDGED
    if share >= NEW + IN_HAND:
        state, reason = AlertState.CLOSED, str(chance.choice(REASONS))
        work |= {"closed_by": guard, "closed_at_s": taken_at_s + 90, "close_reason": reason}
        work["reason_order"] = REASON_ORDER[reason]
        steps += [{"user_id": guard, "step": "close", "was": "acknowledged", "became": reason, "text": ""}]
    return {**work, "state": state, "state_order": STATE_ORDER[state]}, [{**one, "at_s": taken_at_s} for one in steps]


def _blind(chance: random.Random, now_s: float) -> Iterator[dict[str, Any]]:
    for _ in range(BLIND):
        begin_s = now_s - chance.random() * DAYS * 86_400
        yield {
            "node_id": 1 + chance.randrange(SITES),
            "camera": f"c{chance.randrange(CAMERAS)}",
            "zone": "",
            "from_at_s": begin_s,
            "to_at_s": min(now_s, begin_s + chance.expovariate(1 / 1200)),
            "reason_code": "stalled",
            "state": "blind",
        }
