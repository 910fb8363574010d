"""What the node still has to tell: events, evidence, clips to be cut and files to be uploaded, safe on disk.

One SQLite file for the whole node (write-ahead log, synchronous FULL): workers write, the supervisor delivers. A row
goes only when the console itself has acknowledged it; a broker's acknowledgement is not enough. What goes when too much
waits, and in which order, is written in outbox_sacrifice.
"""

import json
import logging
import sqlite3
import threading
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from broker.contract.messages import AbsentNumbers, EventMessage, EvidenceFile, EvidenceMessage
from edge.adapters import outbox_sacrifice as sacrifice
from edge.adapters.outbox_rows import ClipJob, Missing, OutboxBounds, OutboxError, OutboxFigures, OutboxRow, Upload
from edge.adapters.outbox_tables import CLIP_SPANS, GIVEN_UP_WITHIN, TABLES, UNSETTLED, WAITING_WITHIN, forget_settled

MAX_REFUSED = 1000
USUAL = OutboxBounds()
GIVEN_UP = Missing("the box gave up sending it, for too much waited", "given_up")
RETRY_S = 2.0  # after a clip could not be written, doubled with each try

log = logging.getLogger(__name__)


class SqliteOutbox:
    """The node's outbox. Safe to use from several threads and several processes at once."""

    def __init__(self, path: Path, bounds: OutboxBounds = USUAL) -> None:
        """Raises OutboxError where `path` can't be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._bounds = bounds
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
        forget_settled(db, message.event_id)

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
            self._insert(db, "evidence", event_id, _names(message), body, at_s)
            rows = [(event_id, sha256) for sha256 in replaced]
            db.executemany("DELETE FROM upload WHERE event_id = ? AND sha256 = ?", rows)
            for file, path in files:
                values = (str(path), file.sha256, event_id, file.bytes, file.media_type, at_s)
                columns = "path, sha256, event_id, bytes, media_type, at_s"
                db.execute("DELETE FROM upload WHERE path = ?", values[:1])  # REPLACE would not be counted
                db.execute(f"INSERT INTO upload ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608 constant
            if any(file.role == "snapshot" for file, _ in files):
                db.execute("DELETE FROM snapshot_job WHERE event_id = ?", (event_id,))
            if done is not None:
                _forget_clip(db, done)
            forget_settled(db, event_id)
        return message

    def _insert(self, db: sqlite3.Connection, kind: str, event_id: str, state: str, body: str, at_s: float) -> None:
        gone = sacrifice.make_room(db, self._bounds, at_s)
        if gone:
            log.error("the outbox is full: %d of the least important messages are given up", gone)
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
            forget_settled(db, event_id)

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

    def answer(self, first: int, last: int, most: int) -> tuple[list[OutboxRow], list[AbsentNumbers]]:
        """What became of the numbers from `first` to `last`: rows that wait, at most `most`, and what never comes."""
        span = {"first": first, "last": last, "most": most + 1}
        with self._lock:
            given_up = {number for (number,) in self._db.execute(GIVEN_UP_WITHIN, span)}
            found = self._db.execute(WAITING_WITHIN, span).fetchall()
        if len(found) > most:  # the rest is asked for again
            last = found[most][0] - 1
        rows = [OutboxRow(sequence, kind, _parse(kind, body)) for sequence, kind, body in found[:most]]
        return rows, _absent(first, last, {row.sequence for row in rows}, given_up)

    def acknowledge(self, sequences: Sequence[int]) -> None:
        """Drops rows that the console has committed."""
        with self._transaction() as db:
            db.executemany("DELETE FROM message WHERE sequence = ?", [(number,) for number in sequences])
            sacrifice.have_arrived(db, sequences)

    def refuse(self, sequence: int, reason: str) -> None:
        """Puts aside a row that the console will never take, with its reason: kept, but no longer sent."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO refused SELECT sequence, body, ? FROM message WHERE sequence = ?",
                (reason, sequence),
            )
            db.execute("DELETE FROM message WHERE sequence = ?", (sequence,))
            sacrifice.have_arrived(db, [sequence])
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
            mine = (str(upload.path), upload.sha256)
            if db.execute("SELECT 1 FROM upload WHERE path = ? AND sha256 = ?", mine).fetchone() is None:
                return False
            self._lose(db, upload.event_id, {upload.sha256}, why, at_s)
            return True

    def tidy(self, at_s: float, past_retention: Collection[str], held: Collection[str], *, clock_trusted: bool) -> None:
        """Gives up what is too old and files that are too many, in the order written in outbox_sacrifice.

        at_s: now, UTC seconds. past_retention, held: ids of events. clock_trusted: False spares what only looks old.
        """
        before_s = at_s - self._bounds.max_age_s if clock_trusted else float("-inf")
        with self._transaction() as db:
            gone = sacrifice.give_up_older(db, before_s, at_s)
            going = sacrifice.files_to_give_up(db, self._bounds.max_file_bytes, before_s, past_retention, held)
            for files in going:
                self._lose(db, files.event_id, files.hashes, GIVEN_UP, at_s)
            if going:
                sacrifice.note_given_up(db, sum(len(files.hashes) for files in going), at_s)
        if gone or going:
            log.error("too much waits: %d old messages and the files of %d events are given up", gone, len(going))

    def _lose(self, db: sqlite3.Connection, event_id: str, hashes: Collection[str], why: Missing, at_s: float) -> None:
        """Forgets files that will never be sent, and lists what is left of the event's."""
        row = db.execute("SELECT body FROM evidence WHERE event_id = ?", (event_id,)).fetchone()
        mine = [(event_id, sha256) for sha256 in sorted(hashes)]
        db.executemany("DELETE FROM upload WHERE event_id = ? AND sha256 = ?", mine)
        if row is not None:
            before = EvidenceMessage.model_validate_json(row[0])
            left = tuple(file for file in before.files if file.sha256 not in hashes)
            changed = {"revision": before.revision + 1, "files": left}
            changed |= {"missing": why.reason[:300], "missing_code": why.code}
            message = before.model_copy(update=changed)
            db.execute("REPLACE INTO evidence VALUES (?, ?, ?)", (event_id, before.camera, message.model_dump_json()))
            self._insert(db, "evidence", event_id, _names(message), message.model_dump_json(), at_s)
        forget_settled(db, event_id)

    def figures(self) -> OutboxFigures:
        """How much waits."""
        with self._lock:
            rows, row_bytes = sacrifice.tally(self._db, "message")
            uploads, upload_bytes = sacrifice.tally(self._db, "upload")
            (oldest,) = self._db.execute("SELECT at_s FROM message ORDER BY sequence LIMIT 1").fetchone() or (None,)
            (clips,) = self._db.execute("SELECT count(*) FROM clip_job").fetchone()
            (refused,) = self._db.execute("SELECT count(*) FROM refused").fetchone()
            meta = dict(self._db.execute("SELECT name, value FROM meta"))
        limits = self._bounds
        shares = (rows / limits.max_rows, row_bytes / limits.max_message_bytes, upload_bytes / limits.max_file_bytes)
        gave_up_at_s = float(meta["gave_up_at_s"]) if "gave_up_at_s" in meta else None
        counts = (int(meta.get("given_up", 0)), int(meta.get("files_given_up", 0)))
        return OutboxFigures(rows, uploads, clips, refused, oldest, max(shares), gave_up_at_s, *counts)


def _absent(first: int, last: int, waiting: Collection[int], given_up: Collection[int]) -> list[AbsentNumbers]:
    """The spans of [first, last] that do not wait, and why."""
    absent: list[AbsentNumbers] = []
    number = first
    for known in [*sorted(one for one in {*waiting, *given_up} if one <= last), last + 1]:
        if number < known:
            absent.append(AbsentNumbers(first=number, last=known - 1, why="gone"))
        if known in given_up and known not in waiting:
            before = absent[-1] if absent and absent[-1].why == "given_up" and absent[-1].last == known - 1 else None
            begin = absent.pop().first if before else known
            absent.append(AbsentNumbers(first=begin, last=known, why="given_up"))
        number = known + 1
    return absent


def _names(message: EvidenceMessage) -> str:
    """What a list of evidence names, as far as its worth hangs on it."""
    return "clip" if any(file.role == "clip" for file in message.files) else ""


def _forget_clip(db: sqlite3.Connection, job: ClipJob) -> None:
    db.execute("DELETE FROM clip_job WHERE event_id = ? AND ends_at_s = ?", (job.event_id, job.ends_at_s))


def _forget_upload(db: sqlite3.Connection, upload: Upload) -> bool:
    mine = (str(upload.path), upload.sha256)
    gone = db.execute("DELETE FROM upload WHERE path = ? AND sha256 = ?", mine).rowcount
    forget_settled(db, upload.event_id)
    return gone > 0


def _parse(kind: str, body: str) -> EventMessage | EvidenceMessage:
    return (EventMessage if kind == "event" else EvidenceMessage).model_validate_json(body)
