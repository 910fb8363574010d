"""What the pages show, on both databases."""

import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.messages import EventMessage, StatusMessage
from console.domain.access import Role
from console.store.tables import metadata
from console.web.alert_view import MOST

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}


def test_what_could_not_be_taken_is_shown_to_who_can_mend_it(desk):
    status = StatusMessage(status="online", at_s=desk.clock())
    payload = codec.encode(topics.STATUS, "n1", status, desk.clock()).replace(b"online", b"<b>asleep")
    for _ in range(3):
        desk.intake.take(topics.STATUS.of("n1"), payload)
    page = desk.browser(Role.ADMINISTRATOR).get("/cameras", headers=ENGLISH).text
    assert "Messages kept aside" in page
    assert topics.STATUS.of("n1") in page
    assert "×3" in page
    assert "<b>asleep" not in page
    assert "Messages kept aside" not in desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text


def tell(desk, number: int, **changes) -> None:
    facts = {"event_id": str(uuid.UUID(int=number)), "revision": 1, "state": "open", "rule": "loitering"}
    times = {"opened_at_s": desk.clock(), "captured_at_s": desk.clock(), "camera": "gate"}
    event = EventMessage(**{**facts, **times, **changes})
    desk.intake.take(topics.EVENT.of("n1"), codec.encode(topics.EVENT, "n1", event, desk.clock(), "box", number))


def test_a_flood_of_alerts_shows_the_most_urgent_and_says_how_many_more(desk):
    room = next(iter(MOST.values()))
    for number in range(1, room + 6):
        tell(desk, number, severity="low" if number > 5 else "critical")
    page = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    assert page.count('class="alert new') == room
    assert "More new alerts: 5." in page
    assert f'data-rings="{room + 5}"' in page
    assert page.index(str(uuid.UUID(int=5))) < page.index("Low")


def test_a_late_alert_is_shown_and_does_not_ring(desk):
    tell(desk, 1, opened_at_s=desk.clock() - 600)
    page = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    assert "reported late" in page
    assert 'data-rings="0"' in page


def test_a_database_that_is_away_is_told_in_words(desk, monkeypatch):
    from sqlalchemy.exc import OperationalError

    browser = desk.browser(Role.GUARD)

    def away(*_args):
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("console.store.sessions.find", away)
    answer = browser.get("/", headers={**ENGLISH, "Accept": "text/html"})
    assert answer.status_code == 503
    assert "can&#39;t reach its database" in answer.text
    assert browser.get("/api/alerts").json() == {"error": "database_away"}


def test_the_migrations_end_at_the_tables_of_this_version(desk):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with desk.console.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
