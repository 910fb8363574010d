"""What the outbox gives up when more waits than its bounds allow, and in which order.

The written order, in each class the oldest first:

1. `updated` revisions of events: the next revision says all of it again.
2. Lists of evidence that a later list of the same event, waiting too, replaces.
3. Snapshots: the pictures of an event that wait to be uploaded, and lists of evidence that name no clip.
4. Clips, with their tracks, past their retention.
5. Ends of events.

Never, for no reason: an `open` row, a clip within its retention or the list that names it, the files of an event that
is held. Where only these are left the outbox grows past its bounds, and says so.

Too many rows, or too many bytes of them, reach for classes 1, 2, 3 (lists) and 5, in the transaction that writes the
next row. Too many bytes of files reach for 3 and 4, age for 1 to 4: the housekeeper's round, for it knows retention
and holds. To give up is never to delete: the files stay on the box for their days. A number that is given up is
remembered, for the console will ask for it; files that are given up are told with the next list.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from edge.adapters.outbox_rows import OutboxBounds
from edge.adapters.outbox_tables import COMING, COUNT_MORE, forget_settled

AT_ONCE = 100  # rows given up together, so that a full outbox does not do it at each row
MAX_GIVEN_UP = 100_000  # numbers kept: the console asks for them, and a row that was on its way may yet arrive

_UPDATED = "state = 'updated'"
_REPLACED = (
    "kind = 'evidence' AND EXISTS (SELECT 1 FROM message AS later WHERE later.kind = 'evidence'"
    " AND later.event_id = message.event_id AND later.sequence > message.sequence)"
)
_OF_SNAPSHOTS = "kind = 'evidence' AND state != 'clip'"
_ENDS = "state = 'closed'"
_BY_ROOM = (_UPDATED, _REPLACED, _OF_SNAPSHOTS, _ENDS)
_BY_AGE = (_UPDATED, _REPLACED, _OF_SNAPSHOTS)


@dataclass(frozen=True, slots=True)
class WaitingFiles:
    """Files of one event that go together: all its pictures, or its clip and track."""

    event_id: str
    hashes: frozenset[str]


def tally(db: sqlite3.Connection, table: str) -> tuple[int, int]:
    """Rows and bytes of "message" or "upload", kept by triggers: counting a full table takes too long for each row."""
    rows, size = db.execute("SELECT rows, bytes FROM tally WHERE name = ?", (table,)).fetchone()
    return int(rows), int(size)


def make_room(db: sqlite3.Connection, bounds: OutboxBounds, at_s: float) -> int:
    """Gives up messages until the bounds of rows and bytes leave room for one more; returns how many.

    at_s: now, UTC seconds.
    """
    gone = 0
    while _is_over(db, bounds) and (numbers := _least(db, _BY_ROOM, AT_ONCE)):
        _drop(db, numbers, at_s)
        gone += len(numbers)
    return gone


def give_up_older(db: sqlite3.Connection, before_s: float, at_s: float) -> int:
    """Gives up messages that have waited since before `before_s`; returns how many. UTC seconds."""
    gone = 0
    while numbers := _least(db, _BY_AGE, AT_ONCE, before_s):
        _drop(db, numbers, at_s)
        gone += len(numbers)
    return gone


def files_to_give_up(
    db: sqlite3.Connection, max_bytes: int, before_s: float, past_retention: Collection[str], held: Collection[str]
) -> list[WaitingFiles]:
    """Files that must go until `max_bytes` of them wait, and those that have waited since before `before_s`.

    past_retention, held: ids of events. The caller tells the console.
    """
    _, size = tally(db, "upload")
    found = db.execute("SELECT event_id, sha256, bytes, at_s, media_type FROM upload ORDER BY at_s, path").fetchall()
    pictures: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
    clips: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
    for event_id, sha256, file_bytes, at_s, media_type in found:
        if event_id not in held:
            group = pictures if media_type == "image/jpeg" else clips
            if group is pictures or event_id in past_retention:  # else a clip within its days
                group[event_id].append((sha256, file_bytes, at_s))
    going = []
    for group in (pictures, clips):
        for event_id, files in group.items():
            if size > max_bytes or files[0][2] < before_s:
                going.append(WaitingFiles(event_id, frozenset(sha256 for sha256, _, _ in files)))
                size -= sum(file_bytes for _, file_bytes, _ in files)
    return going


def note_given_up(db: sqlite3.Connection, files: int, at_s: float) -> None:
    """Counts files that were given up, and when."""
    db.execute(COUNT_MORE, ("files_given_up", files))
    db.execute("REPLACE INTO meta VALUES ('gave_up_at_s', ?)", (repr(at_s),))


def have_arrived(db: sqlite3.Connection, sequences: Sequence[int]) -> None:
    """Counts no more as given up what the console got all the same."""
    late = db.executemany("DELETE FROM given_up WHERE sequence = ?", [(number,) for number in sequences]).rowcount
    if late > 0:
        db.execute(COUNT_MORE, ("given_up", -late))


def _is_over(db: sqlite3.Connection, bounds: OutboxBounds) -> bool:
    rows, size = tally(db, "message")
    return rows >= bounds.max_rows or size >= bounds.max_message_bytes


def _least(
    db: sqlite3.Connection, classes: Sequence[str], most: int, before_s: float | None = None
) -> list[tuple[int, str]]:
    """Numbers and event ids of the rows that go first, at most `most`."""
    old = "" if before_s is None else " AND at_s < :before_s"
    found: dict[int, str] = {}
    for which in classes:
        # A row of class 2 is one of class 3, too; what was found is found again, so ask for so many more.
        query = f"SELECT sequence, event_id FROM message WHERE {which}{old} ORDER BY sequence LIMIT :most"  # noqa: S608 constants
        for sequence, event_id in db.execute(query, {"before_s": before_s, "most": most}):
            if len(found) < most:
                found.setdefault(sequence, event_id)
        if len(found) >= most:
            break
    return list(found.items())


def _drop(db: sqlite3.Connection, going: Sequence[tuple[int, str]], at_s: float) -> None:
    numbers = [(sequence,) for sequence, _ in going]
    newest = "SELECT event_id FROM message JOIN evidence USING (event_id, body) WHERE sequence = ?"
    unlisted = [row[0] for number in numbers for row in db.execute(newest, number)]
    db.executemany("DELETE FROM message WHERE sequence = ?", numbers)
    db.executemany("REPLACE INTO given_up VALUES (?)", numbers)
    forgotten = "SELECT sequence FROM given_up ORDER BY sequence DESC LIMIT 1 OFFSET ?"
    db.execute(f"DELETE FROM given_up WHERE sequence <= ({forgotten})", (MAX_GIVEN_UP,))  # noqa: S608 constant
    db.execute(COUNT_MORE, ("given_up", len(going)))
    note_given_up(db, sum(_forget_unlisted(db, event_id) for event_id in unlisted), at_s)


def _forget_unlisted(db: sqlite3.Connection, event_id: str) -> int:
    """The console takes no file that no list names: they go with their last list. Returns how many."""
    if db.execute(COMING, {"id": event_id}).fetchone() is not None:
        return 0  # another list will name them
    files = db.execute("DELETE FROM upload WHERE event_id = ?", (event_id,)).rowcount
    forget_settled(db, event_id)
    return files
