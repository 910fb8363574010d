"""What arrived from each node's outbox, what is missing, and what could not be understood."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    true,
    tuple_,
    update,
)

from console.store.tables import node, outbox, outbox_gap, set_aside

_KEPT_BYTES = 65_536
JUMP_MOST = 10_000_000  # numbers; a node that sends ten a second needs days for so many
MOST_ASIDE = 2_000  # messages; a node gone mad must not fill the disk
_KEPT_OF_NODE = 200  # nor push out what others have sent


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that could not be taken, and why: in English, and as a word of the group "aside".

    times: how often the very same came.
    """

    topic: str
    reason: str
    reason_code: str
    times: int
    first_at_s: float
    last_at_s: float

    @property
    def node(self) -> str:
        """The name of the box that sent it, as its topic has it."""
        return self.topic.rpartition("/")[0].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Absent:
    """Messages of a node that are not here.

    missing: not yet come; given_up: by the node, when it had no room; lost: with an outbox that the node has no more,
    or no longer in the one it has. since_at_s: when the first of the missing ones was missed, UTC seconds.
    """

    missing: int
    given_up: int
    lost: int
    since_at_s: float | None = None


class Numbers:
    """The numbers of the outboxes whose messages come in one transaction: what is here, and what was jumped over."""

    def __init__(self, connection: Connection, boxes: Collection[tuple[int, str]]) -> None:
        """boxes: node's id and outbox's id of each."""
        self._connection = connection
        key = tuple_(outbox.c.node_id, outbox.c.outbox_id)
        query = select(outbox.c.node_id, outbox.c.outbox_id, outbox.c.highest).where(key.in_(sorted(boxes)))
        rows = connection.execute(query.order_by(outbox.c.node_id, outbox.c.outbox_id).with_for_update())
        self._known = {(row.node_id, row.outbox_id): row.highest for row in rows} if boxes else {}
        self._now = dict(self._known)

    def note(self, box: tuple[int, str], number: int, now_s: float) -> bool:
        """Notes that message `number` of an outbox is here; numbers jumped over are a gap until they come.

        False, and nothing noted, where it jumps further than any outbox can.
        """
        highest = self._now.get(box)
        if highest is None:
            self._now[box] = number
            return True
        if number > highest + JUMP_MOST:
            return False
        if number > highest:
            self._now[box] = number
            if number > highest + 1:
                _add_gap(self._connection, *box, (highest + 1, number - 1), now_s)
        else:
            _fill_gap(self._connection, *box, number)
        return True

    def write(self) -> None:
        """Writes down the highest of each. Call it at the end of the transaction."""
        fresh = [box for box in self._now if box not in self._known]
        if fresh:
            rows = [{"node_id": box[0], "outbox_id": box[1], "highest": self._now[box]} for box in fresh]
            self._connection.execute(insert(outbox), rows)
        grown = [box for box, highest in self._known.items() if self._now[box] != highest]
        if grown:
            mine = (outbox.c.node_id == bindparam("of")) & (outbox.c.outbox_id == bindparam("its"))
            rows = [{"of": box[0], "its": box[1], "most": self._now[box]} for box in grown]
            self._connection.execute(update(outbox).where(mine).values(highest=bindparam("most")), rows)


def outboxes(connection: Connection) -> Sequence[tuple[str, str]]:
    """The node's name and the id of every outbox that was heard of."""
    query = select(node.c.name, outbox.c.outbox_id).join_from(outbox, node, outbox.c.node_id == node.c.id)
    return [(row.name, row.outbox_id) for row in connection.execute(query)]


def note_given_up(connection: Connection, node_id: int, outbox_id: str | None, count: int) -> None:
    """Notes how many messages of an outbox its node has given up on purpose, in all. outbox_id: None is no outbox."""
    mine = (outbox.c.node_id == node_id) & (outbox.c.outbox_id == outbox_id)
    connection.execute(update(outbox).where(mine).values(given_up=count))


def absent(connection: Connection, node_id: int, own_outbox: str | None) -> Absent:
    """The messages of a node that are not here; see `absent_of_each`."""
    return absent_of_each(connection, {node_id: own_outbox}).get(node_id, Absent(0, 0, 0))


def absent_of_each(connection: Connection, own_outboxes: Mapping[int, str | None]) -> dict[int, Absent]:
    """By node, of those asked for, its messages that are not here; a node of which none is missing is left out.

    own_outboxes: by id of the node the id of the outbox that it has now; None where it has not said so, then every one
    may be its own. A node tells how many it gave up, not which: they are gaps as well.
    """
    span = func.sum(outbox_gap.c.last_missing - outbox_gap.c.first_missing + 1).label("numbers")
    key = (outbox_gap.c.node_id, outbox_gap.c.outbox_id)
    numbers = select(*key, span, func.min(outbox_gap.c.noticed_at_s).label("since_at_s")).group_by(*key)
    boxes = select(outbox)
    if len(own_outboxes) == 1:  # all in one reading where there are many; no list of a thousand numbers
        (node_id,) = own_outboxes
        numbers, boxes = numbers.where(outbox_gap.c.node_id == node_id), boxes.where(outbox.c.node_id == node_id)
    gap_of = {(row.node_id, row.outbox_id): row for row in connection.execute(numbers)} if own_outboxes else {}
    found: dict[int, Absent] = {}
    for box in connection.execute(boxes) if own_outboxes else ():
        if box.node_id in own_outboxes:
            gap = gap_of.get((box.node_id, box.outbox_id))
            before = found.get(box.node_id, Absent(0, 0, 0))
            found[box.node_id] = _absent_with(before, box, gap, own_outboxes[box.node_id])
    return found


def _absent_with(known: Absent, box: Any, gap: Any, own_outbox: str | None) -> Absent:
    """What is absent with what of one more outbox is."""
    unnamed = max(0, box.given_up - box.given_up_named)  # an older node names none, so they are gaps as well
    left = max(0, int(gap.numbers) - unnamed) if gap else 0
    given_up, lost = known.given_up + max(box.given_up, box.given_up_named), known.lost + box.gone
    if own_outbox not in (None, box.outbox_id):
        return Absent(known.missing, given_up, lost + left, known.since_at_s)
    since_at_s = known.since_at_s
    if left and gap:
        since_at_s = min(gap.since_at_s, since_at_s or gap.since_at_s)
    return Absent(known.missing + left, given_up, lost, since_at_s)


def gaps(connection: Connection, node_id: int, outbox_id: str, before_s: float, most: int) -> list[tuple[int, int]]:
    """Spans of numbers of an outbox that have been missed since before `before_s`, the oldest first."""
    mine = (outbox_gap.c.node_id == node_id) & (outbox_gap.c.outbox_id == outbox_id)
    query = select(outbox_gap.c.first_missing, outbox_gap.c.last_missing).where(
        mine, outbox_gap.c.noticed_at_s <= before_s
    )
    return [(row[0], row[1]) for row in connection.execute(query.order_by(outbox_gap.c.first_missing).limit(most))]


def note_absent(connection: Connection, node_id: int, outbox_id: str, spans: Sequence[tuple[int, int, str]]) -> None:
    """Takes out of the gaps what the node says will never come. spans: first, last, why ("given_up" or another)."""
    mine = (outbox_gap.c.node_id == node_id) & (outbox_gap.c.outbox_id == outbox_id)
    counts = {"given_up_named": 0, "gone": 0}
    for first, last, why in spans:
        within = mine & (outbox_gap.c.last_missing >= first) & (outbox_gap.c.first_missing <= last)
        for gap in connection.execute(select(outbox_gap).where(within)).all():
            begin, end = max(first, gap.first_missing), min(last, gap.last_missing)
            counts["given_up_named" if why == "given_up" else "gone"] += end - begin + 1
            _cut_gap(connection, gap, begin, end)
    added = {name: outbox.c[name] + number for name, number in counts.items()}
    owner = (outbox.c.node_id == node_id) & (outbox.c.outbox_id == outbox_id)
    connection.execute(update(outbox).where(owner).values(added))


def put_aside(
    connection: Connection, topic: str, payload: bytes, reason: str, now_s: float, reason_code: str = ""
) -> None:
    """Keeps a message that could not be taken, with its reason; the same one again is only counted.

    reason_code: the reason as a word of the group "aside".
    """
    topic, reason = _storable(topic)[:300], _storable(reason)[:500]
    digest = hashlib.sha256(payload).hexdigest()
    same = (set_aside.c.topic == topic) & (set_aside.c.payload_sha256 == digest)
    again = update(set_aside).where(same).values(times=set_aside.c.times + 1, last_at_s=now_s)
    if connection.execute(again).rowcount == 0:
        kept = {"topic": topic, "payload_sha256": digest, "payload": payload[:_KEPT_BYTES]}
        times = {"times": 1, "first_at_s": now_s, "last_at_s": now_s}
        connection.execute(insert(set_aside).values(**kept, **times, reason=reason, reason_code=reason_code))
        of_node = set_aside.c.topic.startswith(topic.rpartition("/")[0] + "/", autoescape=True)
        _keep_newest(connection, of_node, _KEPT_OF_NODE)
        _keep_newest(connection, true(), MOST_ASIDE)


def _keep_newest(connection: Connection, which: ColumnElement[bool], most: int) -> None:
    """Deletes what stands aside of `which` but the newest `most`."""
    newest_first = select(set_aside.c.id).where(which).order_by(set_aside.c.id.desc())
    last = connection.execute(newest_first.offset(most).limit(1)).scalar()
    if last is not None:
        connection.execute(delete(set_aside).where(which, set_aside.c.id <= last))


def count_aside(connection: Connection) -> int:
    """How many different messages stand aside."""
    return int(connection.execute(select(func.count()).select_from(set_aside)).scalar_one())


def listing_aside(connection: Connection, limit: int = 20) -> Sequence[SetAside]:
    """What stands aside, the latest first."""
    query = select(set_aside).order_by(set_aside.c.last_at_s.desc(), set_aside.c.id.desc()).limit(limit)
    return [
        SetAside(r.topic, r.reason, r.reason_code, r.times, r.first_at_s, r.last_at_s)
        for r in connection.execute(query)
    ]


def _storable(text: str) -> str:
    """`text` with what no database takes (NUL, halves of surrogate pairs) written out."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


def _add_gap(connection: Connection, node_id: int, outbox_id: str, span: tuple[int, int], now_s: float) -> None:
    values = {"first_missing": span[0], "last_missing": span[1], "noticed_at_s": now_s}
    connection.execute(insert(outbox_gap).values(node_id=node_id, outbox_id=outbox_id, **values))


def _fill_gap(connection: Connection, node_id: int, outbox_id: str, number: int) -> None:
    around = (
        (outbox_gap.c.node_id == node_id)
        & (outbox_gap.c.outbox_id == outbox_id)
        & (outbox_gap.c.first_missing <= number)
        & (outbox_gap.c.last_missing >= number)
    )
    gap = connection.execute(select(outbox_gap).where(around)).first()
    if gap is None:
        return
    _cut_gap(connection, gap, number, number)


def _cut_gap(connection: Connection, gap: Row[Any], begin: int, end: int) -> None:
    """Takes [begin, end] out of a gap."""
    connection.execute(delete(outbox_gap).where(outbox_gap.c.id == gap.id))
    for first, last in ((gap.first_missing, begin - 1), (end + 1, gap.last_missing)):
        if first <= last:
            _add_gap(connection, gap.node_id, gap.outbox_id, (first, last), gap.noticed_at_s)
