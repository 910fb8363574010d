"""The topic table. A node writes only below its own name; the broker's ACL enforces it."""

from dataclasses import dataclass
from typing import Literal

from broker.contract.holds import HeldMessage, HoldsMessage
from broker.contract.messages import (
    AcknowledgementMessage,
    CommandMessage,
    EventMessage,
    EvidenceMessage,
    HealthMessage,
    StatusMessage,
)
from broker.contract.schedule import ScheduleMessage

AnyMessage = (
    EventMessage
    | EvidenceMessage
    | HealthMessage
    | StatusMessage
    | CommandMessage
    | AcknowledgementMessage
    | ScheduleMessage
    | HoldsMessage
    | HeldMessage
)
ROOT = "gatehouse/v1/nodes"
SIRENS = "gatehouse/v1/sirens"
# The message expiry of all that a node publishes over MQTT 5. Nothing expires in it: the broker takes off what a
# message waits with it, and what is left tells the console how long that was.
EXPIRES_AFTER_S = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of topic: `gatehouse/v1/nodes/NODE/KIND`."""

    kind: str
    message: type[AnyMessage]
    written_by: Literal["node", "console"]
    qos: int
    retained: bool
    numbered: bool  # carries outbox_id and sequence, and is acknowledged by the console

    def of(self, node: str) -> str:
        """The topic of one node."""
        return f"{ROOT}/{node}/{self.kind}"

    @property
    def of_every_node(self) -> str:
        """The filter that matches this topic of all nodes."""
        return f"{ROOT}/+/{self.kind}"


EVENT = Topic("event", EventMessage, "node", qos=1, retained=False, numbered=True)
EVIDENCE = Topic("evidence", EvidenceMessage, "node", qos=1, retained=False, numbered=True)
HEALTH = Topic("health", HealthMessage, "node", qos=1, retained=True, numbered=False)
STATUS = Topic("status", StatusMessage, "node", qos=1, retained=True, numbered=False)
COMMAND = Topic("command", CommandMessage, "console", qos=1, retained=False, numbered=False)
ACK = Topic("ack", AcknowledgementMessage, "console", qos=1, retained=False, numbered=False)
SCHEDULE = Topic("schedule", ScheduleMessage, "console", qos=1, retained=True, numbered=False)
HOLDS = Topic("holds", HoldsMessage, "console", qos=1, retained=True, numbered=False)
HELD = Topic("held", HeldMessage, "node", qos=1, retained=True, numbered=False)

TOPICS = (EVENT, EVIDENCE, HEALTH, STATUS, COMMAND, ACK, SCHEDULE, HOLDS, HELD)
_BY_KIND = {topic.kind: topic for topic in TOPICS}


def home_assistant(node: str) -> str:
    """Where a node tells Home Assistant what it is, where that is asked for; no message of the contract."""
    return f"homeassistant/device/{node}/gatehouse/config"


def siren(name: str) -> str:
    """Where a siren hears `{"state": "on", "seconds": 30, "test": false}` and `{"state": "off"}`, not retained."""
    return f"{SIRENS}/siren-{name}/command"


def parse(topic: str) -> tuple[str, Topic]:
    """Node name and kind of a topic string. Raises ValueError for a topic that is not in the table."""
    head, _, kind = topic.rpartition("/")
    root, _, node = head.rpartition("/")
    if root != ROOT or not node.isprintable() or not 1 <= len(node) <= 64 or kind not in _BY_KIND:
        raise ValueError(f"not a Gatehouse topic: {topic[:200]!r}")
    return node, _BY_KIND[kind]
