"""Workers that outlived their supervisor. They go on until an heir has loaded its network and asks them to go.

Who watches a camera holds a file of the camera's name, and has written into it which process that is: so no other
process is hit, and no two watch the same camera.
"""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import IO

from edge.app.hold import hold, holder

ASKED_TO_GO = signal.SIGUSR1
OUTLIVES_S = 15.0  # a worker its supervisor, where no heir comes: one that is started again comes within seconds
PATIENCE_S = 5.0  # with one that was asked to go
_LOOK_S = 0.02

log = logging.getLogger(__name__)


def end_former(paths: Iterable[Path], ours: Collection[int] = (), stop: threading.Event | None = None) -> None:
    """Asks whoever holds one of `paths` to go, waits until they have, and ends those that hang.

    ours: processes that are left alone. stop: ends the waiting.
    """
    pause, files = stop or threading.Event(), list(paths)
    turns, asked = int(PATIENCE_S / _LOOK_S), set[int]()
    # A file that has just been taken names whom it was taken from: since the machine started that may be anybody.
    spared = {*ours, os.getpid(), os.getppid()}
    for turn in range(2 * turns):
        living = {pid for path in files if (pid := holder(path)) is not None} - spared
        if not living or pause.is_set():
            return
        if turn == turns:
            log.error("workers of an earlier run hang (%s); they are killed", ", ".join(map(str, living)))
        for pid in living - {0}:
            if turn >= turns or pid not in asked:
                _tell(pid, signal.SIGKILL if turn >= turns else ASKED_TO_GO)
                asked.add(pid)
        pause.wait(_LOOK_S)


def take_over(path: Path) -> IO[str]:
    """Holds `path` in the place of whoever held it; see `hold`. Raises OSError."""
    while True:
        try:
            return hold(path)
        except BlockingIOError:
            end_former([path])


def _tell(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, number)
