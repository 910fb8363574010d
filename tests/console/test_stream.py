"""The event stream: who may hear it, and for how long."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from console.domain.access import Role
from console.store import changes, sessions, users
from console.web.access import COOKIE, session_hash

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]


@pytest.fixture
def address(desk) -> Iterator[str]:
    """Where the console serves, its feed running."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(desk.console.web, port=port, log_level="error", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    desk.console.start()
    deadline_s = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    thread.join(10)
    desk.console.ended.set()
    for one in desk.console.threads:
        one.join(5)


def follow(desk, address: str, role: Role, last_id: str = "") -> Iterator[str]:
    """What a browser of somebody with `role` hears, line by line."""
    token = desk.browser(role).cookies[COOKIE].strip('"')
    headers = {"Cookie": f"{COOKIE}={token}"} | ({"Last-Event-ID": last_id} if last_id else {})
    with httpx.stream("GET", f"{address}/api/stream", headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        yield from answer.iter_lines()


def note(desk, kind: str, key: str) -> None:
    with desk.console.database.write() as connection:
        changes.append(connection, kind, key, "opened", desk.clock())


def keys(lines: list[str]) -> list[str]:
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return [one["key"] for one in told if "key" in one]


def test_a_change_is_told_to_those_who_may_know_it(desk, address):
    guard, installer = (follow(desk, address, role) for role in (Role.GUARD, Role.INSTALLER))
    for lines in (guard, installer):
        assert next(lines) == "event: beat"
    note(desk, "alert", "of a person")
    note(desk, "node", "n1")
    heard = {}
    for name, lines in (("guard", guard), ("installer", installer)):
        heard[name] = []
        while "n1" not in keys(heard[name]):
            heard[name].append(next(lines))
    assert keys(heard["guard"]) == ["of a person", "n1"]
    assert keys(heard["installer"]) == ["n1"]


def end_session(connection, user: users.User, at_s: float) -> None:
    sessions.end(connection, session_hash(f"token of {user.role}"))


def demote(connection, user: users.User, at_s: float) -> None:
    users.set_role(connection, user.id, Role.INSTALLER)


def remove(connection, user: users.User, at_s: float) -> None:
    users.disable(connection, user.id, at_s)


@pytest.mark.parametrize("lose", [end_session, demote, remove])
def test_who_loses_the_right_hears_nothing_more(desk, address, lose):
    lines = follow(desk, address, Role.GUARD)
    assert next(lines) == "event: beat"
    with desk.console.database.write() as connection:
        lose(connection, users.listing(connection)[0], desk.clock())
        changes.append(connection, "alert", "secret", "opened", desk.clock())
    assert keys(list(lines)) == []  # the list ends, because the stream does


def test_a_browser_that_comes_back_goes_on_where_it_was(desk, address):
    lines = follow(desk, address, Role.GUARD)
    next(lines)
    note(desk, "alert", "first")
    seen = []
    while "first" not in keys(seen):
        seen.append(next(lines))
    last_id = next(line for line in seen if line.startswith("id: ")).removeprefix("id: ")
    lines.close()
    note(desk, "alert", "meanwhile")
    feed = desk.console.feed
    deadline_s = time.monotonic() + 10
    while feed.newest_id <= int(last_id):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    assert [one.key for one in feed.after(int(last_id))] == ["meanwhile"]
    again = follow(desk, address, Role.GUARD, last_id)
    heard = []
    while not keys(heard):
        heard.append(next(again))
    assert keys(heard) == ["meanwhile"]


def test_a_browser_that_was_away_for_too_long_is_told_to_look_again(desk, address):
    desk.console.feed._begun_at = 40  # as after a restart of the console: what was before is not remembered
    lines = follow(desk, address, Role.GUARD, "39")
    heard = [next(lines) for _ in range(3)]
    assert json.loads(heard[2].removeprefix("data: "))["kind"] == "again"
