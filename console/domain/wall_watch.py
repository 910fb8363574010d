"""Who watches the watch: whether somebody has the wall open, can hear it, and whether people can be told.

Times are UTC seconds by the console's clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from console.domain.alert import Severity

REPORT_S = 20.0  # a wall reports itself so often
GONE_S = 60.0  # a wall that has not been heard of for so long is closed
PATIENCE_S = 30.0  # nobody is rung for a page that is being loaded anew
CHANNEL_FAILURES = 3  # tries one after the other
FAULT_SEVERITY = Severity.HIGH  # it rings, and tells people, as an alert of this priority does


class FaultKind(StrEnum):
    """What is wrong with the watch itself."""

    NOBODY_WATCHING = "nobody_watching"
    SOUND_BLOCKED = "sound_blocked"
    CHANNEL_FAILED = "channel_failed"
    NOBODY_TOLD = "nobody_told"


@dataclass(frozen=True, slots=True)
class OpenWall:
    """A wall that somebody has open who may handle what is on it. heard: whether its sound may ring."""

    seen_at_s: float
    heard: bool


def fault_of_walls(walls: Iterable[OpenWall], now_s: float) -> FaultKind | None:
    """What is wrong with the walls of a site in hours in which it is watched; None where one is open and heard."""
    # abs: a wall "of the future" was seen before the clock went back, and nobody knows when
    open_now = [wall for wall in walls if abs(now_s - wall.seen_at_s) <= GONE_S]
    if not open_now:
        return FaultKind.NOBODY_WATCHING
    return None if any(wall.heard for wall in open_now) else FaultKind.SOUND_BLOCKED
