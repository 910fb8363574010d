"""What goes from the disk and in which order, decided from a list of what lies there.

The written order:

1. What is past its retention, continuous recording first, then events.
2. For a camera above its budget of bytes: its oldest continuous recording, then its oldest events past their retention.
3. For a disk that is nearly full: the same order over all cameras, until enough is free.

Never, for no reason: what is held, evidence that the console doesn't have, an event that isn't closed, recording that a
clip still needs. Where only these are left, recording must stop: `last_bytes` of the disk stay for events and clips.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["continuous", "event"]
_RESERVE_BYTES, _RESERVE_PARTS = 512 * 1024 * 1024, 16
_LAST_BYTES, _LAST_PARTS = 64 * 1024 * 1024, 64
TRUSTED_AFTER_S = 3600.0  # a clock that was set is believed after so long: a wrong one would delete all that is kept


@dataclass(frozen=True, slots=True)
class Kept:
    """What is deleted as one: a closed segment of the continuous recording, or all files of an event.

    begins_at_s, ends_at_s: UTC seconds. retention_s: how long after its end it is kept; infinite: while there is room.
    held: somebody asked to keep it. needed: a clip that isn't made yet shows it. delivered: the console has all of it.
    """

    name: str
    kind: Kind
    camera: str
    begins_at_s: float
    ends_at_s: float
    bytes: int
    retention_s: float
    held: bool = False
    needed: bool = False
    delivered: bool = True
    closed: bool = True

    @property
    def spared(self) -> bool:
        """Whether no reason is enough to delete it."""
        return self.held or self.needed or not self.delivered or not self.closed

    def may_go(self, now_s: float) -> bool:
        """Whether it goes where room is needed, at `now_s` (UTC)."""
        return not self.spared and (self.kind == "continuous" or self.is_expired(now_s))

    def is_expired(self, now_s: float) -> bool:
        """Whether its retention is over at `now_s` (UTC)."""
        return now_s - self.ends_at_s > self.retention_s


def reserve_bytes(total_bytes: int) -> int:
    """What is kept free on a disk of `total_bytes`, so that nobody waits for a deletion."""
    return min(_RESERVE_BYTES, total_bytes // _RESERVE_PARTS)


def last_bytes(total_bytes: int) -> int:
    """What recording leaves to events, clips and the outbox on a disk of `total_bytes`: it stops instead."""
    return min(_LAST_BYTES, total_bytes // _LAST_PARTS)


def expendable(kept: Iterable[Kept], now_s: float) -> list[Kept]:
    """What may go where room is needed, least valuable first."""
    return sorted((one for one in kept if one.may_go(now_s)), key=lambda one: _value(one, now_s))


def expired(kept: Iterable[Kept], now_s: float, trusted_s: float) -> list[Kept]:
    """What is past its retention, in the written order.

    trusted_s: for how long the wall clock has not been set. Short retentions don't wait: there is little to lose.
    """
    trusted = trusted_s >= TRUSTED_AFTER_S
    past = [one for one in kept if not one.spared and one.is_expired(now_s)]
    going = [one for one in past if trusted or one.retention_s < TRUSTED_AFTER_S]
    return sorted(going, key=lambda one: _value(one, now_s))


def to_delete(
    kept: Iterable[Kept], budgets: Mapping[str, int], lacking_bytes: int, now_s: float, trusted_s: float
) -> list[Kept]:
    """What is to be deleted now, in this order; the same list whatever the order of `kept`.

    budgets: bytes that a camera may keep; one that isn't named has no limit. lacking_bytes: to be freed on the disk.
    """
    everything = list(kept)
    going = expired(everything, now_s, trusted_s)
    gone = {one.name for one in going}
    left = [one for one in expendable(everything, now_s) if one.name not in gone]
    for camera in sorted(budgets):
        stored = sum(one.bytes for one in everything if one.camera == camera and one.name not in gone)
        over = _until(stored - budgets[camera], (one for one in left if one.camera == camera))
        going += over
        gone |= {one.name for one in over}
    freed = sum(one.bytes for one in going)
    return going + _until(lacking_bytes - freed, (one for one in left if one.name not in gone))


def _until(lacking_bytes: int, candidates: Iterable[Kept]) -> list[Kept]:
    taken: list[Kept] = []
    for one in candidates:
        if lacking_bytes <= 0:
            break
        taken.append(one)
        lacking_bytes -= one.bytes
    return taken


def _value(one: Kept, now_s: float) -> tuple[bool, bool, float, str]:
    is_past = one.begins_at_s <= now_s  # what bears a later time was made before the clock was set back: it is older
    return one.kind != "continuous", is_past, one.begins_at_s, one.name
