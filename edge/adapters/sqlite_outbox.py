"""What the node still has to tell: events, evidence, clips to be cut and files to be uploaded, safe on disk.

One SQLite file for the whole node (write-ahead log, synchronous FULL): workers write, the supervisor delivers. A row
goes only when the console itself has acknowledged it; a broker's acknowledgement is not enough.
"""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker.contract.messages import EventMessage, EvidenceFile, EvidenceMessage

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused, also after the row is gone
    kind TEXT NOT NULL, event_id TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL, at_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS refused (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS open_event (event_id TEXT PRIMARY KEY, camera TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS evidence (event_id TEXT PRIMARY KEY, camera TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clip_job (
    event_id TEXT PRIMARY KEY, camera TEXT NOT NULL, opened_at_s REAL NOT NULL,
    begins_at_s REAL NOT NULL, ends_at_s REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS upload (
    sha256 TEXT PRIMARY KEY, event_id TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL, at_s REAL NOT NULL);
"""
MAX_ROWS = 100_000  # about three months of a busy school without a console


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
class Upload:
    """A file that the console does not have yet."""

    sha256: str
    event_id: str
    path: Path
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class OutboxFigures:
    """How much waits, and since when (UTC seconds, None where nothing does)."""

    rows: int
    uploads: int
    clip_jobs: int
    refused: int
    oldest_at_s: float | None


class SqliteOutbox:
    """The node's outbox. Safe to use from several threads and several processes at once."""

    def __init__(self, path: Path, max_rows: int = MAX_ROWS) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('outbox_id', ?)", (str(uuid.uuid4()),))
        self.outbox_id: str = self._db.execute("SELECT value FROM meta WHERE name = 'outbox_id'").fetchone()[0]

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
        """Writes one revision of an event down, and with it the clip that it asks for, in one transaction."""
        with self._transaction() as db:
            body = message.model_dump_json()
            self._insert(db, "event", message.event_id, message.state, body, at_s)
            if message.state == "closed":
                db.execute("DELETE FROM open_event WHERE event_id = ?", (message.event_id,))
            else:
                db.execute("REPLACE INTO open_event VALUES (?, ?, ?)", (message.event_id, message.camera, body))
            if clip is not None:
                span = (clip.event_id, clip.camera, clip.opened_at_s, clip.begins_at_s, clip.ends_at_s)
                db.execute("REPLACE INTO clip_job VALUES (?, ?, ?, ?, ?, 0)", span)

    def put_evidence(
        self, event_id: str, camera: str, files: Sequence[tuple[EvidenceFile, Path]], at_s: float, missing: str = ""
    ) -> EvidenceMessage:
        """Adds files to an event's evidence (a file replaces the one of the same role) as its next revision."""
        with self._transaction() as db:
            row = db.execute("SELECT body FROM evidence WHERE event_id = ?", (event_id,)).fetchone()
            before = EvidenceMessage.model_validate_json(row[0]) if row else None
            by_role = {file.role: file for file in (before.files if before else ())}
            by_role.update({file.role: file for file, _ in files})
            message = EvidenceMessage(
                event_id=event_id,
                revision=before.revision + 1 if before else 1,
                camera=camera,
                files=tuple(by_role.values()),
                missing=missing or None,
            )
            body = message.model_dump_json()
            db.execute("REPLACE INTO evidence VALUES (?, ?, ?)", (event_id, camera, body))
            self._insert(db, "evidence", event_id, "", body, at_s)
            for file, path in files:
                values = (file.sha256, event_id, str(path), file.bytes, file.media_type, at_s)
                db.execute("INSERT OR IGNORE INTO upload VALUES (?, ?, ?, ?, ?, ?)", values)
        return message

    def _insert(self, db: sqlite3.Connection, kind: str, event_id: str, state: str, body: str, at_s: float) -> None:
        (rows,) = db.execute("SELECT count(*) FROM message").fetchone()
        if rows >= self._max_rows:
            # The written order of sacrifice: an 'updated' row is made up for by the next one, an 'open' row by nothing.
            db.execute(
                "DELETE FROM message WHERE sequence IN"
                " (SELECT sequence FROM message WHERE state = 'updated' ORDER BY sequence LIMIT 100)"
            )
        values = (kind, event_id, state, body, at_s)
        db.execute("INSERT INTO message (kind, event_id, state, body, at_s) VALUES (?, ?, ?, ?, ?)", values)

    def orphans(self, camera: str) -> list[EventMessage]:
        """Events of `camera` that are still open: after a restart their stays are gone, so they must be closed."""
        with self._lock:
            rows = self._db.execute("SELECT body FROM open_event WHERE camera = ? ORDER BY rowid", (camera,)).fetchall()
        return [EventMessage.model_validate_json(body) for (body,) in rows]

    def due_clips(self, cameras: Iterable[str], now_s: float) -> list[ClipJob]:
        """Clips of these cameras whose last second has been recorded by `now_s` (UTC)."""
        with self._lock:
            rows = self._db.execute(
                "SELECT event_id, camera, opened_at_s, begins_at_s, ends_at_s, tries FROM clip_job"
                " WHERE ends_at_s <= ? AND camera IN (SELECT value FROM json_each(?)) ORDER BY ends_at_s",
                (now_s, json.dumps(list(cameras))),
            ).fetchall()
        return [ClipJob(*row) for row in rows]

    def clip_done(self, job: ClipJob) -> None:
        """Forgets a job, unless it was lengthened while the clip was being cut."""
        with self._transaction() as db:
            values = (job.event_id, job.ends_at_s)
            db.execute("DELETE FROM clip_job WHERE event_id = ? AND ends_at_s = ?", values)

    def clip_failed(self, job: ClipJob) -> None:
        """Counts a try that failed."""
        with self._transaction() as db:
            db.execute("UPDATE clip_job SET tries = tries + 1 WHERE event_id = ?", (job.event_id,))

    def earliest_clip_s(self, camera: str) -> float | None:
        """UTC seconds from which on the recording of `camera` is still needed for clips; None where it is not."""
        with self._lock:
            row = self._db.execute("SELECT min(begins_at_s) FROM clip_job WHERE camera = ?", (camera,)).fetchone()
        return float(row[0]) if row[0] is not None else None

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

    def refuse(self, sequence: int, reason: str) -> None:
        """Puts aside a row that the console will never take, with its reason: kept, but no longer sent."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO refused SELECT sequence, body, ? FROM message WHERE sequence = ?",
                (reason, sequence),
            )
            db.execute("DELETE FROM message WHERE sequence = ?", (sequence,))

    def uploads(self, limit: int) -> list[Upload]:
        """Files that the console does not have yet; pictures before clips, because they are small and seen first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT sha256, event_id, path, bytes, media_type FROM upload"
                " ORDER BY media_type = 'video/mp4', at_s DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [Upload(sha, event, Path(path), size, kind) for sha, event, path, size, kind in rows]

    def uploaded(self, sha256: str) -> None:
        """Forgets a file that the console has, checked by its hash."""
        with self._transaction() as db:
            db.execute("DELETE FROM upload WHERE sha256 = ?", (sha256,))

    def figures(self) -> OutboxFigures:
        """How much waits."""
        with self._lock:
            rows, oldest = self._db.execute("SELECT count(*), min(at_s) FROM message").fetchone()
            (uploads,) = self._db.execute("SELECT count(*) FROM upload").fetchone()
            (clips,) = self._db.execute("SELECT count(*) FROM clip_job").fetchone()
            (refused,) = self._db.execute("SELECT count(*) FROM refused").fetchone()
        return OutboxFigures(rows, uploads, clips, refused, oldest)


def _parse(kind: str, body: str) -> EventMessage | EvidenceMessage:
    return (EventMessage if kind == "event" else EvidenceMessage).model_validate_json(body)
