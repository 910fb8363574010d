"""How far a node's wall clock may be ahead of the truth: no age that only a wrong clock gives deletes anything. Pure.

Believed is what the console's clock agrees with. Where it is not heard, a leap ahead is believed only after a week.
"""

from dataclasses import dataclass

AGREES_S = 300.0  # messages are on their way for seconds; what is kept for days needs no more
LEAP_S = 60.0
LONG_OFF_S = 86_400.0  # a node that was off for longer, or whose clock is wrong since its start
UNCONFIRMED_S = 7 * 86_400.0
PLAUSIBLE_AT_S = 1.75e9  # what says that it is earlier has no clock: Gatehouse is younger


def is_wrong(wall_s: float, console_s: float | None, begins_at_s: float | None) -> bool:
    """Whether a node's clock can't be the right one, in either direction, so that nobody goes by hours that it tells.

    wall_s, console_s: as for `ClockDoubt.note`. begins_at_s: what the console's calendar begins with, UTC seconds, for
    it never sends one of later weeks; None: there is none.
    """
    early = wall_s < max(PLAUSIBLE_AT_S, (begins_at_s or 0.0) - AGREES_S)
    return early or (console_s is not None and abs(wall_s - console_s) > AGREES_S)


@dataclass(frozen=True, slots=True)
class Leap:
    """What is doubted, for the next life of the process: a restart makes no clock right.

    leapt_s: seconds by which the clock may be ahead. for_s: for how long it has been doubted while the node ran.
    """

    leapt_s: float = 0.0
    for_s: float = 0.0


NO_LEAP = Leap()


class ClockDoubt:
    """One node's. Give it the clocks every minute or so."""

    def __init__(
        self, wall_s: float, monotonic_s: float, recorded_until_s: float | None, before: Leap = NO_LEAP
    ) -> None:
        """recorded_until_s: UTC seconds at which the newest recording of an earlier run ends, None without any.

        before: what that run doubted.
        """
        self._ahead_s = wall_s - monotonic_s
        self._set_at_s = monotonic_s
        self._doubted_since_s = monotonic_s - before.for_s
        off_s = 0.0 if recorded_until_s is None else wall_s - recorded_until_s
        if off_s > LONG_OFF_S:
            self._doubted_since_s = monotonic_s
        self._leapt_s = max(0.0, before.leapt_s + (off_s if off_s > LONG_OFF_S else min(off_s, 0.0)))
        self.doubt_s = self._leapt_s  # seconds; what is older by the clock may be younger by so much

    def note(self, wall_s: float, monotonic_s: float, console_s: float | None) -> float:
        """Takes in the clocks; returns by how much the wall clock was set since the last time, 0 where it was not.

        wall_s, console_s: UTC seconds by the node's and by the console's clock; None: it has not been heard.
        """
        set_s = wall_s - monotonic_s - self._ahead_s
        self._ahead_s += set_s
        if abs(set_s) <= LEAP_S:
            set_s = 0.0
        else:
            self._set_at_s = self._doubted_since_s = monotonic_s
            self._leapt_s = max(0.0, self._leapt_s + set_s)
        ahead_s = 0.0 if console_s is None else wall_s - console_s
        agrees = console_s is not None and abs(ahead_s) <= AGREES_S
        if agrees or monotonic_s - self._doubted_since_s > UNCONFIRMED_S:
            self._leapt_s = 0.0
        self.doubt_s = max(self._leapt_s, ahead_s if ahead_s > AGREES_S else 0.0)
        return set_s

    def set_s_ago(self, monotonic_s: float) -> float:
        """Seconds since the clock was set, or since the start."""
        return monotonic_s - self._set_at_s

    def leap(self, monotonic_s: float) -> Leap:
        """What the next life has to know."""
        return Leap(self._leapt_s, monotonic_s - self._doubted_since_s) if self._leapt_s else NO_LEAP
