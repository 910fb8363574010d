"""What was closed with the wrong outcome is corrected or opened again, by those who may; the numbers follow."""

import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.local_clock import Offset
from console.domain.search import Search
from console.store import alert_work, alerts, statistics

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
EVENT_ID = str(uuid.UUID(int=1))


@pytest.fixture
def closed(desk):
    """A guard who has closed an alert as an incident."""
    now_s = desk.clock()
    facts = {"event_id": EVENT_ID, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=now_s, captured_at_s=now_s)
    desk.intake.take(topics.EVENT.of("n1"), codec.encode(topics.EVENT, "n1", event, now_s, "box", 1))
    guard = desk.browser(Role.GUARD)
    assert step(guard, "close", reason="incident", note="có người").status_code == 204
    return guard


def step(browser, name: str, **form: str):
    return browser.post(f"/alerts/{EVENT_ID}/{name}", data=form, headers=ENGLISH)


def reasons(desk) -> dict[str, int]:
    """What statistics count, by outcome."""
    with desk.console.database.read() as connection:
        found = statistics.counts(connection, Search(0.0, desk.clock() + 1), [Offset(0.0, 0)])
    return {one.reason: one.number for one in found}


def of_history(desk) -> list[tuple[str, str, str, str, str]]:
    with desk.console.database.read() as connection:
        found = alert_work.history(connection, EVENT_ID)
    return [(one.user, one.step, one.was, one.became, one.text) for one in found]


def test_a_guard_corrects_the_own_closing_and_the_numbers_follow(desk, closed):
    assert reasons(desk) == {"incident": 1}
    assert step(closed, "correct", reason="pupil").json() == {"error": "why_missing"}
    assert step(closed, "correct", note="x").json() == {"error": "reason_missing"}
    assert step(closed, "correct", reason="pupil", note=" lớp 2B ").status_code == 204
    assert reasons(desk) == {"pupil": 1}
    assert of_history(desk)[1:] == [("guard", "correct", "incident", "pupil", "lớp 2B")]
    with desk.console.database.read() as connection:
        one = alerts.find(connection, EVENT_ID)
    assert (one.state, one.close_reason, one.closed_by, one.close_note) == ("closed", "pupil", "guard", "có người")
    page = closed.get(f"/alerts/{EVENT_ID}", headers=ENGLISH).text
    assert "corrected the outcome from Incident to Pupil:<q>lớp 2B</q>" in page
    assert 'data-step="correct"' in page
    assert EVENT_ID in closed.get("/search?state=closed&reason=pupil&days=7").text
    assert EVENT_ID not in closed.get("/search?state=closed&reason=incident&days=7").text


def test_another_guard_may_not_and_a_supervisor_may(desk, closed):
    other, boss = desk.browser(Role.GUARD, name="other"), desk.browser(Role.SUPERVISOR)
    for name in ("correct", "reopen"):
        told = step(other, name, reason="pupil", note="x")
        assert (told.status_code, told.json()) == (409, {"error": "not_your_closing"})
    assert 'data-step="correct"' not in other.get(f"/alerts/{EVENT_ID}").text
    assert 'data-step="reopen"' in boss.get(f"/alerts/{EVENT_ID}").text
    assert desk.browser(Role.POLICE).post(f"/alerts/{EVENT_ID}/correct").status_code == 403
    assert step(boss, "correct", reason="staff", note="cô Hạnh").status_code == 204


def test_one_that_is_opened_again_is_in_hand_rings_nobody_and_is_closed_anew(desk, closed):
    assert step(closed, "reopen", note="còn người ở đó").status_code == 204
    wall = closed.get("/wall", headers=ENGLISH).text
    assert 'data-rings="0"' in wall
    assert "In progress" in wall
    with desk.console.database.read() as connection:
        one = alerts.find(connection, EVENT_ID)
    assert (one.state, one.owner, one.closed_by, one.close_reason) == ("in_progress", "guard", None, None)
    assert reasons(desk) == {"": 1}
    assert step(closed, "reopen", note="x").json() == {"error": "not_closed"}
    desk.clock.now_s += 60
    assert step(closed, "close", reason="vendor").status_code == 204
    assert of_history(desk)[1:] == [
        ("guard", "reopen", "incident", "in_progress", "còn người ở đó"),
        ("guard", "close", "in_progress", "vendor", ""),
    ]
    page = closed.get(f"/alerts/{EVENT_ID}", headers=ENGLISH).text
    assert "opened it again (the outcome was: Incident):<q>còn người ở đó</q>" in page
