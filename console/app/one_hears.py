"""Of several consoles on one folder one hears the boxes: two would take the broker's connection from one another."""

import fcntl
import logging
import threading
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

AGAIN_S = 1.0  # how soon another one goes on


class OneHears:
    """`run` is the whole life of the receiver's thread: it waits while another process hears."""

    def __init__(self, path: Path, hear: Callable[[threading.Event], None], is_connected: Callable[[], bool]) -> None:
        """path: a file that whoever hears has locked. hear: until its argument is set. is_connected: while it does."""
        self._path, self._hear, self._is_connected = path, hear, is_connected
        self._waits = threading.Event()

    def is_heard(self) -> bool:
        """Whether the boxes are heard, here or by the other one."""
        return self._waits.is_set() or self._is_connected()

    def run(self, stop: threading.Event) -> None:
        """Hears as soon as no other process does, until `stop`."""
        with self._path.open("a") as file:
            while not stop.is_set():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if not self._waits.is_set():
                        log.info("another console on %s hears the boxes; this one goes on where it ends", self._path)
                    self._waits.set()
                    stop.wait(AGAIN_S)
                    continue
                self._waits.clear()
                self._hear(stop)
                return
