"""Message <-> bytes: CloudEvents 1.0, JSON format, structured mode (github.com/cloudevents/spec)."""

import copy
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from broker.contract import topics
from broker.contract.messages import OutboxId

MAX_BYTES = 256 * 1024  # far above the largest true message; files never travel by MQTT
CLOCK_SET_S = 1.0  # less is NTP at work


class DecodeError(Exception):
    """A payload that is not a message of its topic; the text says why."""


_NEVER_GUESSED = ("schema_version", "state", "status")
_OF_ITEMS = {
    ("files", "role"),
    ("files", "media_type"),
    ("gaps_bridged", "reason"),
    ("node_problems", "severity"),
    ("settings", "rule"),
}
_OF_ITEMS |= {("orders", "rule")}


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
    clockset: FiniteFloat | None = None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded message: who sent it, what kind, and its number in the sender's outbox where it has one.

    clock_set_s: by so much the sender's clock was set forward after the message's times were taken.
    """

    node: str
    topic: topics.Topic
    message: topics.AnyMessage
    sent_at_s: float
    outbox_id: str | None
    sequence: int | None
    clock_set_s: float = 0.0


def encode(
    topic: topics.Topic,
    source: str,
    message: topics.AnyMessage,
    sent_at_s: float,
    outbox_id: str | None = None,
    sequence: int | None = None,
    clock_set_s: float = 0.0,
) -> bytes:
    """JSON bytes of `message`.

    source: name of the node or of the console.
    sent_at_s: UTC seconds.
    outbox_id, sequence: both for numbered topics, neither for others.
    clock_set_s: see Received; less than `CLOCK_SET_S` is not told.
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
        clockset=round(clock_set_s, 3) if abs(clock_set_s) >= CLOCK_SET_S else None,
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
        message = _understood(topic, envelope.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "payload"
        raise DecodeError(f"{place}: {first['msg']} ({error.error_count()} problems)") from error
    if topic.numbered and (envelope.outboxid is None or envelope.outboxsequence is None):
        raise DecodeError("outboxid and outboxsequence are missing")
    number = (envelope.outboxid, envelope.outboxsequence)
    return Received(node, topic, message, envelope.time.timestamp(), *number, envelope.clockset or 0.0)


def _understood(topic: topics.Topic, data: dict[str, Any]) -> topics.AnyMessage:
    """The message of a sender that may be newer: words that are not known here are left out where that can be.

    A field with such a word takes its default; an item of a list that can't do without goes. Never guessed are states
    (nobody shall be told that a camera sees) and versions. Raises ValidationError.
    """
    try:
        return topic.message.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if any(one["type"] != "literal_error" or one["loc"][-1] in _NEVER_GUESSED for one in faults):
            raise
        left = copy.deepcopy(data)
        try:
            places = {_place(one["loc"]) for one in faults}
            for place in sorted(places, reverse=True):  # the last items first, so that the others keep their numbers
                if not any(place[:depth] in places for depth in range(1, len(place))):  # else it goes with its item
                    _leave_out(left, place)
        except (LookupError, TypeError):  # a place of a union, not of the message
            raise error from None
        return topic.message.model_validate(left)


def _place(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """What goes for the sake of a word: the word, or the item that must have it."""
    for depth, step in enumerate(loc[:-1]):
        if isinstance(step, int) and (loc[depth - 1], loc[-1]) in _OF_ITEMS:
            return loc[: depth + 1]
    return loc


def _leave_out(data: Any, place: tuple[int | str, ...]) -> None:
    *way, last = place
    for step in way:
        data = data[step]
    del data[last]


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
