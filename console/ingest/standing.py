"""What the messages of one transaction have to know of the database, asked for once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from broker.contract import codec, topics
from broker.contract.messages import EventMessage, EvidenceMessage
from console.store import incidents, nodes
from console.store.deliveries import Numbers
from console.store.events import Events


@dataclass(frozen=True, slots=True)
class Number:
    """Where a message stands in its node's outbox."""

    node: str
    outbox_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came, and what it says. received: None where it can't be read, and then why.

    arrived_s: at the broker, UTC seconds by the console's clock; None where that is not known.
    number: also of one that can't be read, where that much of it can.
    """

    topic: str
    payload: bytes
    arrived_s: float | None
    received: codec.Received | None
    unreadable: str
    number: Number | None


def read(topic: str, payload: bytes, arrived_s: float | None) -> Heard:
    """Decodes a message."""
    try:
        received = codec.decode(topic, payload)
    except codec.DecodeError as error:
        return Heard(topic, payload, arrived_s, None, str(error), number_of(topic, payload))
    number = None
    if received.sequence is not None and received.outbox_id is not None:
        number = Number(received.node, received.outbox_id, received.sequence)
    return Heard(topic, payload, arrived_s, received, "", number)


def number_of(topic: str, payload: bytes) -> Number | None:
    """The number of a message that may say nothing else that can be understood."""
    number = codec.numbers_of(payload)
    try:
        name, kind = topics.parse(topic)
    except ValueError:
        return None
    return Number(name, *number) if number and kind.numbered else None


class Standing:
    """Boxes, numbers of outboxes and events, kept up to date through the transaction."""

    def __init__(self, connection: Connection, messages: Sequence[Heard]) -> None:
        """Waits for others who take in messages of the same sites."""
        self.connection = connection
        names = {one.received.node for one in messages if one.received} | {
            one.number.node for one in messages if one.number
        }
        incidents.lock_sites(connection, nodes.sites_of(connection, names))
        self._owners: dict[str, nodes.Node | None] = dict(nodes.of_names(connection, names))
        self.events = Events(connection, {_event_id(one) for one in messages} - {""})
        boxes = {(owner.id, one.number.outbox_id) for one in messages if one.number and (owner := self._of(one.number))}
        self.numbers = Numbers(connection, boxes)

    def owner(self, name: str) -> nodes.Node | None:
        """The node of this name."""
        if name not in self._owners:
            self._owners[name] = nodes.find(self.connection, name)
        return self._owners[name]

    def changed(self, name: str) -> None:
        """The node has told something new of itself."""
        self._owners.pop(name, None)

    def note_number(self, number: Number, now_s: float) -> bool:
        """See `Numbers.note`; of a node that is not known nothing is noted."""
        owner = self._of(number)
        return owner is None or self.numbers.note((owner.id, number.outbox_id), number.sequence, now_s)

    def write(self, now_s: float) -> None:
        """Writes down what was only kept in mind so far. Call it at the end of the transaction."""
        self.numbers.write()
        self.events.write(now_s)

    def _of(self, number: Number) -> nodes.Node | None:
        return self.owner(number.node)


def _event_id(heard: Heard) -> str:
    message = heard.received.message if heard.received else None
    return message.event_id if isinstance(message, EventMessage | EvidenceMessage) else ""
