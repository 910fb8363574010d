"""What the node n1 tells of one event, as messages for a console's intake."""

import uuid

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.store import alerts

EVENT_ID = str(uuid.UUID(int=7))
BEGAN_S = 1_792_000_000.0


def event(revision: int, state: str = "updated", **more) -> EventMessage:
    facts = {"event_id": EVENT_ID, "revision": revision, "state": state, "rule": "loitering", "camera": "gate"}
    times = {
        "opened_at_s": BEGAN_S - 5,
        "captured_at_s": BEGAN_S + revision,
        "dwell_s": float(revision),
    }
    return EventMessage(**facts, **times, **more)


def encoded(message, sequence: int | None = None, node: str = "n1") -> tuple[str, bytes]:
    topic = next(topic for topic in topics.TOPICS if topic.message is type(message))
    numbers = ("box", sequence) if topic.numbered else ()
    return topic.of(node), codec.encode(topic, node, message, BEGAN_S, *numbers)


def find(desk, event_id: str = EVENT_ID):
    with desk.console.database.read() as connection:
        return alerts.find(connection, event_id)
