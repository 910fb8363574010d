"""How long the disk lasts, from how its room shrank.

Room is what is free plus what may be deleted for it. Continuous recording doesn't shrink it, for the oldest makes way;
what does are held recordings, evidence that isn't delivered, events within their retention, and other programs' files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WINDOW_S = 86_400.0
_SHORTEST_S = 1800.0  # less tells nothing
_DAY_S, _HOUR_S = 86_400.0, 3600.0
_TOLD_DAYS = 7


@dataclass(frozen=True, slots=True)
class DiskProblem:
    """Something wrong with what is kept.

    code: a key of `machine.LIMITS`. subject: which camera; else empty. figure: hours, days or files; or None.
    """

    code: str
    subject: str = ""
    figure: float | None = None

    def __str__(self) -> str:
        about = self.subject if self.figure is None else f"{self.figure:g}"
        return f"{self.code}:{about}" if about else self.code


def seconds_left(rooms: Sequence[tuple[float, int]]) -> float | None:
    """Seconds until no room is left; None where it doesn't shrink, or is not known yet.

    rooms: (UTC seconds, bytes), oldest first; those of the last `WINDOW_S` count.
    """
    if not rooms:
        return None
    now_s, room = rooms[-1]
    since_s, before = next((at_s, size) for at_s, size in rooms if now_s - WINDOW_S <= at_s <= now_s)
    if now_s - since_s < _SHORTEST_S or before <= room:
        return None
    return max(0.0, room * (now_s - since_s) / (before - room))


def disk_problem(left_s: float | None, *, stopped: bool) -> DiskProblem | None:
    """What staff are told of the disk; None while all is well."""
    if stopped:
        return DiskProblem("recording_stopped")
    if left_s is None or left_s >= (_TOLD_DAYS + 1) * _DAY_S:
        return None
    if left_s < _DAY_S:
        return DiskProblem("disk_hours_left", figure=max(1, int(left_s // _HOUR_S)))
    return DiskProblem("disk_days_left", figure=int(left_s // _DAY_S))


def reaches_back_s(max_bytes: int, recorded_bytes: int, recorded_s: float) -> float | None:
    """How far back a budget of `max_bytes` reaches for a camera that wrote so much in so long; None while not known."""
    if recorded_s < _SHORTEST_S or recorded_bytes <= 0:
        return None
    return max_bytes * recorded_s / recorded_bytes
