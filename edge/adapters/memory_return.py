"""Gives memory back that is free within this process: glibc keeps it where one small piece in use lies above it.

Clips and pictures are made of large buffers, so a process grew by some 50 kB with each clip, and never shrank.
"""

import ctypes
from collections.abc import Callable

from edge.core.ports import Clock

EVERY_S = 60.0


class MemoryReturn:
    """For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._due_s = clock, clock.monotonic_s() + EVERY_S
        libc = ctypes.CDLL(None)
        self._trim: Callable[[int], object] = getattr(libc, "malloc_trim", lambda _: None)  # glibc alone has it

    def turn(self) -> None:
        """Call it often: once in `EVERY_S` it takes some milliseconds."""
        if self._clock.monotonic_s() >= self._due_s:
            self._due_s = self._clock.monotonic_s() + EVERY_S
            self._trim(0)
