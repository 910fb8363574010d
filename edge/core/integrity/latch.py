"""Hysteresis in time: a fault must last to be told, and its end must last to be believed."""

_LONGEST_STEP_S = 3.0  # a camera that was away has not been looked at


class Latch:
    """Charged by what speaks for a fault and discharged by what speaks against it; told from full until empty."""

    def __init__(self) -> None:
        self.told = False
        self.charge = 0.0  # 0 to 1
        self.began_s = 0.0  # media seconds at which it left 0 last
        self._last_s: float | None = None

    def update(self, push: float, media_s: float) -> bool:
        """push: charge a second. 1/20 is full after 20 s, -1/10 empty after 10 s, 0 says nothing. Returns `told`."""
        step_s = 0.0 if self._last_s is None else min(max(0.0, media_s - self._last_s), _LONGEST_STEP_S)
        if push > 0 and self.charge == 0:
            self.began_s = media_s
        self._last_s = media_s
        self.charge = min(1.0, max(0.0, self.charge + push * step_s))
        if self.charge > 1 - 1e-9:
            self.told = True
        elif self.charge == 0:
            self.told = False
        return self.told
