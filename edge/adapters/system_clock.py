"""The machine's own clock. The only place in the edge that reads it."""

import time


class SystemClock:
    """`edge.core.ports.Clock` on the operating system's clocks."""

    def wall_s(self) -> float:
        """UTC seconds since 1970; can be set back and forth by NTP or by hand."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds that never run backwards; origin unspecified, also counts on while the wall clock is set."""
        return time.monotonic()
