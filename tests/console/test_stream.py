"""The event stream: who may hear it, and for how long."""

import itertools
import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from ports import free_port

from console.domain.access import Role
from console.domain.site_tree import WHOLE_TREE, Grants
from console.store import changes, grants, sessions, users
from console.web.access import COOKIE, session_hash
from console.web.stream import POLL_S, Feed

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]


def caught_up(desk) -> None:
    """Waits until the feed has read what was written before."""
    with desk.console.database.read() as connection:
        newest_id = changes.newest_id(connection)
    deadline_s = time.monotonic() + 20
    while desk.console.feed.newest_id < newest_id:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.fixture
def address(desk) -> Iterator[str]:
    """Where the console serves, its feed running."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(desk.console.web, port=port, log_level="error", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    desk.console.start()
    deadline_s = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    caught_up(desk)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    thread.join(10)
    desk.console.ended.set()
    for one in desk.console.threads:
        one.join(5)


def follow(
    desk, address: str, role: Role, last_id: str = "", granted: Grants = WHOLE_TREE, name: str = ""
) -> Iterator[str]:
    """What a browser of somebody with `role` hears, line by line."""
    token = desk.browser(role, granted, name).cookies[COOKIE].strip('"')
    yield from listen(address, {"Cookie": f"{COOKIE}={token}"}, last_id)


def listen(address: str, who: dict[str, str], last_id: str = "") -> Iterator[str]:
    headers = who | ({"Last-Event-ID": last_id} if last_id else {})
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


def hear_until(lines: Iterator[str], key: str) -> list[str]:
    heard: list[str] = []
    while key not in keys(heard):
        heard.append(next(lines))
    return keys(heard)


def test_each_hears_of_the_own_places_alone(desk, schools, address):
    here, other = schools
    with desk.console.database.read() as connection:
        box = connection.exec_driver_sql(f"SELECT id FROM node WHERE name = '{here.box}'").scalar_one()
    people = {
        "all": (Role.GUARD, WHOLE_TREE),
        "officer": (Role.SUPERVISOR, Grants(sites=frozenset({here.district}))),
        "yard": (Role.GUARD, Grants(cameras=frozenset({(box, "yard")}))),
        "auditor": (Role.AUDITOR, Grants(sites=frozenset({here.site}))),
        "nobody": (Role.ADMINISTRATOR, Grants()),
    }
    hearing = {name: follow(desk, address, role, "", granted, name) for name, (role, granted) in people.items()}
    for lines in hearing.values():
        assert next(lines) == "event: beat"
    told = [("alert", other.event_id), ("node", other.box), ("camera", f"{other.box}/yard"), ("alert", "unknown")]
    told += [("alert", here.event_id), ("camera", f"{here.box}/yard"), ("other", here.box)]
    told += [("watch", str(here.site)), ("watch", str(other.site)), ("node", here.box)]
    for kind, key in told:
        note(desk, kind, key)
    everything = [key for kind, key in told if kind != "other"]
    mine = [here.event_id, f"{here.box}/yard", here.box]
    watched = [*mine[:2], str(here.site), here.box]
    assert hear_until(hearing["all"], here.box) == everything
    assert hear_until(hearing["officer"], here.box) == watched
    assert hear_until(hearing["yard"], here.box) == mine[1:]
    assert hear_until(hearing["auditor"], here.box) == mine[1:]
    heard = []
    while not any("beat" in line for line in heard):
        heard.append(next(hearing["nobody"]))
    assert keys(heard) == []


def test_a_program_hears_until_its_token_ends(desk, schools, address):
    here, _ = schools
    lines = listen(address, {"Authorization": f"Bearer token {here.box}"})
    assert next(lines) == "event: beat"
    note(desk, "node", here.box)
    assert hear_until(lines, here.box) == [here.box]
    with desk.console.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM api_token")
        changes.append(connection, "node", here.box, "online", desk.clock())
    assert keys(list(lines)) == [""]


def end_session(connection, user: users.User, at_s: float) -> None:
    sessions.end(connection, session_hash(f"token of {user.role}"))


def demote(connection, user: users.User, at_s: float) -> None:
    users.set_role(connection, user.id, Role.INSTALLER)


def remove(connection, user: users.User, at_s: float) -> None:
    users.disable(connection, user.id, at_s)


def move_away(connection, user: users.User, at_s: float) -> None:
    grants.give(connection, user.id, Grants())


@pytest.mark.parametrize("lose", [end_session, demote, remove, move_away])
def test_who_loses_the_right_hears_nothing_more(desk, address, lose):
    lines = follow(desk, address, Role.GUARD)
    assert next(lines) == "event: beat"
    with desk.console.database.write() as connection:
        lose(connection, users.listing(connection)[0], desk.clock())
        changes.append(connection, "alert", "secret", "opened", desk.clock())
    assert keys(list(lines)) == [""]  # "look again", then the list ends, because the stream does


def test_a_browser_that_comes_back_goes_on_where_it_was(desk, address):
    lines = follow(desk, address, Role.GUARD)
    next(lines)
    note(desk, "alert", "first")
    seen = []
    while "first" not in keys(seen):
        seen.append(next(lines))
    last_id = [line for line in seen if line.startswith("id: ")][-1].removeprefix("id: ")
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


def test_a_stream_that_ends_with_the_rights_goes_on_where_it_was(desk, schools, address):
    """What ended it is a change that was not told: who comes back with other rights must hear of it."""
    here, _ = schools
    lines = follow(desk, address, Role.GUARD, granted=Grants(sites=frozenset({here.site})))
    heard = [next(lines) for _ in range(2)]
    with desk.console.database.write() as connection:
        user_id = users.find(connection, "guard").id
        grants.give(connection, user_id, Grants(sites=frozenset({here.district})))
        changes.append(connection, "alert", here.event_id, "opened", desk.clock())
    heard += list(lines)
    assert keys(heard) == [""]
    last_id = [line for line in heard if line.startswith("id: ")][-1].removeprefix("id: ")
    again = follow(desk, address, Role.GUARD, last_id)
    assert hear_until(again, here.event_id) == [here.event_id]


def test_a_browser_that_was_away_for_too_long_is_told_to_look_again(desk, address):
    desk.console.feed._begun_at = 40  # as after a restart of the console: what was before is not remembered
    lines = follow(desk, address, Role.GUARD, "39")
    heard = [next(lines) for _ in range(3)]
    assert json.loads(heard[2].removeprefix("data: "))["kind"] == "again"


def test_a_place_in_the_address_counts_and_one_that_never_was_means_to_look_again(desk, schools, address):
    """A browser that opens the stream anew can't send the header; after a restore places are younger than it knows."""
    here, _ = schools
    note(desk, "node", here.box)
    caught_up(desk)
    who = {"Authorization": f"Bearer token {here.box}"}
    place = desk.console.feed.newest_id - 1
    with httpx.stream("GET", f"{address}/api/stream?after={place}", headers=who, timeout=20) as answer:
        assert hear_until(answer.iter_lines(), here.box) == [here.box]
    lines = listen(address, who, str(desk.console.feed.newest_id + 1000))
    heard = [next(lines) for _ in range(3)]
    assert json.loads(heard[2].removeprefix("data: "))["kind"] == "again"


def test_who_falls_behind_a_flood_is_told_to_look_again(desk, address):
    """A flood tells more in a quarter of a second than the feed remembers: nobody may miss a part of it unawares."""
    lines = follow(desk, address, Role.GUARD)
    while not next(lines).startswith("retry: "):
        pass
    next(lines)  # the empty one
    with desk.console.database.write() as connection, changes.gathered(connection):
        for number in range(12_000):
            changes.append(connection, "alert", f"event {number}", "opened", desk.clock())
    with desk.console.database.read() as connection:
        newest_id = changes.newest_id(connection)
    caught_up(desk)
    heard = list[tuple[int, str]]()
    while not heard or heard[-1][0] < newest_id:
        told = [next(lines) for _ in range(3)]  # id, event, data
        heard.append((int(told[0].removeprefix("id: ")), json.loads(told[2].removeprefix("data: "))["kind"]))
        next(lines)  # the empty one
    for (before, _), (place, kind) in itertools.pairwise(heard):
        assert kind == "again" or place == before + 1


class StopAfter:
    """Ends a thread's work after so many turns; keeps how long it would have waited before each."""

    def __init__(self, turns: int) -> None:
        self.turns, self.pauses_s = turns, []

    def wait(self, seconds: float) -> bool:
        self.pauses_s.append(seconds)
        return len(self.pauses_s) > self.turns


def test_what_comes_all_at_once_is_read_without_pauses(desk):
    feed = Feed(desk.console.database, desk.clock)
    with desk.console.database.write() as connection, changes.gathered(connection):
        for number in range(1200):
            changes.append(connection, "alert", f"event {number}", "opened", desk.clock())
    stop = StopAfter(3)
    feed.run(stop)
    assert stop.pauses_s == [POLL_S, 0.0, 0.0, POLL_S]
