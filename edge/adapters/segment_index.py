"""The index of what is recorded, in SQLite: size, time and SHA-256 of each file, so that bit rot is found.

The files are the truth: an index that is damaged or lost is made anew from them, and a file is deleted without it. The
supervisor alone writes; workers ask it before they use a segment. A hash is taken soon after a file was closed; what
changed before that, or before an index was made anew, can't be told.
"""

import contextlib
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    path TEXT PRIMARY KEY, camera TEXT NOT NULL, begins_at_s REAL NOT NULL, ends_at_s REAL NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT, checked_at_s REAL, damaged INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS file_checked ON file (checked_at_s);
CREATE TABLE IF NOT EXISTS room (at_s REAL PRIMARY KEY, bytes INTEGER NOT NULL);
"""
_SECTION_BYTES = 1 << 20
_ROOMS_KEPT_S = 2 * 86_400.0


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file that will not change any more. path: relative to the root; times in UTC seconds."""

    path: str
    camera: str
    begins_at_s: float
    ends_at_s: float
    bytes: int


class SegmentIndex:
    """Written by one thread of one process; where its file is damaged it begins anew by itself."""

    def __init__(self, path: Path, root: Path) -> None:
        """root: the folder below which the files lie. Raises OSError, sqlite3.Error where nothing can be written."""
        self._path, self._root = path, root
        self.rebuilt = 0
        self._db = self._open()

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()

    def sync(self, files: Iterable[IndexedFile]) -> None:
        """Brings the index to what is there: forgets files that are gone, takes in new ones. Raises sqlite3.Error."""
        there = {file.path: file for file in files}

        def bring(db: sqlite3.Connection) -> None:
            known = {path for (path,) in db.execute("SELECT path FROM file")}
            db.executemany("DELETE FROM file WHERE path = ?", [(path,) for path in known - there.keys()])
            rows = [
                (f.path, f.camera, f.begins_at_s, f.ends_at_s, f.bytes) for f in there.values() if f.path not in known
            ]
            db.executemany(
                "INSERT INTO file (path, camera, begins_at_s, ends_at_s, bytes) VALUES (?, ?, ?, ?, ?)", rows
            )

        self._write(bring)

    def check(self, new_bytes: int, old_bytes: int, now_s: float) -> list[str]:
        """Takes the hash of new files, newest first, then compares those that were not looked at for longest.

        new_bytes, old_bytes: about how much is read of each. Returns the paths now found damaged. Raises sqlite3.Error.
        """
        new = "SELECT path, bytes, sha256 FROM file WHERE sha256 IS NULL AND NOT damaged ORDER BY begins_at_s DESC"
        old = "SELECT path, bytes, sha256 FROM file WHERE sha256 NOT NULL AND NOT damaged ORDER BY checked_at_s"
        with self._mended() as db:
            todo = [*_up_to(new_bytes, db.execute(new)), *_up_to(old_bytes, db.execute(old))]
        found: list[tuple[str | None, float, bool, str]] = []
        for path, size, sha256 in todo:
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile; the next turn forgets it
                now = _sha256(self._root / path, size)
                found.append((sha256 or now, now_s, now is None or now != (sha256 or now), path))
        update = "UPDATE file SET sha256 = ?, checked_at_s = ?, damaged = ? WHERE path = ?"
        self._write(lambda db: db.executemany(update, found))
        return [path for *_, damaged, path in found if damaged]

    def damaged(self) -> int:
        """How many files that are still there are damaged. Raises sqlite3.Error."""
        with self._mended() as db:
            return int(db.execute("SELECT count(*) FROM file WHERE damaged").fetchone()[0])

    def recorded_since(self, since_s: float) -> dict[str, tuple[int, float]]:
        """Of each camera: bytes recorded since then (UTC seconds) and over how many seconds. Raises sqlite3.Error."""
        query = (
            "SELECT camera, sum(bytes), max(ends_at_s) - min(begins_at_s) FROM file"
            " WHERE path LIKE 'recordings/%' AND begins_at_s >= ? GROUP BY camera"
        )
        with self._mended() as db:
            return {camera: (int(size), float(span_s)) for camera, size, span_s in db.execute(query, (since_s,))}

    def note_room(self, at_s: float, room_bytes: int) -> None:
        """Remembers the disk's room at a moment (UTC seconds). Raises sqlite3.Error."""

        def note(db: sqlite3.Connection) -> None:
            db.execute("REPLACE INTO room VALUES (?, ?)", (at_s, room_bytes))
            db.execute("DELETE FROM room WHERE at_s < ? OR at_s > ?", (at_s - _ROOMS_KEPT_S, at_s))

        self._write(note)

    def rooms(self) -> list[tuple[float, int]]:
        """What `note_room` was told, oldest first. Raises sqlite3.Error."""
        with self._mended() as db:
            return [(float(at_s), int(size)) for at_s, size in db.execute("SELECT at_s, bytes FROM room ORDER BY at_s")]

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self._path)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not _is_damage(error):
                raise
            return self._begin_anew(error)

    def _begin_anew(self, error: Exception) -> sqlite3.Connection:
        log.error("%s is damaged (%s); it is made anew from the files", self._path, error)
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self.rebuilt += 1
        return _connect(self._path)

    @contextmanager
    def _mended(self) -> Iterator[sqlite3.Connection]:
        """The connection; damage that is met begins a new index, and is raised for this one time."""
        try:
            yield self._db
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not _is_damage(error):
                raise
            self._db.close()
            self._db = self._begin_anew(error)
            raise sqlite3.DatabaseError(str(error)) from error

    def _write(self, change: Callable[[sqlite3.Connection], object]) -> None:
        with self._mended() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                change(db)
                db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # some errors have ended the transaction already
                    db.execute("ROLLBACK")
                raise


def is_sound(index: Path, root: Path, file: Path) -> bool:
    """Whether `file` is what was recorded, as far as the index can tell: False only where its hash has changed.

    For other processes than the one that writes the index; an index that can't be read stands in nobody's way.
    """
    name = file.relative_to(root).as_posix()
    try:
        with closing(sqlite3.connect(f"{index.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            row = db.execute("SELECT bytes, sha256, damaged FROM file WHERE path = ?", (name,)).fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        log.debug("%s can't be asked (%s)", index, error)
        return True
    if row is None or (row[1] is None and not row[2]):
        return True
    try:
        return not row[2] and _sha256(file, row[0]) == row[1]
    except FileNotFoundError:  # overwritten meanwhile: whoever uses it will see
        return True


def _is_damage(error: Exception) -> bool:
    """Whether the file is wrong, and not only locked or on a full disk. Text that is no UTF-8 is an OperationalError of
    Python's own, without SQLite's code; in SQLite's complaint it is a UnicodeDecodeError.
    """
    return not isinstance(error, sqlite3.OperationalError) or not hasattr(error, "sqlite_errorcode")


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")  # what a power cut takes is made anew from the files
        db.executescript(_TABLES)
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except BaseException:
        db.close()
        raise
    return db


def _up_to(limit_bytes: int, rows: Iterable[tuple[str, int, str | None]]) -> Iterator[tuple[str, int, str | None]]:
    """Rows until so many bytes are reached; at least one."""
    for row in rows:
        yield row
        limit_bytes -= row[1]
        if limit_bytes <= 0:
            return


def _sha256(path: Path, size_bytes: int) -> str | None:
    """The hash of a file; None where it has another length or can't be read. Raises FileNotFoundError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            length = 0
            while section := file.read(_SECTION_BYTES):
                digest.update(section)
                length += len(section)
    except FileNotFoundError:
        raise
    except OSError as error:
        log.error("%s can't be read: %s", path, error.strerror)
        return None
    return digest.hexdigest() if length == size_bytes else None
