"""Work that takes long, a few at a time: threads of its own, so that nobody who waits for it holds up anybody else."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from console.web.errors import Refused

AT_ONCE = 2  # each password's hash takes 64 MiB; a crowd of tries must not take the machine's memory
MOST_WAITING = 16  # about a second of work
RETRY_AFTER_S = 2

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Turns:
    """`AT_ONCE` threads and a queue of at most `MOST_WAITING`; whoever comes while it is full is sent away at once."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, name)
        self._places = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)

    async def run(self, work: Callable[_P, _T], *args: _P.args, **more: _P.kwargs) -> _T:
        """What `work` returns or raises. Raises Refused (503) where the queue is full."""
        if not self._places.acquire(blocking=False):
            raise Refused(503, "try_again_soon", {"Retry-After": str(RETRY_AFTER_S)})
        begun = self._threads.submit(work, *args, **more)
        begun.add_done_callback(lambda _: self._places.release())  # also of one whose asker has gone
        return await asyncio.wrap_future(begun)
