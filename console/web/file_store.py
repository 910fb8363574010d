"""Evidence files on disk, named by their SHA-256. A file appears whole and proven, or not at all."""

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path


class FileStore:
    """A folder of files and one of unfinished ones."""

    def __init__(self, folder: Path) -> None:
        self._whole, self._parts = folder / "files", folder / "unfinished"
        self._adding = [threading.Lock() for _ in range(256)]  # by the first byte of the hash
        for path in (self._whole, self._parts):
            path.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where a whole file lies."""
        return self._whole / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the file is here, whole."""
        return self.path(sha256).exists()

    def offset(self, sha256: str) -> int:
        """How many bytes of an unfinished file are here."""
        try:
            return (self._parts / sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, sha256: str, offset: int, data: bytes) -> int:
        """Adds bytes to an unfinished file; returns its new length. Raises ValueError elsewhere than at its end."""
        with self._adding[int(sha256[:2], 16)]:  # a node that waited too long may send the same again beside itself
            if offset != self.offset(sha256):
                raise ValueError("not at the end of the unfinished file")
            with (self._parts / sha256).open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            return offset + len(data)

    def sweep(self, before_s: float) -> None:
        """Deletes unfinished files that nothing was added to since `before_s`, UTC seconds."""
        for part in self._parts.iterdir():
            with suppress(FileNotFoundError):  # another request has just finished it
                if part.stat().st_mtime < before_s:
                    part.unlink()

    def finish(self, sha256: str) -> bool:
        """Moves an unfinished file to its place; with a wrong hash throws it away and says False."""
        part = self._parts / sha256
        with self._adding[int(sha256[:2], 16)]:
            if self.has(sha256):  # by another request, just now
                return True
            with part.open("rb") as file:
                right = hashlib.file_digest(file, "sha256").hexdigest() == sha256
            if not right:
                part.unlink()
                return False
            target = self.path(sha256)
            target.parent.mkdir(exist_ok=True)
            part.replace(target)
            return True
