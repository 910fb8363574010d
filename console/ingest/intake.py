"""Messages -> rows, many in one transaction. What is committed is acknowledged, what can never be taken is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from broker.contract import codec, topics
from broker.contract.holds import HeldMessage
from broker.contract.messages import EventMessage, EvidenceMessage, HealthMessage, StatusMessage
from console.domain.node_clock import NodeClock, leapt
from console.domain.steady_line import SteadyLines
from console.ingest.standing import Heard, Number, Standing, number_of, read
from console.store import changes, deliveries, evidence, holds, nodes
from console.store.database import Database

OLD_WORD_S = 10.0  # the broker gives the last one back with each connection, and tells whole seconds of how old it is
EARLIEST_S = 1_577_836_800.0  # 2020-01-01, before any Gatehouse
AHEAD_MOST_S = 24 * 3600.0
PATIENCE_S = 5.0  # a message may overtake another
MOST_WANTED = 2000  # spans in one question


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell the node about a numbered message. refused_because: None where it was committed."""

    node: str
    outbox_id: str
    sequence: int
    refused_because: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Numbers of a node's outbox that never came, as spans with both ends among them."""

    node: str
    outbox_id: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a message will never be taken. code: a word of the group "aside"."""

    code: str
    reason: str


FOREIGN_EVENT = _Refusal("foreign_event", "this event belongs to another node")
ABSURD_NUMBER = _Refusal(
    "absurd_number", f"outboxsequence: jumps over more than {deliveries.JUMP_MOST} messages, which no outbox does"
)


class Intake:
    """Takes messages in. Twice the same changes nothing; an older revision never overwrites a newer one."""

    def __init__(self, database: Database, wall_s: Callable[[], float]) -> None:
        self._database, self._wall_s = database, wall_s
        self._lines = SteadyLines()

    def take(self, topic: str, payload: bytes, waited_s: float | None = 0.0) -> Verdict | None:
        """Commits one message; None where there is nothing to acknowledge (or nobody to tell).

        waited_s: since it arrived at the broker; None where that is not known.
        Raises what the database raises: then nothing was committed, and the message must come again.
        """
        return self.take_all([(topic, payload, waited_s)])[0]

    def overhear(self, topic: str, waited_s: float | None) -> None:
        """Notes that a node is heard, whose message another process takes in."""
        node, kind = topics.parse(topic)
        if waited_s is not None and kind != topics.STATUS:
            self._lines.heard(node, self._wall_s() - waited_s)

    def take_all(self, messages: Sequence[tuple[str, bytes, float | None]]) -> list[Verdict | None]:
        """Commits many in one transaction, for the disk takes no longer over that than over one; all or none.

        messages: topic, payload and how long it has waited, as in `take`.
        """
        began_s = self._wall_s()
        heard = [
            read(topic, payload, None if waited_s is None else began_s - waited_s)
            for topic, payload, waited_s in messages
        ]
        with self._database.write() as connection, changes.gathered(connection):
            standing = Standing(connection, heard)
            verdicts = [self._take(standing, one) for one in heard]
            standing.write(self._wall_s())
            return verdicts

    def _take(self, standing: Standing, heard: Heard) -> Verdict | None:
        now_s, received = self._wall_s(), heard.received
        if received is None:
            return self._refuse(standing, heard, heard.unreadable, "malformed")
        of_now = not isinstance(received.message, StatusMessage)  # a will is as old as its connection
        arrived_s = heard.arrived_s
        at_once = of_now and arrived_s is not None and self._lines.heard(received.node, arrived_s)
        refusal = self._commit(standing, received, now_s, arrived_s if at_once else None, arrived_s)
        if refusal is not None:
            deliveries.put_aside(standing.connection, heard.topic, heard.payload, refusal.reason, now_s, refusal.code)
        return _verdict(heard.number, refusal.reason if refusal else None)

    def outboxes(self) -> Sequence[tuple[str, str]]:
        """The node's name and the id of every outbox that was heard of. Raises what the database raises."""
        with self._database.read() as connection:
            return deliveries.outboxes(connection)

    def wanted(self) -> Sequence[Wanted]:
        """What should have come `PATIENCE_S` ago, of each node that is heard. Raises what the database raises."""
        now_s = self._wall_s()
        found = []
        with self._database.read() as connection:
            for box in nodes.listing(connection):
                outbox_id = box.health.get("outbox_id")
                if outbox_id is not None and box.status == "online":
                    spans = deliveries.gaps(connection, box.id, outbox_id, now_s - PATIENCE_S, MOST_WANTED)
                    found.append(Wanted(box.name, outbox_id, tuple(spans)))
        return [one for one in found if one.spans]

    @staticmethod
    def _commit(
        standing: Standing, received: codec.Received, now_s: float, at_once_s: float | None, arrived_s: float | None
    ) -> _Refusal | None:
        """Writes a message down; or says why it will never be taken.

        arrived_s: when it arrived at the broker, where that is known. at_once_s: the same, if it did not wait with its
        node.
        """
        owner = _teller(standing, received, now_s, at_once_s)
        if owner is None:
            add = f"node {received.node!r} is not known here; add it: gatehouse console add-node"
            return _Refusal("node_unknown", add)
        if received.sequence is not None and received.outbox_id is not None:
            number = Number(received.node, received.outbox_id, received.sequence)
            if not standing.note_number(number, now_s):
                return ABSURD_NUMBER
        content = received.message.model_dump(mode="json")
        connection, events = standing.connection, standing.events
        of_event = isinstance(received.message, EventMessage | EvidenceMessage)
        if of_event and not events.may_tell(owner, content["event_id"]):
            return FOREIGN_EVENT
        match received.message:
            case EventMessage() as event:
                known = events.is_known(event.event_id)
                if (untimely := _untimely(event, owner.clock_behind_s, now_s, known=known)) is not None:
                    return _Refusal("untimely", untimely)
                events.take(owner, content, now_s)
            case EvidenceMessage():
                evidence.take(connection, owner, content, now_s)
                events.proven(owner, content["event_id"])
            case HealthMessage() as health:
                nodes.set_health(connection, owner, content, now_s)
                _note_outbox(connection, owner.id, health)
                standing.changed(owner.name)
            case other:
                _take_word(standing, owner, other, now_s, arrived_s)
        return None

    def refuse(self, topic: str, payload: bytes, reason: str, code: str = "not_stored") -> Verdict | None:
        """Keeps a message aside that can never be taken; a refusal where its node and number can be read.

        Without the refusal the node would send it for ever. code: the reason as a word of the group "aside".
        """
        heard = Heard(topic, payload, None, None, reason, number_of(topic, payload))
        with self._database.write() as connection:
            standing = Standing(connection, [heard])
            verdict = self._refuse(standing, heard, reason, code)
            standing.write(self._wall_s())
            return verdict

    def _refuse(self, standing: Standing, heard: Heard, reason: str, code: str) -> Verdict | None:
        now_s = self._wall_s()
        deliveries.put_aside(standing.connection, heard.topic, heard.payload, reason, now_s, code)
        if heard.number is not None:
            standing.note_number(heard.number, now_s)
        return _verdict(heard.number, reason)


def _verdict(number: Number | None, refused_because: str | None) -> Verdict | None:
    return Verdict(number.node, number.outbox_id, number.sequence, refused_because) if number else None


def _teller(standing: Standing, received: codec.Received, now_s: float, at_once_s: float | None) -> nodes.Node | None:
    """Who sent it, with the clock by which this message's times are."""
    owner = standing.owner(received.node)
    if owner is None:
        return None
    clock = owner.clock
    arrived_s, at_once = (now_s, False) if at_once_s is None else (at_once_s, True)
    clock = leapt(clock, received.sent_at_s, arrived_s, at_once=at_once) or clock
    if received.clock_set_s:
        clock = clock or NodeClock(received.sent_at_s, received.sent_at_s, 0.0)
        clock = replace(clock, lag_s=clock.lag_s + received.clock_set_s)
    return replace(owner, clock=clock)


def _note_outbox(connection: Connection, node_id: int, health: HealthMessage) -> None:
    """What will never come: how many in all, and which of those that the console asked for."""
    deliveries.note_given_up(connection, node_id, health.outbox_id, health.outbox_given_up)
    absent = [(one.first, one.last, one.why) for one in health.outbox_absent]
    if absent and health.outbox_id is not None:
        deliveries.note_absent(connection, node_id, health.outbox_id, absent)


def _take_word(
    standing: Standing, owner: nodes.Node, message: topics.AnyMessage, now_s: float, arrived_s: float | None
) -> None:
    """Whether it is there, and what it keeps of what it was asked to."""
    match message:
        case StatusMessage() as status:
            nodes.set_status(standing.connection, owner.id, owner.name, status.status, status.version, now_s)
            standing.changed(owner.name)
        case HeldMessage() as held:
            told = {part.hold_id: (part.recorded_s, part.bytes) for part in held.holds}
            said_s = now_s if arrived_s is None or now_s - arrived_s <= OLD_WORD_S else arrived_s
            holds.note_told(standing.connection, owner.id, told, said_s)


def _untimely(event: EventMessage, clock_behind_s: float, now_s: float, *, known: bool) -> str | None:
    """Why the times of an event can't be: then a clock is wrong, and the alert would stand on the wall for ever.

    known: its opening was taken already, whose time may be by a clock that was set since.
    """
    for name in ("captured_at_s", "closed_at_s") if known else ("opened_at_s", "captured_at_s", "closed_at_s"):
        at_s = getattr(event, name)
        if at_s is not None and not EARLIEST_S <= at_s + clock_behind_s <= now_s + AHEAD_MOST_S:
            return f"{name}: {at_s:.0f} is before 2020 or more than a day ahead; set the clock of the node"
    return None
