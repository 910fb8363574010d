"""Evidence files on disk, named by their SHA-256. A file appears whole and proven, or not at all.

What is unfinished belongs to who brings it (`owner`, a word without slashes or hyphens): two never write to one
another's, and none takes the room of another. Several processes may serve one folder: they take turns at what an owner
brings, or one would add to a file that another has just found whole.
"""

import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

MOST_UNFINISHED = 64  # files of an owner; a box sends one at a time, and a picture now and then before the rest of it
LARGEST_PIECE_BYTES = 8 * 1024 * 1024
KEPT_FREE_BYTES = 500_000_000  # on the disk, for what the console itself has to write down
KEPT_FREE_SHARE = 0.05  # of a small disk, where that is less


class NoRoomError(Exception):
    """The disk has no room for more evidence."""


class FileStore:
    """A folder of files and one of unfinished ones."""

    def __init__(self, folder: Path, most_unfinished_bytes: int = 1_073_741_824) -> None:
        """most_unfinished_bytes: of an owner; at least as much as one file may have."""
        self._whole, self._parts, self._turns = (folder / name for name in ("files", "unfinished", "turns"))
        self._most_bytes = most_unfinished_bytes
        self._told: set[str] = set()  # owners of which it is logged that they began too much
        for path in (self._whole, self._parts, self._turns):
            path.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where a whole file lies."""
        return self._whole / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the file is here, whole, whoever brought it."""
        return self.path(sha256).exists()

    def spare_bytes(self) -> int:
        """How much more evidence the disk takes: negative past its reserve, none where it can't be reached."""
        try:
            disk = shutil.disk_usage(self._whole)
        except OSError:  # a disk that was taken off must not take the wall with it
            return 0
        return disk.free - int(min(KEPT_FREE_BYTES, KEPT_FREE_SHARE * disk.total))

    def is_full(self) -> bool:
        """Whether a piece of a clip may be refused. A few small pictures may still find room."""
        return self.spare_bytes() < LARGEST_PIECE_BYTES

    def offset(self, owner: str, sha256: str) -> int:
        """How many bytes of an unfinished file are here."""
        return _size(self._part(owner, sha256))

    def append(self, owner: str, sha256: str, offset: int, data: bytes) -> int:
        """Adds bytes to an unfinished file; returns its new length.

        Raises ValueError elsewhere than at its end, NoRoomError where the disk is full but for its reserve.
        """
        with self._turn(owner):  # a node that waited too long may send the same again beside itself
            if offset != self.offset(owner, sha256):
                raise ValueError("not at the end of the unfinished file")
            self._make_room(owner, sha256, len(data))
            with self._part(owner, sha256).open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            return offset + len(data)

    def sweep(self, before_s: float) -> None:
        """Deletes unfinished files that nothing was added to since `before_s`, UTC seconds."""
        for part in self._parts.iterdir():
            if 0.0 < _touched_s(part) < before_s:
                with self._turn(part.name.partition("-")[0]), suppress(FileNotFoundError):
                    if part.stat().st_mtime < before_s:  # and nobody has gone on with it, or finished it, just now
                        part.unlink()

    def finish(self, owner: str, sha256: str, note: Callable[[], None] = lambda: None) -> bool:
        """Moves an unfinished file to its place; with a wrong hash throws it away and says False.

        True tells nothing of a file that another request finishes at this moment.
        note: writes down that this owner brought it. It comes first: what is noted and not moved is moved at the next
        call, what is moved and not noted would have to be brought once more.
        """
        part = self._part(owner, sha256)
        with self._turn(owner):
            try:
                with part.open("rb") as file:
                    right = hashlib.file_digest(file, "sha256").hexdigest() == sha256
            except FileNotFoundError:
                return True  # another request has just finished it
            if not right:
                part.unlink()
                return False
            note()
            target = self.path(sha256)
            target.parent.mkdir(exist_ok=True)
            part.replace(target)  # where another owner brought the very same bytes, nothing changes
            for folder in (target.parent, self._whole):  # at this word its owner may forget it: it outlives a power cut
                _flush(folder)
            return True

    def _make_room(self, owner: str, sha256: str, size: int) -> None:
        """Throws away unfinished files of this owner, the longest untouched first, until `size` more bytes fit."""
        growing = self._part(owner, sha256)
        others = sorted((path for path in self._parts.glob(f"{owner}-*") if path != growing), key=_touched_s)
        used = sum(map(_size, (growing, *others))) + size
        spare = self.spare_bytes()
        if spare + sum(map(_size, others)) < size:  # then the others would go for nothing
            raise NoRoomError("the disk is full but for its reserve")
        for dropped, path in enumerate(others):
            fits = used <= self._most_bytes and len(others) - dropped < MOST_UNFINISHED and spare >= size
            if fits:
                break
            used, spare = used - _size(path), spare + _size(path)
            path.unlink(missing_ok=True)
            if owner not in self._told:
                log.warning("node number %s has too much in the making: what it left longest is thrown away", owner)
            self._told.add(owner)

    @contextmanager
    def _turn(self, owner: str) -> Iterator[None]:
        """While no other thread or process touches what an owner brings."""
        handle = os.open(self._turns / owner, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _part(self, owner: str, sha256: str) -> Path:
        return self._parts / f"{owner}-{sha256}"


def _flush(folder: Path) -> None:
    """Writes to the disk which names are in a folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _touched_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # swept away just now
        return 0.0
