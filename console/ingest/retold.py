"""The life of a thread that tells boxes what counts, again and again until it is told to stop."""

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)


def tell_until(stop: threading.Event, every_s: float, turn: Callable[[], None], what: str) -> None:
    """Takes a turn each `every_s`. While the database is away it tells once that `what` can't be read."""
    fault = ""
    while not stop.wait(every_s):
        try:
            turn()
            fault = ""
        except SQLAlchemyError as error:  # the receiver says that the database is away
            if not fault:
                log.error("%s can't be read (%s); it is tried again", what, type(error).__name__)
            fault = type(error).__name__
