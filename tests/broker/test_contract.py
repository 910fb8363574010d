"""Messages, codec and the documents made from them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.contract import codec, publish, topics
from broker.contract.messages import EventMessage, StatusMessage

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
