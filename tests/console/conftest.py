"""A console on a real database (SQLite, PostgreSQL), with people and a node."""

import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, update

sys.path.insert(0, str(Path(__file__).parents[1]))

from opened_event import open_event

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, EventMessage, HealthMessage, StatusMessage
from console.app.factory import Console, build
from console.app.settings import Settings
from console.domain.access import Role
from console.domain.site_tree import WHOLE_TREE, Grants, SiteKind
from console.ingest.intake import Intake
from console.store import api_tokens, evidence, nodes, one_time_links, sessions, sites, users
from console.store.sign_in_tables import api_token
from console.store.tables import blind_time
from console.web.access import COOKIE, session_hash

ORIGIN = "http://testserver"


class TestClock:
    """UTC seconds that move only when told."""

    __test__ = False

    def __init__(self) -> None:
        self.now_s = 1_792_000_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Desk:
    """A console, its clock, the tokens of two nodes."""

    console: Console
    clock: TestClock
    token: str
    other_token: str
    intake: Intake
    sight: tuple[object, ...] = ()  # how the camera was told last, with since when

    def browser(self, role: Role | None = None, granted: Grants = WHOLE_TREE, name: str = "") -> TestClient:
        """A browser of somebody with `role` at these places, signed in; None for a stranger. name: like the role."""
        client = TestClient(self.console.web, headers={"Origin": ORIGIN}, follow_redirects=False)
        if role is not None:
            with self.console.database.write() as connection:
                known = users.find(connection, name or role.value)
                user = known or users.add(connection, name or role.value, "x", role, self.clock(), granted)
                token = f"token of {name or role}"
                sessions.end(connection, session_hash(token))
                sessions.begin(connection, session_hash(token), user.id, self.clock())
            client.cookies.set(COOKIE, token)
        return client

    def node(self, token: str | None = None) -> TestClient:
        """The node's HTTP client."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return TestClient(self.console.web, headers=headers, follow_redirects=False)

    def see(self, state, code="", *, started_at_s=0.0, since_at_s=None, zones=()) -> None:
        """Node n1 reports that its one camera, gate, is in that state, since now where it was in another one."""
        now_s = self.clock()
        if self.sight[:3] != (state, code, started_at_s):
            self.sight = (state, code, started_at_s, now_s)
        facts = {"camera": "gate", "label": "Cổng chính", "state": state, "reason_code": code, "zones": zones}
        gate = CameraHealth(**facts, since_at_s=since_at_s or self.sight[3])
        health = HealthMessage(at_s=now_s, started_at_s=started_at_s, version="1", state="degraded", cameras=(gate,))
        online = StatusMessage(status="online", at_s=now_s)
        self.intake.take(topics.STATUS.of("n1"), codec.encode(topics.STATUS, "n1", online, now_s))
        self.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, now_s))


@dataclass(frozen=True)
class School:
    """A school with a box, a camera that sees, an alert, a guard who is signed in, has a token, and a guest invited."""

    district: int
    site: int
    name: str
    box: str
    token: str
    event_id: str
    guard: int

    @property
    def words(self) -> tuple[str, ...]:
        """What nobody may read who has no rights there."""
        return (
            self.name,
            self.box,
            f"label of {self.box}",
            self.event_id,
            f"guard of {self.box}",
            f"guest of {self.box}",
        )

    @property
    def hold_id(self) -> str:
        """Of what its box keeps, once somebody asked for that."""
        return str(uuid.UUID(int=2000 + self.site))

    def address(self, path: str) -> str:
        """A path of the table that names what is at this school."""
        session, link = (session_hash(f"{kind} {self.box}")[:16] for kind in ("session", "link"))
        real = {
            "event_id": self.event_id,
            "node": self.box,
            "camera": "gate",
            "site_id": self.site,
            "code": "vi",
            "step": "acknowledge",
            "hold_id": self.hold_id,
        }
        real |= {"user_id": self.guard, "session": session, "token_id": self.guard, "link": link}
        real |= {"name": "console.css" if path.startswith("/static") else "clip.mp4", "token": "x", "sha256": "x"}
        return path.format(**real)


@pytest.fixture
def schools(desk) -> tuple[School, School]:
    """Two schools in two districts of a province."""
    with desk.console.database.write() as connection:
        province = sites.add(connection, "Tỉnh", SiteKind.PROVINCE, None)
        return tuple(_school(desk, connection, province, number) for number in (1, 2))


def _school(desk, connection, province: int, number: int) -> School:
    box, event_id, now_s = f"box{number}x", str(uuid.UUID(int=1000 + number)), desk.clock()
    name = f"Trường số {number}"
    token = nodes.add(connection, box, name, f"label of {box}", now_s)
    site = next(one for one in sites.listing(connection) if one.name == name)
    district = sites.add(connection, f"Phường {number}", SiteKind.DISTRICT, province)
    sites.change(connection, site.id, site.name, site.kind, district)
    owner = nodes.find(connection, box)
    gate = {"camera": "gate", "label": f"gate of {box}", "state": "sees", "since_at_s": now_s, "zones": []}
    yard = {**gate, "camera": "yard", "label": f"yard of {box}"}
    health = {"at_s": now_s, "started_at_s": now_s, "state": "ok", "cameras": [gate, yard]}
    nodes.set_health(connection, owner, health, now_s)
    nodes.set_status(connection, owner.id, box, "online", "1", now_s)
    facts = {"event_id": event_id, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=now_s, captured_at_s=now_s)
    open_event(connection, owner, event, now_s)
    file = {"role": "clip", "name": "clip.mp4", "media_type": "video/mp4", "bytes": 1, "sha256": "0" * 64}
    file |= {"begins_at_s": now_s, "ends_at_s": now_s}
    evidence.take(connection, owner, {"event_id": event_id, "revision": 1, "files": [file]}, now_s)
    here = Grants(sites=frozenset({site.id}))
    guard = users.add(connection, f"guard of {box}", "x", Role.GUARD, now_s, here)
    sessions.begin(connection, session_hash(f"session {box}"), guard.id, now_s)
    wanted = api_tokens.ApiToken(0, guard.id, "t", Role.GUARD, True, None, None, now_s, now_s + 1e6, None)
    row = api_tokens.add(connection, session_hash(f"token {box}"), wanted)
    connection.execute(update(api_token).where(api_token.c.id == row).values(id=guard.id))
    one_time_links.add(connection, session_hash(f"link {box}"), Role.GUARD, f"guest of {box}", now_s, here)
    return School(district, site.id, name, box, token, event_id, guard.id)


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request, tmp_path) -> Iterator[Desk]:
    database = ""
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres")
    clock = TestClock()
    console = build(Settings(folder=tmp_path, database=database), clock)
    with console.database.write() as connection:
        token = nodes.add(connection, "n1", "Kim Đồng", "Hộp cổng", clock())
        other = nodes.add(connection, "n2", "Kim Đồng", "", clock())
    yield Desk(console, clock, token, other, Intake(console.database, clock))
    if request.param == "postgresql":
        with console.database.write() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    console.database.close()


@pytest.fixture(scope="session")
def keep_times():
    """Writes blind times of a camera down: beginning, end or None, state, zone."""
    return _keep_times


def _keep_times(connection, times, camera: str = "gate", code: str = "stalled", node_id: int = 1) -> None:
    rows = [
        {
            "node_id": node_id,
            "camera": camera,
            "zone": zone,
            "from_at_s": float(begin),
            "to_at_s": None if end is None else float(max(begin, end)),
            "state": state,
            "reason_code": code,
        }
        for begin, end, state, zone in times
    ]
    if rows:
        connection.execute(insert(blind_time), rows)
