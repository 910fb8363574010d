"""Messages, codec and the documents made from them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.contract import codec, publish, topics
from broker.contract.messages import AcknowledgementMessage, EventMessage, EvidenceMessage, HealthMessage, StatusMessage

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).resolve().parents[2]
EVENT_ID = "0f0e0d0c-0b0a-4988-8776-655443322110"


def event(**changes) -> EventMessage:
    facts = {"event_id": EVENT_ID, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    return EventMessage(**{**facts, "opened_at_s": 10.0, "captured_at_s": 10.0, **changes})


def test_a_message_survives_the_journey():
    payload = codec.encode(topics.EVENT, "n1", event(), 1_700_000_000.25, "box", 7)
    received = codec.decode(topics.EVENT.of("n1"), payload)
    assert (received.message, received.node, received.outbox_id, received.sequence) == (event(), "n1", "box", 7)
    assert received.sent_at_s == 1_700_000_000.25


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_messages_once_sent_decode_for_ever(path):
    kind = path.stem.split("-")[0]
    received = codec.decode(f"gatehouse/v1/nodes/n1/{kind}", path.read_bytes())
    assert received.topic.kind == kind


def test_every_kind_has_a_golden_message():
    kinds = {path.stem.split("-")[0] for path in GOLDEN.glob("*.json")}
    assert kinds == {topic.kind for topic in topics.TOPICS}


def test_an_unknown_field_of_a_newer_sender_is_ignored():
    payload = json.loads(codec.encode(topics.EVENT, "n1", event(), 1.0, "box", 7))
    payload["data"]["colour_of_tomorrow"] = "blue"
    payload["newattribute"] = 1
    assert codec.decode(topics.EVENT.of("n1"), json.dumps(payload).encode()).message == event()


def changed(topic, message, change) -> bytes:
    """A message as a newer sender would write it."""
    numbers = ("box", 7) if topic.numbered else ()
    payload = json.loads(codec.encode(topic, "n1", message, 1.0, *numbers))
    change(payload["data"])
    return json.dumps(payload).encode()


def test_words_of_a_newer_sender_are_left_out_and_the_rest_is_taken():
    def of_event(data):
        data.update(severity="apocalyptic", closed_because="abducted", direction="up")
        gaps = [{"from_at_s": 1.0, "to_at_s": 2.0, "reason": reason} for reason in ("fog", "occlusion", "smoke")]
        data["gaps_bridged"] = gaps

    taken = codec.decode(topics.EVENT.of("n1"), changed(topics.EVENT, event(), of_event)).message
    assert (taken.severity, taken.closed_because, taken.direction) == ("medium", None, None)
    assert [gap.reason for gap in taken.gaps_bridged] == ["occlusion"]

    def of_health(data):
        zone = {"zone": "z", "polygon": [[0, 0], [1, 1]], "rules": ["dancing", "loitering", "flying"], "state": "blind"}
        data["cameras"] = [{"camera": "gate", "state": "sees", "since_at_s": 1.0, "zones": [zone]}]
        problem = {"code": "meteor", "since_at_s": 1.0}
        data["node_problems"] = [{**problem, "severity": "mild"}, {**problem, "severity": "critical"}]

    health = HealthMessage(at_s=1.0, started_at_s=0.0, version="9", state="ok")
    taken = codec.decode(topics.HEALTH.of("n1"), changed(topics.HEALTH, health, of_health)).message
    assert taken.cameras[0].zones[0].rules == ("loitering",)
    assert taken.cameras[0].zones[0].state == "blind"
    assert [one.code for one in taken.node_problems] == ["meteor"]

    def of_evidence(data):
        file = {"media_type": "video/mp4", "bytes": 3, "begins_at_s": 1.0, "ends_at_s": 2.0}
        data["files"] = [
            {**file, "role": "sound", "name": "s.wav", "sha256": "d" * 64, "media_type": "audio/wav"},  # two words
            {**file, "role": "hologram", "name": "h", "sha256": "a" * 64},
            {**file, "role": "clip", "name": "c.mp4", "sha256": "b" * 64},
            {**file, "role": "track", "name": "t", "sha256": "c" * 64, "media_type": "text/html"},
            {**file, "role": "sound", "name": "e.wav", "sha256": "e" * 64, "media_type": "audio/wav"},
        ]

    listing = EvidenceMessage(event_id=event().event_id, revision=1, camera="gate")
    taken = codec.decode(topics.EVIDENCE.of("n1"), changed(topics.EVIDENCE, listing, of_evidence)).message
    assert [file.role for file in taken.files] == ["clip"]


def _unknown_camera_state(data):
    data["cameras"] = [{"camera": "gate", "state": "dozing", "since_at_s": 1.0}]


def _unknown_zone_state(data):
    zone = {"zone": "z", "polygon": [[0, 0], [1, 1]], "state": "dozing"}
    data["cameras"] = [{"camera": "gate", "state": "sees", "since_at_s": 1.0, "zones": [zone]}]


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        (topics.EVENT, lambda data: data.update(rule="dancing")),
        (topics.EVENT, lambda data: data.update(state="perhaps")),
        (topics.EVENT, lambda data: data.update(schema_version=2)),
        (topics.EVENT, lambda data: data.update(severity="apocalyptic", revision=-1)),
        (topics.HEALTH, _unknown_camera_state),
        (topics.HEALTH, _unknown_zone_state),
    ],
)
def test_what_must_not_be_guessed_is_refused_and_its_number_can_still_be_read(topic, change):
    health = HealthMessage(at_s=1.0, started_at_s=0.0, version="9", state="ok")
    payload = changed(topic, event() if topic is topics.EVENT else health, change)
    with pytest.raises(codec.DecodeError):
        codec.decode(topic.of("n1"), payload)
    assert codec.numbers_of(payload) == (("box", 7) if topic.numbered else None)


def test_an_acknowledgement_with_more_than_this_node_knows_is_taken():
    def change(data):
        data.update(compressed=True, committed=[1, 2], wanted=[{"first": 3, "last": 4, "urgency": "high"}])

    ack = AcknowledgementMessage(outbox_id="box")
    taken = codec.decode(topics.ACK.of("n1"), changed(topics.ACK, ack, change)).message
    assert (taken.committed, taken.wanted[0].last) == ((1, 2), 4)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": {}}, "Field required"),
        ({"type": "gatehouse.health.v1"}, "type"),
        ({"specversion": "0.3"}, "specversion"),
        ({"outboxsequence": 0}, "outboxsequence"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-01-01T00:00:00"}, "time"),
    ],
)
def test_a_malformed_message_names_its_fault(change, reason):
    payload = {**json.loads(codec.encode(topics.EVENT, "n1", event(), 1.0, "box", 7)), **change}
    with pytest.raises(codec.DecodeError, match=reason):
        codec.decode(topics.EVENT.of("n1"), json.dumps(payload).encode())


@settings(max_examples=300, derandomize=True)
@given(st.sampled_from(["", "gatehouse/v1/nodes/n1/event", "gatehouse/v1/nodes//ack", "x"]), st.binary(max_size=200))
def test_noise_never_does_more_than_a_decode_error(topic, payload):
    with pytest.raises(codec.DecodeError):
        codec.decode(topic, payload)


@settings(max_examples=200, derandomize=True)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["data", "time", "id", "type", "event_id", "box"]), inner, max_size=4)
        ),
        max_leaves=10,
    )
)
def test_odd_json_never_does_more_than_a_decode_error(document):
    payload = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "gatehouse.event.v1",
        "time": "2026-01-01T00:00:00Z",
    }
    payload["data"] = document
    with pytest.raises(codec.DecodeError):
        codec.decode(topics.EVENT.of("n1"), json.dumps(payload).encode())


def test_numbers_belong_on_numbered_topics_only():
    with pytest.raises(ValueError, match="numbered"):
        codec.encode(topics.EVENT, "n1", event(), 1.0)
    with pytest.raises(ValueError, match="numbered"):
        codec.encode(topics.STATUS, "n1", StatusMessage(status="online", at_s=1.0), 1.0, "box", 1)
    with pytest.raises(TypeError):
        codec.encode(topics.STATUS, "n1", event(), 1.0)


def test_the_published_documents_are_those_of_the_code():
    folder = ROOT / "broker" / "contract" / "published"
    for name, text in publish.documents().items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"run `gatehouse broker contract` ({name} is old)"
