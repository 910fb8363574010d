"""The machine's own clock. The only place in the edge that reads it."""

import time
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine_run() -> str:
    """Names the machine's run, in which monotonic seconds mean the same to all processes; empty where it has none."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""


class SystemClock:
    """`edge.core.ports.Clock` on the operating system's clocks."""

    def wall_s(self) -> float:
        """UTC seconds since 1970; can be set back and forth by NTP or by hand."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds that never run backwards; origin unspecified, also counts on while the wall clock is set."""
        return time.monotonic()
