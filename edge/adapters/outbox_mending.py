"""A damaged outbox: begun anew with all that can still be read, the damaged file kept beside it.

A torn page hides the rows on it and no others: each row is read by its number. What an unreadable outbox held of
evidence is told again from the folders of evidence, each of which says what it proves; the console knows by revisions
and hashes what it has already. The new outbox is whole on the disk before the old one is moved, so that a power cut
in the middle leaves either.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain, count
from pathlib import Path
from types import NoneType
from typing import Any
from urllib.parse import quote

from edge.adapters.durable import sync
from edge.adapters.event_proof import EventProof, proof_in
from edge.adapters.outbox_rows import OutboxBounds, OutboxError, is_damage, parsed, parsed_listing, row_state
from edge.adapters.outbox_stand_in import WITHIN, bounds_of, forget, has_room_for, make_folder, stand_in_path
from edge.adapters.outbox_tables import COUNT_MORE
from edge.adapters.sqlite_outbox import SqliteOutbox

_TABLES = {  # those whose rows are taken over, and their columns
    "message": ("kind", "event_id", "state", "body", "at_s", "machine_run", "ahead_s"),
    "open_event": ("event_id", "camera", "body"),
    "opening": ("event_id", "body"),
    "snapshot_job": ("event_id", "camera", "body"),
    "evidence": ("event_id", "camera", "body"),
    "clip_job": ("event_id", "camera", "opened_at_s", "begins_at_s", "ends_at_s", "tries"),
    "upload": ("path", "sha256", "event_id", "bytes", "media_type", "at_s"),
    "step": ("camera", "step"),
}
_OWED = [table for table in _TABLES if table != "message"]
_TOOK_OVER = "INSERT INTO meta VALUES ('took_over', '1')"  # in a stand-in that knows what was owed before it
UNKNOWN_REVISIONS = 1_000_000  # the console may have later ones than a folder knows of; the next must be newer still
_PATIENT_STEPS = 1000  # numbers tried one by one past a place that can't be read, before larger leaps
_LONGEST_LEAP = 2**24
_TYPES: dict[str, type | tuple[type, ...]] = {
    "bytes": int,
    "tries": int,
    "step": int,
    "machine_run": (str, NoneType),
    "ahead_s": (float, NoneType),
}

log = logging.getLogger(__name__)


def open_sound(
    path: Path, bounds: OutboxBounds, evidence: Path, at_s: float, before_mending: Callable[[], None] = lambda: None
) -> SqliteOutbox:
    """The outbox at `path`, begun anew where it is damaged; its stand-in in memory while the disk has no room for it.

    A sound one needs room too, for its journals. evidence: folder of the events' evidence. at_s: now, UTC seconds.
    before_mending: sees to it that no other process uses it. On a machine without such memory it is one of this process
    alone, at `outbox_stand_in.WITHIN`: what is owed is known, and no worker can write.
    Raises OutboxError where the outbox can't be used for another reason than damage or a want of room.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    made = _beside(path)
    if not path.exists() and made.exists():  # the power was cut between the last two moves
        made.replace(path)
    if damage := _damage(path):
        log.critical("%s is damaged (%s)", path, damage)
    if damage or stand_in_path(path).exists() or _lacks_room(path):
        before_mending()
        try:
            path = mended(path, evidence, at_s)
        except OutboxError as error:
            log.critical("%s; until there is room nobody is watched", error)
            within = SqliteOutbox(WITHIN, bounds, evidence)
            _fill_stand_in(within, path, evidence, at_s)
            return within
    return SqliteOutbox(path, bounds_of(path, bounds), evidence)


def mended(path: Path, evidence: Path, at_s: float) -> Path:
    """Mends an outbox that is damaged, or lacks room, and that nobody has open; the path of what is to be used now.

    evidence, at_s: as in `open_sound`. Raises OutboxError.
    """
    try:
        mend(path, evidence, at_s)
    except OutboxError as error:
        log.critical("%s; until then what happens is kept in memory alone", error)
        stand_in = stand_in_path(path)
        if not stand_in.exists():
            _make_stand_in(stand_in, path, evidence, at_s)
        return stand_in
    return path


def _lacks_room(path: Path) -> bool:
    try:
        SqliteOutbox(path).close()
    except OutboxError:
        return not has_room_for(path, stand_in_path(path))  # else something else is wrong, and is told
    return False


def _make_stand_in(stand_in: Path, path: Path, evidence: Path, at_s: float) -> None:
    """With all that is owed; it bears its name only once it is whole. Raises OutboxError."""
    make_folder(stand_in)
    part = stand_in.with_suffix(".part")
    try:
        for one in _with_journals(part):
            one.unlink(missing_ok=True)
        with closing(SqliteOutbox(part)) as new:
            _fill_stand_in(new, path, evidence, at_s)
        part.replace(stand_in)  # closed, it has no journals
    except (OSError, sqlite3.Error) as error:
        raise OutboxError(f"{stand_in} can't be made either ({error}); make room on the disk") from error


def _fill_stand_in(new: SqliteOutbox, path: Path, evidence: Path, at_s: float) -> None:
    """With what is owed. Raises sqlite3.Error."""
    saved, whole = _take_over(new, path, _OWED)
    if not whole and path.exists():  # or what the console lacks would seem to be there, and be deleted
        _tell_again(new, evidence, at_s)
        _settle(new)
    if saved or whole:
        with new.transaction() as db:
            db.execute(_TOOK_OVER)


def mend(path: Path, evidence: Path, at_s: float) -> None:
    """Puts a new outbox in the place of one that nobody has open, with what can be read of it and of its stand-in.

    evidence, at_s: as in `open_sound`. Raises OutboxError where the disk won't have it; then nothing has moved.
    """
    made, stand_in = _beside(path), stand_in_path(path)
    try:
        for one in _with_journals(made):  # of an earlier try
            one.unlink(missing_ok=True)
        damage = _damage(path)
        new = SqliteOutbox(made)
        try:
            saved, whole = _gather(new, path, evidence, at_s)
        finally:
            new.close()
        sync(made)
        aside = _free_name(path, at_s)
        # The journal first: beside a new file of the old name it would be played into that.
        for old, kept in reversed(list(zip(_with_journals(path), _with_journals(aside), strict=True))):
            if old.exists():
                old.replace(kept)
        made.replace(path)
        sync(path.parent)
        if whole and not damage:  # it only lacked room, or was followed by its stand-in
            for kept in _with_journals(aside):
                kept.unlink(missing_ok=True)
        forget(stand_in)
    except (OSError, sqlite3.Error) as error:
        raise OutboxError(f"{path} can't be used, and no new one can be made ({error}); look at the disk") from error
    kept_as = f"the damaged one is kept as {aside.name}" if aside.exists() else "the one before was sound"
    log.critical("%s is begun anew with %d rows; %s", path, saved, kept_as)


def _gather(new: SqliteOutbox, path: Path, evidence: Path, at_s: float) -> tuple[int, bool]:
    """What can be read of an outbox and of its stand-in; how many rows, and whether that is all there was."""
    stand_in = stand_in_path(path)
    saved, whole = _take_over(new, path, ["message"])
    if stand_in.exists():  # what else the old one held has gone on there
        saved += _take_over(new, stand_in)[0]
    if not _knows_what_was_owed(stand_in):
        more, all_of_it = _take_over(new, path, _OWED)
        saved, whole = saved + more, whole and all_of_it
    if not whole:
        saved += _tell_again(new, evidence, at_s)
    _settle(new)
    for old in filter(Path.exists, (stand_in, path)):
        _take_counts(new, old)
    return saved, whole


def _knows_what_was_owed(stand_in: Path) -> bool:
    """Whether there is a stand-in that could read something of the outbox in whose place it came."""
    if not stand_in.exists():
        return False
    with closing(sqlite3.connect(_read_only(stand_in), uri=True)) as db:
        return db.execute("SELECT 1 FROM meta WHERE name = 'took_over'").fetchone() is not None


def set_aside(folder: Path) -> list[str]:
    """The names of the damaged outboxes that lie in a node's folder until somebody takes them away."""
    return sorted(path.name for path in folder.glob("*-damaged-*.sqlite"))


def _damage(path: Path) -> str:
    """What is wrong with the file; empty where nothing is, and where it can't be looked at for another reason."""
    if not path.exists():
        return ""
    try:
        with closing(SqliteOutbox(path)):
            pass
        with closing(sqlite3.connect(path)) as db:
            (told,) = db.execute("PRAGMA quick_check(1)").fetchone()
            return "" if told == "ok" else str(told)
    except OutboxError as error:
        return str(error.__cause__) if is_damage(error.__cause__) else ""
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return str(error) if is_damage(error) else ""


def _take_over(new: SqliteOutbox, path: Path, tables: Iterable[str] = tuple(_TABLES)) -> tuple[int, bool]:
    """Copies what can be read of `tables`; returns how many rows, and whether that is all there was."""
    saved, whole = 0, True

    def fault(error: Exception) -> None:
        nonlocal whole
        if whole:
            log.warning("some of %s can't be read: %s", path, error)
        whole = False

    with closing(sqlite3.connect(_read_only(path), uri=True)) as old, new.transaction() as db:
        old.text_factory = lambda raw: raw.decode(errors="replace")
        for table in tables:
            columns, known = _TABLES[table], _columns(old, table)
            asked = [name if name in known else f"NULL AS {name}" for name in columns]  # of an earlier version
            row_of = f"SELECT {', '.join(asked)} FROM {table} WHERE rowid = ?"  # noqa: S608 constants
            holes = ", ".join("?" * len(columns))
            into = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({holes})"  # noqa: S608 constants
            for number in _numbers(old, table, fault):
                try:
                    row = old.execute(row_of, (number,)).fetchone()
                    db.execute(into, _checked(table, dict(zip(columns, row or (), strict=True))))
                    saved += 1
                except (sqlite3.DatabaseError, ValueError) as error:
                    fault(error)
    return saved, whole


def _take_counts(new: SqliteOutbox, path: Path) -> None:
    """Takes over what the console refused, and how many files were given up and when, as far as that can be read.

    What was refused goes below the numbers of the new outbox, the later the nearer. How many messages were given up
    stays with the numbers of the old one: the console knows that, and adds it up.
    """
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True)) as old, new.transaction() as db:
            lowest = int(db.execute("SELECT min(0, coalesce(min(sequence), 0)) FROM refused").fetchone()[0])
            refused = old.execute("SELECT body, reason FROM refused ORDER BY sequence DESC").fetchall()
            rows = [(lowest - below, body, reason) for below, (body, reason) in enumerate(refused, 1)]
            db.executemany("INSERT INTO refused VALUES (?, ?, ?)", rows)
            told = dict(old.execute("SELECT name, value FROM meta WHERE name IN ('files_given_up', 'gave_up_at_s')"))
            if count := int(told.get("files_given_up", 0)):
                db.execute(COUNT_MORE, ("files_given_up", count))
            if "gave_up_at_s" in told:
                db.execute("INSERT OR IGNORE INTO meta VALUES ('gave_up_at_s', ?)", (str(float(told["gave_up_at_s"])),))
    except (sqlite3.DatabaseError, UnicodeDecodeError, ValueError, TypeError) as error:
        if isinstance(error, sqlite3.OperationalError) and not is_damage(error):
            raise  # the new one can't be written
        log.warning("what was refused or given up in %s can't be read: %s", path, error)


def _read_only(path: Path) -> str:
    """The address of an outbox that nobody writes to. Without a journal it is read without one: that needs no room."""
    journal = path.with_name(f"{path.name}-wal")
    alone = not journal.exists() or not journal.stat().st_size
    return f"file:{quote(str(path))}?mode=ro{'&immutable=1' if alone else ''}"


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    """The names of a table's columns; all of ours where that can't be read."""
    try:
        return {str(name) for _, name, *_ in db.execute(f"PRAGMA table_info({table})")} or set(_TABLES[table])
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return set(_TABLES[table])


def _numbers(old: sqlite3.Connection, table: str, fault: Callable[[Exception], None]) -> Iterator[int]:
    """The numbers of a table's rows; past what can't be read it goes on, with longer and longer leaps."""
    last, leap, tries = 0, 1, 0
    while leap <= _LONGEST_LEAP:
        try:
            rows = old.execute(f"SELECT rowid FROM {table} WHERE rowid > ? ORDER BY rowid", (last,))  # noqa: S608 constant
            for (number,) in rows:
                if number <= last:
                    raise sqlite3.DatabaseError("pages that lead back to each other")
                last, leap, tries = number, 1, 0
                yield number
            return
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            fault(error)
            tries += 1
            last += leap
            leap *= 1 if tries < _PATIENT_STEPS else 2


def _checked(table: str, row: dict[str, Any]) -> tuple[Any, ...]:
    """A row as it is to be written. Raises ValueError where it is none."""
    for name, value in row.items():
        wanted = _TYPES.get(name, float if name.endswith("_s") else str)
        if not isinstance(value, wanted):
            raise ValueError(f"{name} in {table} is damaged")
    if "body" in row:
        message = parsed("evidence" if table == "evidence" else row.get("kind", "event"), row["body"])
        if message is None or message.event_id != row["event_id"]:
            raise ValueError(f"a message in {table} is damaged")
        if table == "message":
            row["state"] = row_state(message)
    return tuple(row.values())


def _settle(box: SqliteOutbox) -> None:
    """What a message says to be over stands open no longer, whichever of two outboxes knew it as open."""
    with box.transaction() as db:
        db.execute("DELETE FROM open_event WHERE event_id IN (SELECT event_id FROM message WHERE state = 'closed')")


def _tell_again(new: SqliteOutbox, evidence: Path, at_s: float) -> int:
    """Writes down anew what the folders of evidence say and the outbox does not know; returns how many rows."""
    told = 0
    with new.transaction() as db:
        known = {event_id for (event_id,) in db.execute("SELECT event_id FROM message WHERE kind = 'evidence'")}
    for folder in sorted(evidence.iterdir()) if evidence.is_dir() else ():
        proof = proof_in(folder) if folder.is_dir() else None
        if proof is None:
            continue
        if folder.name not in known:
            told += _tell_proof(new, proof, at_s)
        with new.transaction() as db:  # what the console has by now costs one question
            told += _owe_files(db, proof, at_s)
    return told


def _tell_proof(new: SqliteOutbox, proof: EventProof, at_s: float) -> int:
    listing, rows = proof.listing, 0
    with new.transaction() as db:
        into = "INSERT INTO message (kind, event_id, state, body, at_s) VALUES (?, ?, ?, ?, ?)"
        seen = "SELECT 1 FROM message WHERE event_id = ? AND kind = 'event'"
        if proof.opening is not None and db.execute(seen, (listing.event_id,)).fetchone() is None:
            body = proof.opening.model_dump_json()
            db.execute(into, ("event", listing.event_id, "open", body, at_s))
            if proof.is_open:  # else it would stand open again, and keep what rings after it silent
                last = proof.opening.model_copy(update={"revision": proof.opening.revision + UNKNOWN_REVISIONS})
                row = (listing.event_id, listing.camera, last.model_dump_json())
                db.execute("INSERT OR IGNORE INTO open_event VALUES (?, ?, ?)", row)
            rows += 1
        newest = db.execute("SELECT body FROM evidence WHERE event_id = ?", (listing.event_id,)).fetchone()
        listing = (parsed_listing(newest[0]) if newest else None) or listing
        body = listing.model_dump_json()
        db.execute(into, ("evidence", listing.event_id, row_state(listing), body, at_s))
        known = listing.model_copy(update={"revision": listing.revision + UNKNOWN_REVISIONS}).model_dump_json()
        db.execute("REPLACE INTO evidence VALUES (?, ?, ?)", (listing.event_id, listing.camera, known))
    return rows + 1


def _owe_files(db: sqlite3.Connection, proof: EventProof, at_s: float) -> int:
    rows = 0
    for file, path in proof.here():
        values = (str(path), file.sha256, proof.listing.event_id, file.bytes, file.media_type, at_s)
        rows += db.execute("INSERT OR IGNORE INTO upload VALUES (?, ?, ?, ?, ?, ?)", values).rowcount
    return rows


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-new{path.suffix}")


def _with_journals(path: Path) -> list[Path]:
    return [path, path.with_name(f"{path.name}-shm"), path.with_name(f"{path.name}-wal")]


def _free_name(path: Path, at_s: float) -> Path:
    """A name that says when; what is kept is never overwritten."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_s))
    extras = chain([""], (f"-{number}" for number in count(2)))
    names = (path.with_name(f"{path.stem}-damaged-{moment}{extra}{path.suffix}") for extra in extras)
    return next(name for name in names if not name.exists())
