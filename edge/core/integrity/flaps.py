"""A fault that comes and goes: the more often it came back, the longer it must stay away to be believed gone. Pure."""

CALM_S = 3600.0  # without the fault for so long, and it is one like any other again
_FIRST_WAIT_S, _LONGEST_WAIT_S = 300.0, 1800.0


class Flaps:
    """Of one group of faults of one camera. Times are seconds of any clock that does not run backwards."""

    def __init__(self) -> None:
        self.times = 0  # it has come, without an hour of calm in between
        self.last_s = float("-inf")  # when it was there last
        self._there = False

    def note(self, there: bool, now_s: float) -> bool:
        """Whether the fault is there now; returns whether it has just come."""
        came = there and not self._there
        if came:
            self.times = 1 if now_s - self.last_s > CALM_S else self.times + 1
        if there:
            self.last_s = now_s
        self._there = there
        return came

    @property
    def wait_s(self) -> float:
        """For so long it must stay away: not at all the first time."""
        return 0.0 if self.times < 2 else min(_FIRST_WAIT_S * 2 ** min(self.times - 2, 8), _LONGEST_WAIT_S)

    def is_over(self, now_s: float) -> bool:
        """Whether it has stayed away for long enough."""
        return now_s - self.last_s >= self.wait_s
