"""Another writer holds the database: pages that only read come, looks are recorded afterwards, downloads wait."""

import base64
import contextlib
import hashlib
import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.app.factory import build
from console.app.settings import Settings
from console.domain.access import Role
from console.ingest.intake import Intake
from console.store import audit, nodes
from console.store.write_behind import WriteBehind
from console.web.context import Context
from tests.console.conftest import Desk, TestClock

pytestmark = pytest.mark.system
EVENT_ID = str(uuid.UUID(int=3))


@pytest.fixture
def slow(tmp_path) -> Iterator[Desk]:
    """A console on SQLite with one alert."""
    clock = TestClock()
    console = build(Settings(folder=tmp_path), clock)
    with console.database.write() as connection:
        token = nodes.add(connection, "n1", "Kim Đồng", "", clock())
    facts = {"event_id": EVENT_ID, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=clock(), captured_at_s=clock())
    desk = Desk(console, clock, token, "", Intake(console.database, clock))
    desk.intake.take(topics.EVENT.of("n1"), codec.encode(topics.EVENT, "n1", event, clock(), "box", 1))
    yield desk
    console.database.close()


@contextlib.contextmanager
def held(desk: Desk) -> Iterator[None]:
    """Somebody else writes, and does not end."""
    other = sqlite3.connect(desk.console.database.engine.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def looks(desk: Desk) -> list[float]:
    with desk.console.database.read() as connection:
        return [one.at_s for one in audit.of_subject(connection, EVENT_ID) if one.action == "view"]


def context_of(desk: Desk) -> Context:
    return desk.console.web.state.context


def test_an_alert_is_shown_at_once_and_the_look_is_recorded_with_its_time(slow, caplog):
    guard = slow.browser(Role.GUARD)
    looked_at_s = slow.clock.now_s = slow.clock.now_s + 120  # the session's use would be written down as well
    with held(slow):
        for path in ("/", f"/alerts/{EVENT_ID}", "/cameras", "/api/alerts"):
            assert guard.get(path).status_code == 200
        assert not context_of(slow).notes.flush()
        assert looks(slow) == []
    assert "kept in memory" in caplog.text
    slow.clock.now_s += 50
    assert context_of(slow).notes.flush()
    assert looks(slow) == [looked_at_s]


def test_what_waits_is_written_by_itself(slow):
    guard = slow.browser(Role.GUARD)
    with held(slow):
        guard.get(f"/alerts/{EVENT_ID}")
    ended = threading.Event()
    ended.set()
    context_of(slow).notes.run(ended)  # its last turn, as at the end of the console
    assert len(looks(slow)) == 1


def test_a_download_is_handed_out_with_its_record_or_not_at_all(slow):
    police = slow.browser(Role.POLICE)
    with held(slow):
        assert police.get(f"/api/alerts/{EVENT_ID}/facts.json").status_code == 503
    assert police.get(f"/api/alerts/{EVENT_ID}/facts.json").status_code == 200


def test_a_page_that_writes_does_not_wait_as_long_as_the_intake(slow):
    guard = slow.browser(Role.GUARD)
    with held(slow):
        assert guard.post(f"/alerts/{EVENT_ID}/acknowledge").status_code == 503
    assert context_of(slow).database._patience_s < slow.console.database._patience_s
    assert guard.post(f"/alerts/{EVENT_ID}/acknowledge").status_code == 204


def test_a_stylesheet_comes_while_every_thread_waits(slow):
    """Each page waits for the gate, and the stylesheet is asked for while it is shut: it would never come."""
    gate, inside = threading.Event(), threading.Semaphore(0)
    pages = slow.console.web.state.pages
    render = pages.render

    def wait_and_render(*args, **values):
        inside.release()
        assert gate.wait(60)
        return render(*args, **values)

    pages.render = wait_and_render
    slow.browser(Role.GUARD)
    with TestClient(slow.console.web) as client, ThreadPoolExecutor(60) as pool:
        waiting = [pool.submit(client.get, "/sign-in") for _ in range(45)]
        for _ in range(40):  # as many threads as the server has
            assert inside.acquire(timeout=60)
        style = pool.submit(client.get, "/static/console.css")
        try:
            assert style.result(timeout=60).status_code == 200
        finally:
            gate.set()
        assert {one.result(timeout=60).status_code for one in waiting} == {200}


def test_a_note_that_can_never_be_written_does_not_hold_up_the_others(slow):
    notes = WriteBehind(slow.console.database)
    guard = slow.browser(Role.GUARD)
    assert guard.get("/").status_code == 200
    with held(slow):
        notes.write(lambda connection: audit.write(connection, audit.By(999), "view", "x", "", 1.0))  # nobody's
        notes.write(lambda connection: audit.write(connection, audit.By(1), "view", EVENT_ID, "", 2.0))
    assert notes.flush()
    assert looks(slow) == [2.0]


def test_facts_say_who_got_them_and_the_record_says_which(slow):
    police = slow.browser(Role.POLICE)
    handed = [police.get(f"/api/alerts/{EVENT_ID}/facts.json") for _ in range(2)]
    hashes = [hashlib.sha256(one.content).hexdigest() for one in handed]
    for answer, sha256 in zip(handed, hashes, strict=True):
        assert answer.headers["X-Content-SHA256"] == sha256
        assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
    custody = json.loads(handed[1].content)["custody"]
    assert [(one["user"], one["action"], one["detail"]) for one in custody] == [
        ("police", "download", "facts.json"),
        ("police", "download", f"facts.json {hashes[0]}"),
    ]
    for _ in range(4):  # what others download pushes nobody's hash off the page
        slow.browser(Role.GUARD).get(f"/api/alerts/{EVENT_ID}/facts.json")
    page = police.get(f"/alerts/{EVENT_ID}").text
    assert all(page.index(sha256) < page.index('id="handed-out"') for sha256 in hashes)
    folded = page[page.index('id="handed-out"') :]
    assert folded.count("<code>") == 3
    theirs = slow.browser(Role.GUARD).get(f"/alerts/{EVENT_ID}").text
    assert all(theirs.index(sha256) > theirs.index('id="handed-out"') for sha256 in hashes)
