"""Whether a box keeps up with a camera: how many of its frames are looked at. Pure."""

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 10.0
_FIRST_S = 2.0  # before this nothing can be said
BEHIND, ABREAST = 0.05, 0.01  # shares of lost frames past which a box is behind, and under which it has caught up


@dataclass(slots=True)
class Workload:
    """Of the last ten seconds. behind: the box could not keep up with this camera."""

    fps: float = 0.0
    wanted_fps: float = 0.0
    behind: bool = False
    _counts: deque[tuple[float, int, int]] = field(default_factory=deque)

    def note(self, now_s: float, taken: int, lost: int) -> None:
        """taken, lost: frames so far that were looked at, and that a newer one replaced before their turn."""
        self._counts.append((now_s, taken, lost))
        while now_s - self._counts[0][0] > WINDOW_S:
            self._counts.popleft()
        since_s, taken_before, lost_before = self._counts[0]
        if now_s - since_s < _FIRST_S:
            return
        taken, lost = taken - taken_before, lost - lost_before
        self.fps, self.wanted_fps = (round(count / (now_s - since_s), 1) for count in (taken, taken + lost))
        share = lost / max(1, taken + lost)
        telling = now_s - since_s > WINDOW_S / 2 and lost > 1  # a hiccup of one frame is no load
        self.behind = share > (ABREAST if self.behind else BEHIND) and (telling or self.behind)
