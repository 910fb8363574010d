"""A camera's checkpoint in the machine's memory: it survives the process for the seconds in which it is of use.

Not on a disk: it holds what people's clothes look like, which is kept nowhere, and it is written every second.
"""

import contextlib
import hashlib
import io
import logging
import os
import pickle
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

from edge.core.checkpoint import Checkpoint
from edge.core.ports import Clock

MEMORY = Path("/dev/shm")  # noqa: S108  # ours in it are private folders, see checkpoint_folder

FORGOTTEN_AFTER_S = 300.0

log = logging.getLogger(__name__)

# What a checkpoint is made of. Nothing else is ever made from the file, whoever wrote it.
_PLAIN = {
    ("collections", "deque"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
}
# What pickle raises where a file is damaged, or was written by another version.
_UNREADABLE = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, TypeError, ValueError, OverflowError,
    MemoryError, RecursionError,
)  # fmt: skip


def checkpoint_folder(state_dir: Path, cameras: Collection[str], wall_s: float, memory: Path = MEMORY) -> Path | None:
    """The folder of a node's checkpoints, private to its user and emptied of other cameras than `cameras`.

    What this user's nodes left in that memory and is of no use any more goes too.
    None, with the reason in the log, where there is no such memory: then a worker that dies begins every stay anew.
    """
    node = hashlib.sha256(str(state_dir.absolute()).encode()).hexdigest()[:16]
    folder = memory / f"gatehouse-{os.geteuid()}-{node}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if not is_ours_alone(folder):
            raise OSError("somebody else has made it")
        for path in folder.iterdir():
            if path.name.partition(".")[0] not in cameras:  # "gate" and "gate.part"
                path.unlink(missing_ok=True)
        for sibling in set(memory.glob(f"gatehouse-{os.geteuid()}-*")) - {folder}:
            with contextlib.suppress(OSError):  # another node's, which looks after them itself while it lives
                if is_ours_alone(sibling):
                    _sweep(sibling, wall_s - FORGOTTEN_AFTER_S)
    except OSError as error:
        log.warning("%s can't be used (%s): a worker that dies begins every stay anew", folder, error)
        return None
    return folder


def is_ours_alone(folder: Path) -> bool:
    """Whether it is a folder, no link to one, that nobody but this user can have put anything into."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _sweep(folder: Path, before_s: float) -> None:
    for path in folder.iterdir():
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_mtime < before_s:
            path.unlink()


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module.startswith("edge.core.") and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:  # of the core itself, not what it imports
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint")


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _sound(content: bytes) -> bytes:
    """The pickle behind its digest. Raises ValueError where it is damaged: one byte can make pickle fill all memory."""
    length = len(_digest(b""))
    digest, body = content[:length], content[length:]
    if digest != _digest(body):
        raise ValueError("it is damaged")
    return body


class CheckpointFile:
    """Holds the last checkpoint of one camera."""

    def __init__(self, folder: Path | None, camera: str, fingerprint: str) -> None:
        """folder: from `checkpoint_folder`; None keeps nothing.

        fingerprint: one line that names program, configuration and the machine's run; a checkpoint of another is not
            used. Media seconds begin anew with the machine.
        """
        self._path, self._head = folder and folder / camera, f"{fingerprint}\n".encode()
        self._fault = ""

    def save(self, checkpoint: Checkpoint) -> None:
        """Replaces the last one, whole or not at all. Memory that is full is told once."""
        if self._path is None:
            return
        part = self._path.with_name(f"{self._path.name}.part")
        try:
            body = pickle.dumps(checkpoint, pickle.HIGHEST_PROTOCOL)
            part.write_bytes(self._head + _digest(body) + body)
            part.replace(self._path)
            self._fault = ""
        except OSError as error:
            if not self._fault:
                log.warning("%s can't be written (%s): a restart now would begin every stay anew", self._path, error)
            self._fault = str(error)

    def load(self, clock: Clock, longest_s: float) -> Checkpoint | None:
        """The last one, if its frame is at most `longest_s` old.

        One that makes each process die is left behind by the supervisor's growing pauses between them.
        """
        if self._path is None:
            return None
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        if not content.startswith(self._head):
            return None
        try:
            checkpoint = _Reader(io.BytesIO(_sound(content[len(self._head) :]))).load()
        except _UNREADABLE as error:
            log.warning("%s can't be read (%s): stays begin anew", self._path, error)
            return None
        if not isinstance(checkpoint, Checkpoint):
            return None
        return checkpoint if -1.0 <= clock.monotonic_s() - checkpoint.media_s <= longest_s else None

    def forget(self) -> None:
        """For a process that ends in good order."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # other cameras' are still there
                self._path.parent.rmdir()
