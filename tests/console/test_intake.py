"""Messages become rows once, in whatever order and however often they come."""

import json
import random
import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, EventMessage, EvidenceFile, EvidenceMessage, HealthMessage
from console.domain.access import Role
from console.domain.alert import AlertState
from console.store import alerts, deliveries, evidence, nodes

pytestmark = pytest.mark.system
EVENT_ID = str(uuid.UUID(int=7))


def event(revision: int, state: str = "updated", **more) -> EventMessage:
    facts = {"event_id": EVENT_ID, "revision": revision, "state": state, "rule": "loitering", "camera": "gate"}
    times = {
        "opened_at_s": 1_792_000_000.0 - 5,
        "captured_at_s": 1_792_000_000.0 + revision,
        "dwell_s": float(revision),
    }
    return EventMessage(**facts, **times, **more)


def encoded(message, sequence: int | None = None, node: str = "n1") -> tuple[str, bytes]:
    topic = next(topic for topic in topics.TOPICS if topic.message is type(message))
    numbers = ("box", sequence) if topic.numbered else ()
    return topic.of(node), codec.encode(topic, node, message, 1_792_000_000.0, *numbers)


def find(desk, event_id: str = EVENT_ID):
    with desk.console.database.read() as connection:
        return alerts.find(connection, event_id)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_repeats_end_the_same(desk, seed):
    messages = [
        encoded(event(1, "open"), 1),
        encoded(event(2), 2),
        encoded(event(3, "closed", closed_because="left"), 3),
    ]
    heard = messages * 2
    random.Random(seed).shuffle(heard)
    for topic, payload in heard:
        verdict = desk.intake.take(topic, payload)
        assert verdict.refused_because is None
    found = find(desk)
    assert (found.event["revision"], found.event["state"], found.event["dwell_s"]) == (3, "closed", 3.0)
    assert found.state == AlertState.NEW
    with desk.console.database.read() as connection:
        assert len(alerts.of_state(connection, AlertState.NEW, 10)) == 1
        assert deliveries.missing_count(connection, nodes.find(connection, "n1").id) == 0


def test_what_people_did_outlives_later_revisions(desk):
    desk.intake.take(*encoded(event(1, "open"), 1))
    browser = desk.browser(Role.GUARD)
    assert browser.post(f"/alerts/{EVENT_ID}/acknowledge").status_code == 204
    desk.intake.take(*encoded(event(2), 2))
    assert find(desk).state == AlertState.ACKNOWLEDGED


def test_a_gap_is_counted_until_it_is_filled(desk):
    for sequence in (1, 5, 3):
        desk.intake.take(*encoded(event(sequence), sequence))
    with desk.console.database.read() as connection:
        node_id = nodes.find(connection, "n1").id
        assert deliveries.missing_count(connection, node_id) == 2
    for sequence in (2, 4):
        desk.intake.take(*encoded(event(sequence), sequence))
    with desk.console.database.read() as connection:
        assert deliveries.missing_count(connection, node_id) == 0


def test_an_unknown_node_and_a_stolen_event_are_refused_and_kept_aside(desk):
    desk.intake.take(*encoded(event(1, "open"), 1))
    stranger = desk.intake.take(*encoded(event(9), 1, node="stranger"))
    thief = desk.intake.take(*encoded(event(9), 1, node="n2"))
    assert "not known" in stranger.refused_because
    assert "another node" in thief.refused_because
    assert find(desk).event["revision"] == 1
    with desk.console.database.read() as connection:
        assert deliveries.count_aside(connection) == 2


def test_a_malformed_message_is_kept_aside_refused_and_stops_nothing(desk):
    topic, payload = encoded(event(1, "open"), 4)
    broken = json.loads(payload)
    broken["data"]["revision"] = "many"
    verdict = desk.intake.take(topic, json.dumps(broken).encode())
    assert verdict.sequence == 4
    assert "revision" in verdict.refused_because
    for noise in (b"", b"\xff\x00", b"[]", b"{" * 5000, b'{"outboxid": 1, "outboxsequence": true}'):
        assert desk.intake.take(topic, noise) is None
        assert desk.intake.take("other/topic", noise) is None
    assert desk.intake.take(topic, payload).refused_because is None
    with desk.console.database.read() as connection:
        assert deliveries.count_aside(connection) == 11


def test_evidence_may_come_before_its_event_and_is_replaced_by_revisions(desk):
    facts = {
        "role": "clip",
        "name": "clip.mp4",
        "media_type": "video/mp4",
        "bytes": 3,
        "begins_at_s": 1,
        "ends_at_s": 2,
    }
    first = EvidenceFile(**facts, sha256="a" * 64)
    second = EvidenceFile(**facts, sha256="b" * 64)
    for revision, file in ((2, second), (1, first), (2, second)):
        message = EvidenceMessage(event_id=EVENT_ID, revision=revision, camera="gate", files=(file,))
        assert desk.intake.take(*encoded(message, revision)).refused_because is None
    desk.intake.take(*encoded(event(1, "open"), 3))
    with desk.console.database.read() as connection:
        assert [file.sha256 for file in evidence.files_of(connection, EVENT_ID)] == ["b" * 64]


def test_a_late_event_is_marked(desk):
    desk.clock.now_s += 3600
    desk.intake.take(*encoded(event(1, "open"), 1))
    assert find(desk).late


def test_health_lists_cameras_and_those_that_see_nothing_come_first(desk):
    def camera(name: str, state: str) -> CameraHealth:
        return CameraHealth(camera=name, label=name.upper(), state=state, since_at_s=5.0, reason_code="stalled")

    cameras = (camera("a", "sees"), camera("b", "blind"))
    health = HealthMessage(at_s=1.0, started_at_s=0.0, version="1", state="degraded", cameras=cameras)
    desk.intake.take(*encoded(health))
    with desk.console.database.read() as connection:
        assert [one.name for one in nodes.cameras(connection)] == ["b", "a"]
    desk.intake.take(*encoded(health.model_copy(update={"cameras": cameras[:1]})))
    with desk.console.database.read() as connection:
        assert [one.name for one in nodes.cameras(connection)] == ["a"]


@pytest.mark.parametrize(
    "change",
    [{"revision": 2**70}, {"opened_at_s": 1e300}, {"camera": "a\x00b"}, {"people": 2**70}, {"dwell_s": float("inf")}],
    ids=str,
)
def test_a_value_that_no_database_holds_is_refused_and_the_wall_stands(desk, change):
    topic, payload = encoded(event(1, "open"), 1)
    broken = json.loads(payload)
    broken["data"].update(change)
    verdict = desk.intake.take(topic, json.dumps(broken).encode())
    assert verdict.refused_because
    assert desk.browser(Role.GUARD).get("/").status_code == 200
    with desk.console.database.read() as connection:
        assert deliveries.missing_count(connection, nodes.find(connection, "n1").id) == 0
    assert desk.intake.take(*encoded(event(1, "open"), 2)).refused_because is None


def test_an_absurd_number_is_kept_aside(desk):
    topic, payload = encoded(event(1, "open"), 1)
    assert desk.intake.take(topic, payload.replace(b'"outboxsequence":1', b'"outboxsequence":' + b"9" * 30)) is None
    with desk.console.database.read() as connection:
        assert deliveries.count_aside(connection) == 1


def test_evidence_of_another_nodes_event_is_refused(desk):
    desk.intake.take(*encoded(event(1, "open"), 1))
    message = EvidenceMessage(event_id=EVENT_ID, revision=9, camera="gate")
    assert "another node" in desk.intake.take(*encoded(message, 1, node="n2")).refused_because
