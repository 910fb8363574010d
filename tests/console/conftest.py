"""A console on a real database (SQLite, PostgreSQL), with people and a node."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from console.app.factory import Console, build
from console.app.settings import Settings
from console.domain.access import Role
from console.ingest.intake import Intake
from console.store import nodes, sessions, users
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

    def browser(self, role: Role | None = None) -> TestClient:
        """A browser of somebody with `role`, signed in; None for a stranger."""
        client = TestClient(self.console.web, headers={"Origin": ORIGIN}, follow_redirects=False)
        if role is not None:
            with self.console.database.write() as connection:
                known = [user for user in users.listing(connection) if user.name == role.value]
                user = known[0] if known else users.add(connection, role.value, "x", role, self.clock())
                token = f"token of {role}"
                sessions.end(connection, session_hash(token))
                sessions.begin(connection, session_hash(token), user.id, self.clock())
            client.cookies.set(COOKIE, token)
        return client

    def node(self, token: str | None = None) -> TestClient:
        """The node's HTTP client."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return TestClient(self.console.web, headers=headers, follow_redirects=False)


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
