"""Message <-> bytes: CloudEvents 1.0, JSON format, structured mode (github.com/cloudevents/spec)."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from broker.contract import topics
from broker.contract.messages import AnyMessage, OutboxId

MAX_BYTES = 256 * 1024  # far above the largest true message; files never travel by MQTT


class DecodeError(Exception):
    """A payload that is not a message of its topic; the text says why."""


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    specversion: Literal["1.0"]
    id: str = Field(min_length=1, max_length=100)
    source: str = Field(min_length=1, max_length=200)
    type: str
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    outboxid: OutboxId | None = None
    outboxsequence: int | None = Field(None, ge=1, le=2**53)
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded message: who sent it, what kind, and its number in the sender's outbox where it has one."""

    node: str
    topic: topics.Topic
    message: AnyMessage
    sent_at_s: float
    outbox_id: str | None
    sequence: int | None


def encode(
    topic: topics.Topic,
    source: str,
    message: AnyMessage,
    sent_at_s: float,
    outbox_id: str | None = None,
    sequence: int | None = None,
) -> bytes:
    """JSON bytes of `message`.

    source: name of the node or of the console.
    sent_at_s: UTC seconds.
    outbox_id, sequence: both for numbered topics, neither for others.
    Raises TypeError for a message of another topic, ValueError for a missing or a superfluous number.
    """
    if not isinstance(message, topic.message):
        raise TypeError(f"{type(message).__name__} does not belong on topic kind {topic.kind!r}")
    if topic.numbered != (sequence is not None and outbox_id is not None):
        raise ValueError(f"topic kind {topic.kind!r}: numbered={topic.numbered}, got sequence {sequence!r}")
    number = f"{outbox_id}/{sequence}" if topic.numbered else str(uuid.uuid4())
    envelope = _Envelope(
        specversion="1.0",
        id=number,
        source=source,
        type=f"gatehouse.{topic.kind}.v1",
        time=datetime.fromtimestamp(sent_at_s, UTC),
        outboxid=outbox_id,
        outboxsequence=sequence,
        data=message.model_dump(mode="json", exclude_none=True),
    )
    return envelope.model_dump_json(exclude_none=True).encode()


def decode(topic_name: str, payload: bytes) -> Received:
    """The message in `payload`. Raises DecodeError with a one-line reason for anything else."""
    try:
        node, topic = topics.parse(topic_name)
    except ValueError as error:
        raise DecodeError(str(error)) from error
    if len(payload) > MAX_BYTES:
        raise DecodeError(f"{len(payload)} bytes, more than the {MAX_BYTES} that any message needs")
    if b"\\u0000" in payload:
        raise DecodeError("a text holds the character NUL, which databases do not take")
    try:
        envelope = _Envelope.model_validate_json(payload)
        if envelope.type != f"gatehouse.{topic.kind}.v1":
            raise DecodeError(f"type {envelope.type[:60]!r} on topic kind {topic.kind!r}")
        message = topic.message.model_validate(envelope.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "payload"
        raise DecodeError(f"{place}: {first['msg']} ({error.error_count()} problems)") from error
    if topic.numbered and (envelope.outboxid is None or envelope.outboxsequence is None):
        raise DecodeError("outboxid and outboxsequence are missing")
    return Received(node, topic, message, envelope.time.timestamp(), envelope.outboxid, envelope.outboxsequence)


class _Numbers(BaseModel):
    outboxid: OutboxId
    outboxsequence: int = Field(strict=True, ge=1, le=2**53)


def numbers_of(payload: bytes) -> tuple[str, int] | None:
    """Outbox and sequence number of a payload that may otherwise be malformed, where they can be read."""
    try:
        numbers = _Numbers.model_validate(json.loads(payload[:MAX_BYTES]))
    except (ValueError, RecursionError):
        return None
    return numbers.outboxid, numbers.outboxsequence
