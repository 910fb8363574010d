"""Small notes that no page waits for: who looked at what, which sessions are in use."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from console.store.database import Database

log = logging.getLogger(__name__)

AGAIN_S = 1.0
MOST = 100_000
_PATIENCE_S = 0.25
Note = Callable[[Connection], None]


class WriteBehind:
    """Writes notes at once while the database takes them, else keeps them in memory, in order, until it does.

    This is a decision: a guard who opens an alert at two in the morning sees it although the record of the look can't
    be written in that moment. The record bears the time of the look and is written as soon as the database is back;
    that it waits stands in the log. Only a console that is killed meanwhile loses it. What leaves the house, a
    download, is no note: it is handed out after its record is committed, or not at all.
    """

    def __init__(self, database: Database) -> None:
        self._database = database.with_patience(_PATIENCE_S)
        self._waiting: deque[Note] = deque()
        self._turn = threading.Lock()

    def write(self, note: Note) -> None:
        """Writes `note`, or keeps it where others wait already or the database is busy or away."""
        if len(self._waiting) >= MOST:
            log.error("a note is lost: %d wait for the database", MOST)
            return
        self._waiting.append(note)
        if len(self._waiting) == 1 and not self.flush():  # else whoever brings those before it takes it along
            log.warning("the database takes no notes now: who looks at what is kept in memory until it does")

    def flush(self) -> bool:
        """Writes what waits, in order; False where the database still takes nothing."""
        with self._turn:
            while self._waiting:
                try:
                    with self._database.write() as connection:
                        self._waiting[0](connection)
                except (OperationalError, InterfaceError):
                    return False
                except SQLAlchemyError as error:  # no other try would change that; those behind it must not wait
                    log.error("a note can't be stored: %s", type(error).__name__)
                self._waiting.popleft()
        return True

    def run(self, stop: threading.Event) -> None:
        """Writes what waits, again and again, until `stop`; then once more."""
        while not stop.wait(AGAIN_S):
            self.flush()
        if not self.flush():
            log.error("notes lost at the end, because the database takes none: %d", len(self._waiting))
