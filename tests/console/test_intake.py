"""Messages become rows once, in whatever order and however often they come."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intake_messages import EVENT_ID, encoded, event, find
from sqlalchemy import select

from broker.contract.messages import (
    CameraHealth,
    EvidenceFile,
    EvidenceMessage,
    HealthMessage,
)
from console.domain.access import Role
from console.domain.alert import SEVERITY_ORDER, AlertState, Severity
from console.store import alerts, deliveries, evidence, nodes
from console.store import cameras as store_cameras
from console.store.escalation_tables import escalation

pytestmark = pytest.mark.system


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
        assert deliveries.absent(connection, nodes.find(connection, "n1").id, None).missing == 0


def test_what_people_did_outlives_later_revisions(desk):
    desk.intake.take(*encoded(event(1, "open"), 1))
    browser = desk.browser(Role.GUARD)
    assert browser.post(f"/alerts/{EVENT_ID}/acknowledge").status_code == 204
    desk.intake.take(*encoded(event(2), 2))
    assert find(desk).state == AlertState.ACKNOWLEDGED


def test_the_ladder_goes_by_the_last_of_several_revisions_that_come_together(desk):
    desk.intake.take(*encoded(event(1, "open", severity="medium"), 1))
    together = [encoded(event(2, severity="high"), 2), encoded(event(3, severity="medium"), 3)]
    desk.intake.take_all([(*message, 0.0) for message in together])
    with desk.console.database.read() as connection:
        (order,) = connection.execute(select(escalation.c.severity_order)).scalars()
    assert order == SEVERITY_ORDER[Severity.MEDIUM]


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
        assert [one.name for one in store_cameras.listing(connection)] == ["b", "a"]
    desk.intake.take(*encoded(health.model_copy(update={"cameras": cameras[:1]})))
    with desk.console.database.read() as connection:
        assert [one.name for one in store_cameras.listing(connection)] == ["a"]


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
        assert deliveries.absent(connection, nodes.find(connection, "n1").id, None).missing == 0
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


@pytest.mark.parametrize(
    "change",
    [
        {"dwell_s": 1e308},
        {"threshold_s": -1e300},
        {"visits": 10**300},
        {"people": 2**53},
        {"opened_at_s": 0},
        {"opened_at_s": 4e9},
        {"captured_at_s": 1_792_000_000.0 + 90_000},
        {"closed_at_s": 1e9},
    ],
    ids=str,
)
def test_a_number_that_cant_be_true_is_refused_with_its_place(desk, change):
    topic, payload = encoded(event(1, "open"), 1)
    broken = json.loads(payload)
    broken["data"].update(change)
    assert next(iter(change)) in desk.intake.take(topic, json.dumps(broken).encode()).refused_because
    assert find(desk) is None


ODD_NUMBERS = ("\ud800", "a\0b", "\U0001f600", "", "x" * 65, "a b", 7, None, ["box"], {"a": 1})


@pytest.mark.parametrize("outbox_id", ODD_NUMBERS, ids=repr)
def test_an_outbox_with_an_odd_name_is_kept_aside_and_stops_nothing(desk, outbox_id):
    topic, payload = encoded(event(1, "open"), 1)
    odd = json.dumps(json.loads(payload) | {"outboxid": outbox_id}).encode()
    assert desk.intake.take(topic, odd) is None
    assert desk.intake.take(topic, payload).refused_because is None
    with desk.console.database.read() as connection:
        assert deliveries.count_aside(connection) == 1


def test_a_reason_that_no_database_holds_is_kept_readable(desk):
    assert desk.intake.refuse("odd\0topic\ud800", b"x", "because of \0 and \ud800") is None
    with desk.console.database.read() as connection:
        (kept,) = deliveries.listing_aside(connection)
    assert kept.reason == "because of \\0 and \\ud800"
    assert kept.topic == "odd\\0topic\\ud800"


TEXTS = st.text(st.characters() | st.sampled_from("\0\ud800\udfff\uffff"), max_size=70)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
KINDS = {"event": event(1, "open"), "evidence": EvidenceMessage(event_id=EVENT_ID, revision=1, camera="gate")}


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_payload_whatever_stops_the_intake(desk, data):
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    topic, payload = encoded(KINDS[kind], 1)
    document = json.loads(payload)
    for where in (document, document["data"]):
        for key in data.draw(st.lists(st.sampled_from(sorted(where)), max_size=2)):
            where[key] = data.draw(VALUES)
    text = json.dumps(document, ensure_ascii=data.draw(st.booleans())).encode(errors="surrogatepass")
    cut = data.draw(st.integers(0, len(text)) | st.just(len(text)))
    desk.intake.take(topic, text[:cut] + data.draw(st.binary(max_size=8)))
    desk.intake.take(data.draw(TEXTS), text)
    desk.intake.take(f"gatehouse/v1/nodes/{data.draw(TEXTS)}/event", payload)


def test_a_number_that_jumps_further_than_any_outbox_is_refused_and_leaves_no_gap(desk):
    desk.intake.take(*encoded(event(1, "open"), 1))
    assert "outboxsequence" in desk.intake.take(*encoded(event(2), 2**53)).refused_because
    assert desk.intake.take(*encoded(event(2), 2)).refused_because is None
    with desk.console.database.read() as connection:
        assert deliveries.absent(connection, nodes.find(connection, "n1").id, None).missing == 0
        assert [one.reason_code for one in deliveries.listing_aside(connection)] == ["absurd_number"]
