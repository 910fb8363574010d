"""Of several consoles on one folder one hears the boxes: two would take the broker's connection from one another."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

AGAIN_S = 1.0  # how soon another one goes on, and how often whoever hears says so
SILENT_S = 15.0  # whoever hangs, or has lost the broker, says nothing; then nobody hears


class OneHears:
    """`run` is the whole life of the receiver's thread: it waits while another process hears."""

    def __init__(self, path: Path, hear: Callable[[threading.Event], None], is_connected: Callable[[], bool]) -> None:
        """path: a file that whoever hears has locked, and touches while it hears.

        hear: until its argument is set. is_connected: while it does.
        """
        self._path, self._hear, self._is_connected = path, hear, is_connected
        self._waits = threading.Event()
        self._touched_ns, self._silent_turns = 0, 0  # of the other one: when it said so last, and looks since then

    def is_heard(self) -> bool:
        """Whether the boxes are heard, here or by the other one."""
        if self._waits.is_set():
            return self._silent_turns * AGAIN_S < SILENT_S
        return self._is_connected()

    def run(self, stop: threading.Event) -> None:
        """Hears as soon as no other process does, until `stop`."""
        with self._path.open("a") as file:
            while not stop.is_set():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._look(file.fileno())
                    stop.wait(AGAIN_S)
                    continue
                self._waits.clear()
                ended = threading.Event()
                telling = threading.Thread(target=self._tell, args=(ended,), daemon=True)
                telling.start()
                try:
                    self._hear(stop)
                finally:
                    ended.set()
                    telling.join()
                return

    def _look(self, file: int) -> None:
        """Whether the other one goes on saying that it hears; by no clock, which may be set."""
        touched_ns = os.fstat(file).st_mtime_ns
        self._silent_turns = self._silent_turns + 1 if touched_ns == self._touched_ns else 0
        self._touched_ns = touched_ns
        if not self._waits.is_set():
            log.info("another console on %s hears the boxes; this one goes on where it ends", self._path)
        self._waits.set()

    def _tell(self, ended: threading.Event) -> None:
        while not ended.wait(AGAIN_S):
            if self._is_connected():
                with suppress(OSError):  # then whoever waits says that nobody hears
                    os.utime(self._path)
