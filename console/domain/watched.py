"""From when to when a camera watched, did not, or nobody knows: what 'no alert' means in each part of a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Sighted(StrEnum):
    """What is known of a stretch of time."""

    WATCHED = "watched"
    IMPAIRED = "impaired"
    BLIND = "blind"
    UNRECORDED = "unrecorded"  # before anything was recorded of the camera
    UNHEARD = "unheard"  # since its node is not heard


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, UTC seconds. code: why it did not see at its beginning, of a blind or impaired one."""

    begin_s: float
    end_s: float
    sighted: Sighted
    code: str = ""

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.begin_s


def stretches(
    begin_s: float, end_s: float, known: tuple[float, float], blind: Iterable[Stretch], impaired: Iterable[Stretch] = ()
) -> Sequence[Stretch]:
    """The time from begin_s to end_s in stretches that meet, the earliest first; none is empty.

    known: from when to when anything is known. blind, impaired: in any order; they may overlap and reach beyond, and
    what is both is blind.
    """
    known_s = max(begin_s, min(known[0], end_s)), max(begin_s, min(known[1], end_s))
    parts = _covered(Stretch(*known_s, Sighted.WATCHED), blind, Sighted.BLIND)
    hidden = sorted(impaired, key=_in_time)
    found = [Stretch(begin_s, known_s[0], Sighted.UNRECORDED)]
    for part in parts:
        found += _covered(part, hidden, Sighted.IMPAIRED) if part.sighted == Sighted.WATCHED else [part]
    found.append(Stretch(max(known_s), end_s, Sighted.UNHEARD))
    return [one for one in found if one.length_s > 0]


def watched(found: Iterable[Stretch]) -> Sequence[Stretch]:
    """Those that were watched, impaired or not, as one where they meet."""
    joined: list[Stretch] = []
    for one in found:
        if one.sighted not in (Sighted.WATCHED, Sighted.IMPAIRED):
            continue
        if joined and joined[-1].end_s == one.begin_s:
            joined[-1] = replace(joined[-1], end_s=one.end_s)
        else:
            joined.append(replace(one, sighted=Sighted.WATCHED, code=""))
    return joined


def _covered(whole: Stretch, by: Iterable[Stretch], sighted: Sighted) -> Sequence[Stretch]:
    """`whole`, and in its place what lies over it, as one where that meets or overlaps."""
    found: list[Stretch] = []
    at_s = whole.begin_s
    for one in sorted(by, key=_in_time):
        begin_s, end_s = max(at_s, one.begin_s), min(whole.end_s, one.end_s)
        if begin_s >= end_s:
            continue
        if begin_s > at_s:
            found.append(replace(whole, begin_s=at_s, end_s=begin_s))
        if begin_s == at_s and found and found[-1].sighted == sighted:
            found[-1] = replace(found[-1], end_s=end_s)
        else:
            found.append(Stretch(begin_s, end_s, sighted, one.code))
        at_s = end_s
    return [*found, replace(whole, begin_s=at_s)]


def _in_time(one: Stretch) -> tuple[float, float]:
    return one.begin_s, one.end_s
