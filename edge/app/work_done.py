"""What a worker did, for whoever measures it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

MAX_FRAMES = 10_000  # between two reports


@dataclass(frozen=True, slots=True)
class FrameDone:
    """A frame that was analysed. media_s: when it was captured. done_s: when all it led to was on disk; both monotonic.

    event_rows: revisions of events that it led to.
    """

    camera: str
    media_s: float
    done_s: float
    event_rows: int


@dataclass(frozen=True, slots=True)
class WorkDone:
    """frames: since the last report. inferences, fill_sum: since the start; fill is the share of picture in the input.

    clock_offsets_s: of each camera, its wall clock minus this box's at its last picture; None where it tells none.
    """

    process: int
    frames: tuple[FrameDone, ...]
    inferences: int
    fill_sum: float
    clock_offsets_s: Mapping[str, float | None]


class WorkLog:
    """Collects frames in one thread, hands them out in another."""

    def __init__(self) -> None:
        self._frames: deque[FrameDone] = deque(maxlen=MAX_FRAMES)

    def note(self, frame: FrameDone) -> None:
        """Keeps a frame until the next `take`."""
        self._frames.append(frame)

    def take(self) -> tuple[FrameDone, ...]:
        """The frames since the last call."""
        return tuple(self._frames.popleft() for _ in range(len(self._frames)))
