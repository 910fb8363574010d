"""What clocks on the wall show: how far a zone is from UTC through a time, and windows of the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

DAY_S = 86_400
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Offset:
    """From a moment on (UTC seconds) a zone's clocks show UTC plus so many seconds."""

    from_at_s: float
    ahead_s: int


@dataclass(frozen=True, slots=True)
class Daytime:
    """A window of every day: from begin_s after midnight for length_s seconds, past midnight where it reaches there."""

    begin_s: int
    length_s: int


def offsets(zone: tzinfo, begin_s: float, end_s: float) -> Sequence[Offset]:
    """How far a zone is ahead of UTC from begin_s to end_s (UTC seconds), the earliest first; at least one.

    Clocks are set at most once within any 12 hours.
    """
    found = [Offset(begin_s, _ahead_s(zone, begin_s))]
    at_s = begin_s
    while at_s < end_s:
        next_s = min(end_s, at_s + DAY_S / 2)
        if (ahead_s := _ahead_s(zone, next_s)) != found[-1].ahead_s:
            found.append(Offset(_set_at_s(zone, at_s, next_s), ahead_s))
        at_s = next_s
    return found


def around(at_s: int, give_s: int) -> Daytime:
    """The window of the day that reaches give_s to both sides of a moment, given as seconds after midnight."""
    return Daytime((at_s - give_s) % DAY_S, min(2 * give_s, DAY_S))


def _ahead_s(zone: tzinfo, at_s: float) -> int:
    ahead = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0


def _set_at_s(zone: tzinfo, before_s: float, after_s: float) -> float:
    """When clocks are set between two moments, to the second."""
    known = _ahead_s(zone, before_s)
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2 if after_s - before_s > 2 else before_s + 1
        if _ahead_s(zone, middle_s) == known:
            before_s = middle_s
        else:
            after_s = middle_s
    return after_s
