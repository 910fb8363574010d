"""The only place of the console that reads a clock."""

import time


def wall_s() -> float:
    """UTC seconds since 1970."""
    return time.time()
