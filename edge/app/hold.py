"""Locks on files, which the system lets go of however a process ends."""

import fcntl
from pathlib import Path
from typing import IO


def hold(path: Path, *, shared: bool = False) -> IO[str]:
    """Holds `path` for as long as the returned file is open, alone or beside others that share it.

    Raises BlockingIOError where it can't be had at once; OSError where the file can't be made.
    """
    file = path.open("w")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
