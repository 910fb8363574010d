"""What the node still has to tell: events, evidence, clips to be cut and files to be uploaded, safe on disk.

One SQLite file for the whole node (write-ahead log, synchronous FULL): workers write, the supervisor delivers. A row
goes only when the console itself has acknowledged it; a broker's acknowledgement is not enough. What goes when too much
waits, and in which order, is written in outbox_sacrifice.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from broker.contract.messages import AbsentNumbers, EventMessage, EvidenceFile, EvidenceMessage
from edge.adapters import outbox_sacrifice as sacrifice
from edge.adapters.event_proof import note_listing, note_over
from edge.adapters.outbox_rows import (
    ClipJob,
    Missing,
    NewMessage,
    OutboxBounds,
    OutboxFigures,
    OutboxRow,
    Upload,
    absent_spans,
    is_damage,
    parsed,
    parsed_listing,
    row_state,
    sound_events,
)
from edge.adapters.outbox_tables import (
    CLIP_SPANS,
    DUE_CLIPS,
    GIVEN_UP_WITHIN,
    KEEP_NEWEST_REFUSED,
    NEW_MESSAGE,
    NEW_UPLOAD,
    REFUSE,
    UNSETTLED,
    UPLOADS,
    WAITING,
    WAITING_WITHIN,
    forget_settled,
    forget_upload,
    open_tables,
)
from edge.adapters.system_clock import machine_run

MAX_REFUSED = 1000
USUAL = OutboxBounds()
GIVEN_UP = Missing("the box gave up sending it, for too much waited", "given_up")
RETRY_S = 2.0  # after a clip could not be written, doubled with each try
FAR_S = 3600.0  # a clip that ends so far ahead was asked for before the clock was set back

log = logging.getLogger(__name__)


class SqliteOutbox:
    """The node's outbox. Safe to use from several threads and several processes at once."""

    def __init__(self, path: Path, bounds: OutboxBounds = USUAL, evidence: Path | None = None) -> None:
        """evidence: folder of the events' evidence, beside `path` where left out. Raises OutboxError if unusable."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._bounds, self._evidence = path, bounds, evidence or path.parent / "evidence"
        self._lock = threading.Lock()
        self._db, self.outbox_id = open_tables(path)
        self.damaged = False  # whether the file turned out to be damaged since; see outbox_mending

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._db.close()

    def exchange(self, mend: Callable[[], Path]) -> None:
        """Lets go of the file, and goes on with the one that `mend` names: another outbox with its own id.

        Raises OutboxError, and what `mend` raises: then the outbox can't be used until this succeeds.
        """
        with self._lock:
            self._db.close()
            self.path = mend()
            self._db, self.outbox_id = open_tables(self.path)
            self.damaged = False

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                self.damaged = self.damaged or is_damage(error)
                if isinstance(error, UnicodeDecodeError):
                    raise sqlite3.DatabaseError("damaged, and so are the words for it") from error
                raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is written within. Raises sqlite3.Error."""
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a disk that fails may have ended it already
                    db.execute("ROLLBACK")
                raise

    # What the workers write

    def put_event(
        self, message: EventMessage, at_s: float, clip: ClipJob | None = None, ahead_s: float | None = None
    ) -> None:
        """Writes one revision of an event down, and with it what it asks for, in one transaction.

        That is `clip`, and the snapshots of an event that opens. ahead_s: see OutboxRow.
        """
        note_over(self._evidence, [message])
        with self.transaction() as db:
            self._put_event(db, message, at_s, clip, ahead_s)

    def put_step(
        self,
        camera: str,
        step: int,
        revisions: Sequence[tuple[EventMessage, ClipJob | None]],
        at_s: float,
        ahead_s: Sequence[float | None] | None = None,
    ) -> None:
        """Writes down all that one frame of `camera` led to, in one transaction; `step` counts such frames."""
        note_over(self._evidence, [message for message, _ in revisions])
        with self.transaction() as db:
            db.execute("REPLACE INTO step VALUES (?, ?)", (camera, step))
            for (message, clip), ahead in zip(revisions, ahead_s or [None] * len(revisions), strict=True):
                self._put_event(db, message, at_s, clip, ahead)

    def step(self, camera: str) -> int | None:
        """The last step of `camera` that is written down; None before the first, and where it was lost."""
        with self._reading() as db:
            row = db.execute("SELECT step FROM step WHERE camera = ?", (camera,)).fetchone()
        return int(row[0]) if row else None

    def _put_event(
        self, db: sqlite3.Connection, message: EventMessage, at_s: float, clip: ClipJob | None, ahead_s: float | None
    ) -> None:
        body = message.model_dump_json()
        self._insert(db, NewMessage("event", message.event_id, message.state, body, at_s, ahead_s))
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
        with self._reading() as db:
            row = db.execute("SELECT body FROM opening WHERE event_id = ?", (event_id,)).fetchone()
        return next(sound_events([row] if row else []), None)

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
        with self.transaction() as db:
            row = db.execute("SELECT body FROM evidence WHERE event_id = ?", (event_id,)).fetchone()
            before = parsed_listing(row[0]) if row else None
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
            self._insert(db, NewMessage("evidence", event_id, row_state(message), body, at_s))
            rows = [(event_id, sha256) for sha256 in replaced]
            db.executemany("DELETE FROM upload WHERE event_id = ? AND sha256 = ?", rows)
            for file, path in files:
                db.execute("DELETE FROM upload WHERE path = ?", (str(path),))  # REPLACE would not be counted
                db.execute(NEW_UPLOAD, (str(path), file.sha256, event_id, file.bytes, file.media_type, at_s))
            if any(file.role == "snapshot" for file, _ in files):
                db.execute("DELETE FROM snapshot_job WHERE event_id = ?", (event_id,))
            opening = db.execute("SELECT body FROM opening WHERE event_id = ?", (event_id,)).fetchone()
            is_open = db.execute("SELECT 1 FROM open_event WHERE event_id = ?", (event_id,)).fetchone() is not None
            if done is not None:
                db.execute("DELETE FROM clip_job WHERE event_id = ? AND ends_at_s = ?", (done.event_id, done.ends_at_s))
            forget_settled(db, event_id)
        note_listing(message, opening[0] if opening else None, files, is_open=is_open)
        return message

    def _insert(self, db: sqlite3.Connection, new: NewMessage) -> None:
        gone = sacrifice.make_room(db, self._bounds, new.at_s)
        if gone:
            log.error("the outbox is full: %d of the least important messages are given up", gone)
        db.execute(NEW_MESSAGE, (*new, machine_run()))

    def orphans(self, camera: str) -> list[EventMessage]:
        """Events of `camera` that are still open: after a restart their stays are gone, so they must be closed."""
        with self._reading() as db:
            rows = db.execute("SELECT body FROM open_event WHERE camera = ? ORDER BY rowid", (camera,)).fetchall()
        return list(sound_events(rows))

    def cameras(self) -> set[str]:
        """The cameras of which events are open, or clips or snapshots are owed."""
        tables = ("open_event", "clip_job", "snapshot_job")
        with self._reading() as db:
            rows = db.execute(" UNION ".join(f"SELECT camera FROM {table}" for table in tables)).fetchall()  # noqa: S608 constants
        return {camera for (camera,) in rows}

    def owed_snapshots(self, cameras: Iterable[str]) -> list[EventMessage]:
        """The openings of these cameras' events whose snapshots are not made yet."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT body FROM snapshot_job WHERE camera IN (SELECT value FROM json_each(?)) ORDER BY rowid",
                (json.dumps(list(cameras)),),
            ).fetchall()
        return list(sound_events(rows))

    def snapshots_impossible(self, event_id: str) -> None:
        """Forgets snapshots that can't be made any more."""
        with self.transaction() as db:
            db.execute("DELETE FROM snapshot_job WHERE event_id = ?", (event_id,))
            forget_settled(db, event_id)

    def due_clips(self, cameras: Iterable[str], now_s: float) -> list[ClipJob]:
        """Clips of these cameras whose last second has been recorded by `now_s` (UTC); after a failed try, later."""
        asked = {"retry_s": RETRY_S, "now_s": now_s, "far_s": FAR_S, "cameras": json.dumps(list(cameras))}
        with self._reading() as db:
            return [ClipJob(*row) for row in db.execute(DUE_CLIPS, asked)]

    def clip_failed(self, job: ClipJob) -> None:
        """Counts a try that failed."""
        with self.transaction() as db:
            db.execute("UPDATE clip_job SET tries = tries + 1 WHERE event_id = ?", (job.event_id,))

    def clip_spans(self, camera: str, pre_s: float, longest_s: float) -> list[tuple[float, float]]:
        """UTC spans of the recording of `camera` that clips still need: those owed, and those of open events.

        pre_s: how long before its event a clip begins. longest_s: no clip shows more from its beginning.
        """
        with self._reading() as db:
            rows = db.execute(CLIP_SPANS, {"camera": camera, "pre_s": pre_s, "longest_s": longest_s}).fetchall()
        return [(float(from_s), float(to_s)) for from_s, to_s in rows]

    def unsettled(self) -> set[str]:
        """Events that are open, or of which the console lacks something."""
        with self._reading() as db:
            return {event_id for (event_id,) in db.execute(UNSETTLED)}

    # What the supervisor delivers

    def waiting(self, after_sequence: int, limit: int) -> list[OutboxRow]:
        """Rows past `after_sequence`, oldest first."""
        with self._reading() as db:
            rows = db.execute(WAITING, (after_sequence, limit)).fetchall()
            outbox_id = self.outbox_id
        return self._sound(rows, outbox_id)

    def answer(self, first: int, last: int, most: int) -> tuple[list[OutboxRow], list[AbsentNumbers]]:
        """What became of the numbers from `first` to `last`: rows that wait, at most `most`, and what never comes."""
        span = {"first": first, "last": last, "most": most + 1}
        with self._reading() as db:
            given_up = {number for (number,) in db.execute(GIVEN_UP_WITHIN, span)}
            found = db.execute(WAITING_WITHIN, span).fetchall()
            outbox_id = self.outbox_id
        if len(found) > most:  # the rest is asked for again
            last = found[most][0] - 1
        rows = self._sound(found[:most], outbox_id)
        return rows, absent_spans(first, last, {row.sequence for row in rows}, given_up)

    def _sound(
        self, found: Iterable[tuple[int, str, str, str | None, float | None]], outbox_id: str
    ) -> list[OutboxRow]:
        """Those that can be read; the others are put aside, or they would hold up all that follow."""
        rows, run = [], machine_run()
        for sequence, kind, body, its_run, ahead_s in found:
            if (message := parsed(kind, body)) is not None:
                same_run = bool(run) and its_run == run
                rows.append(OutboxRow(sequence, kind, message, outbox_id, ahead_s if same_run else None))
            else:
                log.error("message %d is damaged on this disk; it can't be sent", sequence)
                self.refuse(sequence, "it is damaged on the disk", outbox_id)
        return rows

    def acknowledge(self, sequences: Sequence[int], outbox_id: str | None = None) -> None:
        """Drops rows that the console has committed. outbox_id: whose numbers these are; None is this one's."""
        with self.transaction() as db:
            if outbox_id not in (None, self.outbox_id):
                return
            db.executemany("DELETE FROM message WHERE sequence = ?", [(number,) for number in sequences])
            sacrifice.have_arrived(db, sequences)

    def refuse(self, sequence: int, reason: str, outbox_id: str | None = None) -> None:
        """Puts aside a row that the console will never take, with its reason: kept, but no longer sent.

        outbox_id: as in `acknowledge`.
        """
        with self.transaction() as db:
            if outbox_id not in (None, self.outbox_id):
                return
            db.execute(REFUSE, (reason, sequence))
            db.execute("DELETE FROM message WHERE sequence = ?", (sequence,))
            sacrifice.have_arrived(db, [sequence])
            db.execute(KEEP_NEWEST_REFUSED, (MAX_REFUSED,))

    def uploads(self, limit: int, urgent_since_s: float | None = None) -> list[Upload]:
        """Files that the console does not have yet; pictures before clips, because they are small and seen first.

        urgent_since_s: only pictures of events that are open, and those made since then (UTC seconds).
        """
        with self._reading() as db:
            rows = db.execute(UPLOADS, {"since_s": urgent_since_s, "most": limit}).fetchall()
        return [Upload(sha, event, Path(path), size, kind) for sha, event, path, size, kind in rows]

    def uploaded(self, upload: Upload) -> bool:
        """Forgets a file that the console has, checked by its hash; False where it was replaced meanwhile."""
        with self.transaction() as db:
            return forget_upload(db, upload)

    def lost(self, upload: Upload, why: Missing, at_s: float) -> bool:
        """Tells the console that a file will never come; False where it was replaced, and nothing is lost."""
        with self.transaction() as db:
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
        with self.transaction() as db:
            gone = sacrifice.give_up_older(db, before_s, at_s)
            going = sacrifice.files_to_give_up(db, self._bounds.max_file_bytes, before_s, past_retention, held)
            count = sum(self._lose(db, files.event_id, files.hashes, GIVEN_UP, at_s) for files in going)
            if going:
                sacrifice.note_given_up(db, count, at_s)
        if gone or going:
            log.error("too much waits: %d old messages and the files of %d events are given up", gone, len(going))

    def _lose(self, db: sqlite3.Connection, event_id: str, hashes: Collection[str], why: Missing, at_s: float) -> int:
        """Forgets files that will never be sent, and lists what is left of the event's; returns how many waited."""
        row = db.execute("SELECT body FROM evidence WHERE event_id = ?", (event_id,)).fetchone()
        mine = [(event_id, sha256) for sha256 in sorted(hashes)]
        gone = db.executemany("DELETE FROM upload WHERE event_id = ? AND sha256 = ?", mine).rowcount
        before = parsed_listing(row[0]) if row else None
        if before is not None:
            left = tuple(file for file in before.files if file.sha256 not in hashes)
            changed = {"revision": before.revision + 1, "files": left}
            changed |= {"missing": why.reason[:300], "missing_code": why.code}
            message = before.model_copy(update=changed)
            db.execute("REPLACE INTO evidence VALUES (?, ?, ?)", (event_id, before.camera, message.model_dump_json()))
            self._insert(db, NewMessage("evidence", event_id, row_state(message), message.model_dump_json(), at_s))
        forget_settled(db, event_id)
        return gone

    def figures(self) -> OutboxFigures:
        """How much waits."""
        with self._reading() as db:
            rows, row_bytes = sacrifice.tally(db, "message")
            uploads, upload_bytes = sacrifice.tally(db, "upload")
            (oldest,) = db.execute("SELECT at_s FROM message ORDER BY sequence LIMIT 1").fetchone() or (None,)
            (clips,) = db.execute("SELECT count(*) FROM clip_job").fetchone()
            (refused,) = db.execute("SELECT count(*) FROM refused").fetchone()
            meta = dict(db.execute("SELECT name, value FROM meta"))
        limits = self._bounds
        shares = (rows / limits.max_rows, row_bytes / limits.max_message_bytes, upload_bytes / limits.max_file_bytes)
        gave_up_at_s = float(meta["gave_up_at_s"]) if "gave_up_at_s" in meta else None
        counts = (int(meta.get("given_up", 0)), int(meta.get("files_given_up", 0)))
        return OutboxFigures(rows, uploads, clips, refused, oldest, max(shares), gave_up_at_s, *counts)
