"""Locks on files and folders, which the system lets go of however a process ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def hold(path: Path) -> IO[str]:
    """Holds `path` alone, for as long as the returned file is open; it tells who holds it.

    Raises BlockingIOError where somebody else does; OSError where the file can't be made.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    with contextlib.suppress(OSError):  # a disk that was full when it was made: it is held all the same
        os.pwrite(file.fileno(), f"{os.getpid():<10}\n".encode(), 0)  # over the last one's, which needs no new room
    return file


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Has `folder` alone among those who ask so; needs no room on the disk.

    Raises BlockingIOError, which says who, where somebody else has it; OSError where it can't be read.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            why = f"{folder} is held by {_who_locks(os.fstat(descriptor).st_ino)}"
            raise BlockingIOError(error.errno, why) from error
        yield
    finally:
        os.close(descriptor)


def _who_locks(inode: int) -> str:
    """The process that has a lock on the file of that number, for people."""
    for pid, _ in _lockers(inode):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            return f"process {pid} ({command.strip()[:120]})"
        return f"process {pid}"
    return "another process"


def _lockers(inode: int) -> Iterator[tuple[int, str]]:
    """Processes that lock a file of that number, and on which device, "major:minor"; proc(5), /proc/locks."""
    for line in Path("/proc/locks").read_text().splitlines() if Path("/proc/locks").exists() else ():
        words = line.split()
        device, _, number = words[5].rpartition(":")
        if words[1] == "FLOCK" and number == str(inode):
            yield int(words[4]), device


def holder(path: Path) -> int | None:
    """Process that holds `path`, 0 where it does not tell which; None where nobody does.

    Whoever asks holds nothing, and stands nowhere: it must not be taken for the holder. Raises OSError.
    """
    try:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text, found = file.read().strip(), os.fstat(file.fileno())
                device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
                named = [pid for pid, where in _lockers(found.st_ino) if where == device]  # a full disk took no number
                return int(text) if text.isdecimal() else next(iter(named), 0)
    except FileNotFoundError:
        pass
    return None
