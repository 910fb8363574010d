"""What the pages show, on both databases."""

import uuid
from dataclasses import replace

import pytest

from broker.contract import codec, topics
from broker.contract.messages import (
    CameraHealth,
    EventMessage,
    EvidenceMessage,
    HealthMessage,
    NodeProblem,
    StatusMessage,
)
from console.app.factory import build
from console.app.settings import Settings
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.store.alerts import TURN
from console.store.tables import metadata
from console.web.alert_view import MOST_NEW

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


def test_what_a_box_tells_of_its_disk_is_shown_in_both_languages(desk):
    facts = (("recording_stopped", "critical", "", None), ("disk_hours_left", "critical", "", 5.0))
    facts += (("recording_short", "warning", "gate", None), ("of_a_newer_box", "warning", "", None))
    problems = tuple(
        NodeProblem(code=code, severity=severity, since_at_s=desk.clock(), subject=subject, figure=figure)
        for code, severity, subject, figure in facts
    )
    health = HealthMessage(at_s=desk.clock(), started_at_s=1.0, version="1", state="degraded", node_problems=problems)
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, desk.clock()))
    page = desk.browser(Role.INSTALLER).get("/cameras", headers=ENGLISH).text
    assert "Nothing is recorded any more: the disk is full" in page
    assert "Hours until the disk is full and recording stops: 5." in page
    assert "The recording of gate reaches too few days back" in page
    assert "of_a_newer_box" in page
    wall = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    assert "Nothing is recorded any more: the disk is full" in wall
    assert "Hours until the disk is full" in wall
    assert "reaches too few days back" not in wall
    page = desk.browser(Role.INSTALLER).get("/cameras", headers={"Accept-Language": "vi"}).text
    assert "Khoảng 5 giờ nữa ổ đĩa sẽ đầy và ngừng ghi hình." in page
    status = StatusMessage(status="offline", at_s=desk.clock())
    desk.intake.take(topics.STATUS.of("n1"), codec.encode(topics.STATUS, "n1", status, desk.clock()))
    assert "Hours until the disk is full" not in desk.browser(Role.GUARD).get("/", headers=ENGLISH).text


def tell(desk, number: int, node: str = "n1", behind_s: float = 0.0, **changes) -> None:
    """An event of a node whose clock is so far behind, in a zone of its own."""
    facts = {"event_id": str(uuid.UUID(int=number)), "revision": 1, "state": "open", "rule": "loitering"}
    facts["zone"] = None if changes.get("rule", "").startswith("camera_") else f"zone-{number}"
    times = {"opened_at_s": desk.clock(), "captured_at_s": desk.clock(), "camera": "gate"}
    event = EventMessage(**{**facts, **times, **changes})
    desk.intake.take(
        topics.EVENT.of(node), codec.encode(topics.EVENT, node, event, desk.clock() - behind_s, "box", number)
    )


def test_a_flood_of_alerts_shows_the_most_urgent_and_says_how_many_more(desk):
    room = MOST_NEW
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
    assert told.status_code == 409
    assert told.json() == {"error": "taken", "by": "administrator", "at": "00:46", "done": 0}
    led = second.post(address, headers={"Accept": "text/html"})
    page = second.get(led.headers["location"], headers=ENGLISH).text
    assert "administrator took it on at 00:46." in page
    assert "took it on at" not in first.get(led.headers["location"], headers=ENGLISH).text.split("<script")[0]


def test_no_number_of_new_alerts_hides_one_in_hand_from_scripts(desk):
    for number in range(1, 108):
        tell(desk, number, severity="high" if number > 1 else "low")
    guard = desk.browser(Role.GUARD)
    guard.post(f"/alerts/{uuid.UUID(int=1)}/acknowledge")
    states = [one["state"] for one in guard.get("/api/alerts").json()]
    assert states == ["new"] * 100 + ["acknowledged"]


def health(desk, at_s: float, cameras=(), **more) -> None:
    facts = {"at_s": at_s, "started_at_s": 5.0, "version": "1", "state": "degraded" if cameras else "ok", **more}
    message = HealthMessage(**facts, cameras=cameras)
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", message, at_s))


@pytest.mark.parametrize(("behind_s", "word"), [(150, "2 min 30 s slow"), (-7200, "2 h 0 min fast")])
def test_a_box_with_a_wrong_clock_rings_and_somebody_is_told(desk, behind_s, word):
    desk.clock.now_s -= 15
    health(desk, desk.clock() - behind_s)
    desk.clock.now_s += 15  # the second report that comes live tells of the clock
    node_now_s = desk.clock() - behind_s
    health(desk, node_now_s, (CameraHealth(camera="gate", state="sees", since_at_s=1.0),))
    tell(desk, 1, behind_s=behind_s, opened_at_s=node_now_s - 5, captured_at_s=node_now_s - 5, dwell_s=60)
    browser = desk.browser(Role.GUARD)
    wall = browser.get("/", headers=ENGLISH).text
    assert 'data-rings="1"' in wall
    assert "reported late" not in wall
    assert "rang at 00:46:35" in wall
    assert "1 min 5 s" in wall
    for path in ("/", "/cameras", f"/alerts/{uuid.UUID(int=1)}"):
        assert f"The clock of this box is {word}" in browser.get(path, headers=ENGLISH).text, path
    assert "Đồng hồ của thiết bị này" in browser.get("/").text


def test_no_time_that_went_by_is_less_than_none(desk):
    cameras = (CameraHealth(camera="gate", state="sees", since_at_s=1.0),)
    health(desk, desk.clock(), cameras)
    tell(desk, 1, opened_at_s=desk.clock() + 72_000, captured_at_s=desk.clock() + 72_000)
    page = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    assert "still there" in page
    assert ">0 s</b>" in page


def test_a_box_that_floods_hides_no_alert_of_another(desk):
    room = MOST_NEW
    for number in range(1, room + 8):
        tell(desk, number, severity="critical")
    tell(desk, 999, node="n2", severity="low")
    page = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    assert page.count('class="alert new') == room
    place = page[: page.index(f'id="a-{uuid.UUID(int=999)}')].count('class="alert new')
    assert place == TURN + 1
    assert "More new alerts: 8." in page
    assert "<strong>Hộp cổng</strong> · Kim Đồng · 8 more" in page


def test_alerts_in_hand_that_have_no_room_are_counted_and_reached(desk):
    guard = desk.browser(Role.GUARD)
    for number in range(1, 64):
        tell(desk, number)
        desk.clock.now_s += 1
        guard.post(f"/alerts/{uuid.UUID(int=number)}/acknowledge")
    page = guard.get("/", headers=ENGLISH).text
    assert page.count('class="alert acknowledged') == 60
    assert page.index(str(uuid.UUID(int=63))) < page.index(str(uuid.UUID(int=62)))
    assert 'In hand <span class="count">63' in page
    assert "3 are older" in page
    assert 'href="/?in_hand=120#in-hand"' in page
    for path in ("/?in_hand=120", "/wall?in_hand=120"):
        assert guard.get(path).text.count('class="alert acknowledged') == 63
    assert guard.get("/?in_hand=100000").status_code == 422


def test_a_fault_begins_with_a_capital_letter_and_keeps_those_that_it_has(desk):
    camera = CameraHealth(camera="gate", state="blind", since_at_s=1.0, reason_code="transport_refused")
    health(desk, desk.clock(), (camera,))
    page = desk.browser(Role.GUARD).get("/cameras", headers=ENGLISH).text
    assert "The camera refuses this way of sending: try TCP instead of UDP" in page


def test_impaired_cameras_do_not_stand_under_those_that_see_nothing(desk):
    states = (("gate", "blind", "stalled"), ("yard", "impaired", "not_recording"), ("hall", "sees", ""))
    cameras = tuple(
        CameraHealth(camera=name, state=state, since_at_s=1.0, reason_code=code) for name, state, code in states
    )
    health(desk, desk.clock(), cameras)
    guard = desk.browser(Role.GUARD)
    blind, impaired = (
        guard.get("/", headers=ENGLISH)
        .text.split("Seeing nothing: 1 of 3 cameras")[1]
        .split("Impaired: 1 of 3 cameras")
    )
    assert ("gate" in blind, "yard" in blind, "yard" in impaired) == (True, False, True)
    boxes = guard.get("/cameras", headers=ENGLISH).text.split("<h2>Boxes</h2>")[1]
    assert "Seeing nothing: 1 of 3 cameras" in boxes
    assert "Impaired: 1 of 3 cameras" in boxes


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("disk_full", "ổ đĩa của thiết bị đã đầy"),
        ("of_tomorrow", 'lang="en">as the box says'),
        ("", 'lang="en">as the box'),
    ],
)
def test_why_there_is_no_clip_is_told_in_the_language_of_the_page(desk, code, shown):
    tell(desk, 1)
    facts = {"event_id": str(uuid.UUID(int=1)), "revision": 1, "camera": "gate", "missing": "as the box says"}
    message = EvidenceMessage(**facts, missing_code=code)
    desk.intake.take(topics.EVIDENCE.of("n1"), codec.encode(topics.EVIDENCE, "n1", message, desk.clock(), "box", 2))
    assert shown in desk.browser(Role.GUARD).get(f"/alerts/{uuid.UUID(int=1)}").text


def test_why_a_message_stands_aside_is_told_in_the_language_of_the_page(desk):
    desk.intake.take(topics.STATUS.of("n1"), b"{}")
    assert "không đọc được tin này" in desk.browser(Role.ADMINISTRATOR).get("/cameras").text


def see(desk, state, code="", *, started_at_s=0.0, since_at_s=None, zones=()) -> None:
    now_s = desk.clock()
    facts = {"camera": "gate", "label": "Cổng chính", "state": state, "reason_code": code, "zones": zones}
    gate = CameraHealth(**facts, since_at_s=since_at_s or now_s)
    health = HealthMessage(at_s=now_s, started_at_s=started_at_s, version="1", state="degraded", cameras=(gate,))
    online = StatusMessage(status="online", at_s=now_s)
    desk.intake.take(topics.STATUS.of("n1"), codec.encode(topics.STATUS, "n1", online, now_s))
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, now_s))


def test_a_covered_lens_is_shown_red_and_rings_with_words_of_its_own(desk):
    see(desk, "blind", "camera_covered")
    tell(desk, 1, rule="camera_covered", severity="high", people=0, dwell_s=16)
    guard = desk.browser(Role.GUARD)
    page = guard.get("/cameras", headers=ENGLISH).text
    assert 'class="camera blind lens"' in page
    assert "The lens is covered or sprayed" in page
    wall = guard.get("/", headers=ENGLISH).text
    assert 'data-rings="1"' in wall
    assert "Camera: lens covered" in wall
    assert "still so" in wall
    alert = guard.get(f"/alerts/{uuid.UUID(int=1)}", headers=ENGLISH).text
    assert "Nothing of the usual view has been seen for" in alert
    assert "Somebody did it on purpose" in alert
    for of_people in ("Certainty that it is a person", "Passer-by", "still there"):
        assert of_people not in alert
    closed = guard.post(f"/alerts/{uuid.UUID(int=1)}/close", data={"reason": "tampering"})
    assert closed.status_code == 204
    vietnamese = guard.get(f"/alerts/{uuid.UUID(int=1)}", headers={"Accept-Language": "vi"}).text
    assert "Ống kính camera bị che" in vietnamese
