"""What the node still has to tell: events, evidence, clips to be cut and files to be uploaded, safe on disk.

One SQLite file for the whole node (write-ahead log, synchronous FULL): workers write, the supervisor delivers. A row
goes only when the console itself has acknowledged it; a broker's acknowledgement is not enough.
"""

import json
import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from broker.contract.messages import EventMessage, EvidenceFile, EvidenceMessage
from edge.adapters.outbox_tables import CLIP_SPANS, COUNT_GIVEN_UP, OWED, SACRIFICE, TABLES, UNSETTLED

MAX_ROWS = 100_000  # about three months of a busy school without a console
MAX_REFUSED = 1000
MAX_GIVEN_UP = 10_000  # numbers kept: a row that was on its way when it was given up may yet arrive
_SACRIFICED_AT_ONCE = 100
_FULL = 0.9  # of the rows: told before the first one is given up
RETRY_S = 2.0  # after a clip could not be written, doubled with each try

MissingCode = Literal[
    "not_recorded", "recording_damaged", "disk_full", "not_written", "camera_removed", "file_gone", "file_damaged"
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that the console has not acknowledged yet. kind: 'event' or 'evidence'."""

    sequence: int
    kind: str
    message: EventMessage | EvidenceMessage


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A clip to be cut from the recording, UTC seconds."""

    event_id: str
    camera: str
    opened_at_s: float
    begins_at_s: float
    ends_at_s: float
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a file that was owed will not come: in plain English, and as a stable word that the console translates."""

    reason: str
    code: MissingCode


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the console does not have yet."""

    sha256: str
    event_id: str
    path: Path
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class OutboxFigures:
    """How much waits, and since when (UTC seconds, None where nothing does). full: rows are given up, or soon."""

    rows: int
    uploads: int
    clip_jobs: int
    refused: int
    oldest_at_s: float | None
    full: bool


class OutboxError(Exception):
    """The outbox can't be opened; the text says why and what to do."""


class SqliteOutbox:
    """The node's outbox. Safe to use from several threads and several processes at once."""

    def __init__(self, path: Path, max_rows: int = MAX_ROWS) -> None:
        """Raises OutboxError where `path` can't be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._max_rows = max_rows
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(TABLES)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('outbox_id', ?)", (str(uuid.uuid4()),))
            row = self._db.execute("SELECT value FROM meta WHERE name = 'outbox_id'").fetchone()
        except sqlite3.Error as error:
            cure = "look at the disk, or move the file away and lose what waits in it"
            raise OutboxError(f"{path} can't be used ({error}); {cure}") from error
        self.outbox_id: str = row[0]

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # What the workers write

    def put_event(self, message: EventMessage, at_s: float, clip: ClipJob | None = None) -> None:
        """Writes one revision of an event down, and with it what it asks for, in one transaction.

        That is `clip`, and the snapshots of an event that opens.
        """
        with self._transaction() as db:
            self._put_event(db, message, at_s, clip)

    def put_step(
        self, camera: str, step: int, revisions: Sequence[tuple[EventMessage, ClipJob | None]], at_s: float
    ) -> None:
        """Writes down all that one frame of `camera` led to, in one transaction; `step` counts such frames."""
        with self._transaction() as db:
            db.execute("REPLACE INTO step VALUES (?, ?)", (camera, step))
            for message, clip in revisions:
                self._put_event(db, message, at_s, clip)

    def step(self, camera: str) -> int:
        """The last step of `camera` that is written down; 0 before the first."""
        with self._lock:
            row = self._db.execute("SELECT step FROM step WHERE camera = ?", (camera,)).fetchone()
        return int(row[0]) if row else 0

    def _put_event(self, db: sqlite3.Connection, message: EventMessage, at_s: float, clip: ClipJob | None) -> None:
        body = message.model_dump_json()
        self._insert(db, "event", message.event_id, message.state, body, at_s)
        if message.state == "closed":
            db.execute("DELETE FROM open_event WHERE event_id = ?", (message.event_id,))
        else:
            db.execute("REPLACE INTO open_event VALUES (?, ?, ?)", (message.event_id, message.camera, body))
        if message.state == "open":
            db.execute("REPLACE INTO snapshot_job VALUES (?, ?, ?)", (message.event_id, message.camera, body))
            db.execute("REPLACE INTO opening VALUES (?, ?)", (message.event_id, body))
        if clip is not None:
            span = (clip.event_id, clip.camera, clip.opened_at_s, clip.begins_at_s, clip.ends_at_s)
            db.execute("REPLACE INTO clip_job VALUES (?, ?, ?, ?, ?, 0)", span)
        _forget_settled(db, message.event_id)

    def opening(self, event_id: str) -> EventMessage | None:
        """The first revision of an event whose proof is not whole yet; None where it is not known."""
        with self._lock:
            row = self._db.execute("SELECT body FROM opening WHERE event_id = ?", (event_id,)).fetchone()
        return EventMessage.model_validate_json(row[0]) if row else None

    def put_evidence(
        self,
        event_id: str,
        camera: str,
        files: Sequence[tuple[EvidenceFile, Path]],
        at_s: float,
        missing: Missing | None = None,
        done: ClipJob | None = None,
    ) -> EvidenceMessage:
        """Adds files to an event's evidence (a file replaces the one of the same role) as its next revision.

        done: the job that this fulfils; it is forgotten in the same transaction, so that no crash makes a clip twice,
        unless it was lengthened meanwhile. A replaced file is sent no more; it stays
        in its folder, which the housekeeper deletes as a whole.
        """
        with self._transaction() as db:
            row = db.execute("SELECT body FROM evidence WHERE event_id = ?", (event_id,)).fetchone()
            before = EvidenceMessage.model_validate_json(row[0]) if row else None
            by_role = {file.role: file for file in (before.files if before else ())}
            replaced = [by_role[file.role].sha256 for file, _ in files if file.role in by_role]
            by_role.update({file.role: file for file, _ in files})
            message = EvidenceMessage(
                event_id=event_id,
                revision=before.revision + 1 if before else 1,
                camera=camera,
                files=tuple(by_role.values()),
                missing=missing.reason[:300] if missing else None,
                missing_code=missing.code if missing else "",
            )
            body = message.model_dump_json()
            db.execute("REPLACE INTO evidence VALUES (?, ?, ?)", (event_id, camera, body))
            self._insert(db, "evidence", event_id, "", body, at_s)
            rows = [(event_id, sha256) for sha256 in replaced]
            db.executemany("DELETE FROM upload WHERE event_id = ? AND sha256 = ?", rows)
            for file, path in files:
                values = (str(path), file.sha256, event_id, file.bytes, file.media_type, at_s)
                columns = "path, sha256, event_id, bytes, media_type, at_s"
                db.execute(f"REPLACE INTO upload ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608 constant
            if any(file.role == "snapshot" for file, _ in files):
                db.execute("DELETE FROM snapshot_job WHERE event_id = ?", (event_id,))
            if done is not None:
                _forget_clip(db, done)
            _forget_settled(db, event_id)
        return message

    def _insert(self, db: sqlite3.Connection, kind: str, event_id: str, state: str, body: str, at_s: float) -> None:
        (rows,) = db.execute("SELECT count(*) FROM message").fetchone()
        if rows >= self._max_rows:
            given_up = db.execute(SACRIFICE, (_SACRIFICED_AT_ONCE,)).fetchall()
            db.executemany("INSERT INTO given_up VALUES (?)", given_up)
            db.execute(
                "DELETE FROM given_up WHERE sequence <= (SELECT sequence FROM given_up ORDER BY sequence DESC"
                " LIMIT 1 OFFSET ?)",
                (MAX_GIVEN_UP,),
            )
            db.execute(COUNT_GIVEN_UP, (len(given_up),))
            log.error("the outbox is full (%d rows): %d of the least important ones are given up", rows, len(given_up))
        values = (kind, event_id, state, body, at_s)
        db.execute("INSERT INTO message (kind, event_id, state, body, at_s) VALUES (?, ?, ?, ?, ?)", values)

    def orphans(self, camera: str) -> list[EventMessage]:
        """Events of `camera` that are still open: after a restart their stays are gone, so they must be closed."""
        with self._lock:
            rows = self._db.execute("SELECT body FROM open_event WHERE camera = ? ORDER BY rowid", (camera,)).fetchall()
        return [EventMessage.model_validate_json(body) for (body,) in rows]

    def cameras(self) -> set[str]:
        """The cameras of which events are open, or clips or snapshots are owed."""
        tables = ("open_event", "clip_job", "snapshot_job")
        with self._lock:
            rows = self._db.execute(" UNION ".join(f"SELECT camera FROM {table}" for table in tables)).fetchall()  # noqa: S608 constants
        return {camera for (camera,) in rows}

    def owed_snapshots(self, cameras: Iterable[str]) -> list[EventMessage]:
        """The openings of these cameras' events whose snapshots are not made yet."""
        with self._lock:
            rows = self._db.execute(
                "SELECT body FROM snapshot_job WHERE camera IN (SELECT value FROM json_each(?)) ORDER BY rowid",
                (json.dumps(list(cameras)),),
            ).fetchall()
        return [EventMessage.model_validate_json(body) for (body,) in rows]

    def snapshots_impossible(self, event_id: str) -> None:
        """Forgets snapshots that can't be made any more."""
        with self._transaction() as db:
            db.execute("DELETE FROM snapshot_job WHERE event_id = ?", (event_id,))
            _forget_settled(db, event_id)

    def due_clips(self, cameras: Iterable[str], now_s: float) -> list[ClipJob]:
        """Clips of these cameras whose last second has been recorded by `now_s` (UTC); after a failed try, later."""
        with self._lock:
            rows = self._db.execute(
                "SELECT event_id, camera, opened_at_s, begins_at_s, ends_at_s, tries FROM clip_job"
                " WHERE ends_at_s + ? * ((1 << tries) - 1) <= ?"
                " AND camera IN (SELECT value FROM json_each(?)) ORDER BY ends_at_s",
                (RETRY_S, now_s, json.dumps(list(cameras))),
            ).fetchall()
        return [ClipJob(*row) for row in rows]

    def clip_failed(self, job: ClipJob) -> None:
        """Counts a try that failed."""
        with self._transaction() as db:
            db.execute("UPDATE clip_job SET tries = tries + 1 WHERE event_id = ?", (job.event_id,))

    def clip_spans(self, camera: str, pre_s: float, longest_s: float) -> list[tuple[float, float]]:
        """UTC spans of the recording of `camera` that clips still need: those owed, and those of open events.

        pre_s: how long before its event a clip begins. longest_s: no clip shows more from its beginning.
        """
        with self._lock:
            rows = self._db.execute(CLIP_SPANS, {"camera": camera, "pre_s": pre_s, "longest_s": longest_s}).fetchall()
        return [(float(from_s), float(to_s)) for from_s, to_s in rows]

    def unsettled(self) -> set[str]:
        """Events that are open, or of which the console lacks something."""
        with self._lock:
            return {event_id for (event_id,) in self._db.execute(UNSETTLED)}

    # What the supervisor delivers

    def waiting(self, after_sequence: int, limit: int) -> list[OutboxRow]:
        """Rows past `after_sequence`, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT sequence, kind, body FROM message WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after_sequence, limit),
            ).fetchall()
        return [OutboxRow(sequence, kind, _parse(kind, body)) for sequence, kind, body in rows]

    def acknowledge(self, sequences: Sequence[int]) -> None:
        """Drops rows that the console has committed."""
        with self._transaction() as db:
            db.executemany("DELETE FROM message WHERE sequence = ?", [(number,) for number in sequences])
            _have_arrived(db, sequences)

    def given_up(self) -> int:
        """How many rows were given up because the outbox was full, less those that arrived all the same."""
        with self._lock:
            row = self._db.execute("SELECT value FROM meta WHERE name = 'given_up'").fetchone()
        return int(row[0]) if row else 0

    def refuse(self, sequence: int, reason: str) -> None:
        """Puts aside a row that the console will never take, with its reason: kept, but no longer sent."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO refused SELECT sequence, body, ? FROM message WHERE sequence = ?",
                (reason, sequence),
            )
            db.execute("DELETE FROM message WHERE sequence = ?", (sequence,))
            _have_arrived(db, [sequence])
            newest = "SELECT sequence FROM refused ORDER BY sequence DESC LIMIT ?"
            db.execute(f"DELETE FROM refused WHERE sequence NOT IN ({newest})", (MAX_REFUSED,))  # noqa: S608 constant

    def uploads(self, limit: int) -> list[Upload]:
        """Files that the console does not have yet; pictures before clips, because they are small and seen first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT sha256, event_id, path, bytes, media_type FROM upload"
                " ORDER BY media_type = 'video/mp4', at_s DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [Upload(sha, event, Path(path), size, kind) for sha, event, path, size, kind in rows]

    def uploaded(self, upload: Upload) -> bool:
        """Forgets a file that the console has, checked by its hash; False where it was replaced meanwhile."""
        with self._transaction() as db:
            return _forget_upload(db, upload)

    def lost(self, upload: Upload, why: Missing, at_s: float) -> bool:
        """Tells the console that a file will never come; False where it was replaced, and nothing is lost."""
        with self._transaction() as db:
            row = db.execute("SELECT body FROM evidence WHERE event_id = ?", (upload.event_id,)).fetchone()
            if not _forget_upload(db, upload):
                return False
            if row is not None:
                before = EvidenceMessage.model_validate_json(row[0])
                left = tuple(file for file in before.files if file.sha256 != upload.sha256)
                changed = {"revision": before.revision + 1, "files": left}
                changed |= {"missing": why.reason[:300], "missing_code": why.code}
                body = before.model_copy(update=changed).model_dump_json()
                db.execute("REPLACE INTO evidence VALUES (?, ?, ?)", (upload.event_id, before.camera, body))
                self._insert(db, "evidence", upload.event_id, "", body, at_s)
                _forget_settled(db, upload.event_id)
            return True

    def figures(self) -> OutboxFigures:
        """How much waits."""
        with self._lock:
            rows, oldest = self._db.execute("SELECT count(*), min(at_s) FROM message").fetchone()
            (uploads,) = self._db.execute("SELECT count(*) FROM upload").fetchone()
            (clips,) = self._db.execute("SELECT count(*) FROM clip_job").fetchone()
            (refused,) = self._db.execute("SELECT count(*) FROM refused").fetchone()
        return OutboxFigures(rows, uploads, clips, refused, oldest, rows >= _FULL * self._max_rows)


def _forget_settled(db: sqlite3.Connection, event_id: str) -> None:
    """Forgets what is kept about an event for as long as something of it is open or owed."""
    for table in ("evidence", "opening"):
        db.execute(f"DELETE FROM {table} WHERE event_id = :id AND NOT EXISTS ({OWED})", {"id": event_id})  # noqa: S608 constants


def _have_arrived(db: sqlite3.Connection, sequences: Sequence[int]) -> None:
    numbers = [(number,) for number in sequences]
    late = db.executemany("DELETE FROM given_up WHERE sequence = ?", numbers).rowcount
    if late > 0:
        db.execute(COUNT_GIVEN_UP, (-late,))


def _forget_clip(db: sqlite3.Connection, job: ClipJob) -> None:
    db.execute("DELETE FROM clip_job WHERE event_id = ? AND ends_at_s = ?", (job.event_id, job.ends_at_s))


def _forget_upload(db: sqlite3.Connection, upload: Upload) -> bool:
    mine = (str(upload.path), upload.sha256)
    gone = db.execute("DELETE FROM upload WHERE path = ? AND sha256 = ?", mine).rowcount
    _forget_settled(db, upload.event_id)
    return gone > 0


def _parse(kind: str, body: str) -> EventMessage | EvidenceMessage:
    return (EventMessage if kind == "event" else EvidenceMessage).model_validate_json(body)
