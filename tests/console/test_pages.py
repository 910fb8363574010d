"""What the pages show, on both databases."""

import uuid
from dataclasses import replace

import pytest

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, EventMessage, HealthMessage, StatusMessage
from console.app.factory import build
from console.app.settings import Settings
from console.app.system_clock import wall_s
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


def test_a_console_without_its_broker_says_so_and_blames_no_box(desk):
    context = desk.console.web.state.context
    health = HealthMessage(
        at_s=desk.clock(),
        started_at_s=0.0,
        version="1",
        state="ok",
        cameras=(CameraHealth(camera="gate", state="sees", since_at_s=1.0),),
    )
    status = StatusMessage(status="online", at_s=desk.clock())
    for topic, message in ((topics.STATUS, status), (topics.HEALTH, health)):
        desk.intake.take(topic.of("n1"), codec.encode(topic, "n1", message, desk.clock()))
    heard = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    assert "hears no box" not in heard
    desk.console.web.state.context = replace(context, broker_connected=lambda: False)
    desk.clock.now_s += 600
    for path in ("/", "/cameras"):
        told = desk.browser(Role.GUARD).get(path, headers=ENGLISH).text
        assert "The console hears no box · since 00:46:40" in told, path
        assert "is not heard" not in told
        assert "Seeing nothing" not in told
    assert "Bảng điều khiển không nghe được thiết bị nào" in desk.browser(Role.GUARD).get("/").text


def test_a_console_that_never_reached_its_broker_says_so(tmp_path):
    (tmp_path / "password").write_text("x")
    broker = {"broker_password_file": tmp_path / "password", "broker_tls": False, "broker_port": 1}
    console = build(Settings(folder=tmp_path, **broker), wall_s)
    assert console.web.state.context.broker_connected() is False
    console.receiver.connected.set()
    assert console.web.state.context.broker_connected() is True
    console.database.close()


def test_the_second_of_two_guards_is_told_who_has_the_alert(desk):
    tell(desk, 1)
    address = f"/alerts/{uuid.UUID(int=1)}/acknowledge"
    first, second = desk.browser(Role.ADMINISTRATOR), desk.browser(Role.GUARD)
    assert first.post(address).status_code == 204
    assert first.post(address).status_code == 204
    told = second.post(address)
    assert (told.status_code, told.json()) == (409, {"error": "taken", "by": "administrator"})
    led = second.post(address, headers={"Accept": "text/html"})
    page = second.get(led.headers["location"], headers=ENGLISH).text
    assert "administrator has this alert already." in page
    assert "has this alert already." not in first.get(led.headers["location"], headers=ENGLISH).text.split("<script")[0]


def test_no_number_of_new_alerts_hides_one_in_hand_from_scripts(desk):
    for number in range(1, 108):
        tell(desk, number, severity="high" if number > 1 else "low")
    guard = desk.browser(Role.GUARD)
    guard.post(f"/alerts/{uuid.UUID(int=1)}/acknowledge")
    states = [one["state"] for one in guard.get("/api/alerts").json()]
    assert states == ["new"] * 100 + ["acknowledged"]
