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
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    with contextlib.suppress(OSError):  # a full disk: it is held all the same
        os.truncate(path, 0)
        os.write(file.fileno(), f"{os.getpid()}\n".encode())
    return file


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Has `folder` alone among those who ask so; needs no room on the disk.

    Raises BlockingIOError where somebody else has it; OSError where it can't be read.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> int | None:
    """Process that holds `path`, 0 where it does not tell which; None where nobody does."""
    try:
        hold(path).close()
    except BlockingIOError:
        text = path.read_text().strip()
        return int(text) if text.isdecimal() else 0
    return None
