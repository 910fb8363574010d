"""One tracker identity, as it stands after a frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What the tracker knows of one identity after one frame.

    track_id: from 1, unique within one tracker instance, never reused.
    xyxy: (4,) float32, left, top, right, bottom in the frame's pixels; the detection's box where one was matched,
        the predicted one while coasting.
    confidence: of the last matched detection, 0..1.
    velocity_px_s: (2,) float32, of the box's centre, right and down positive.
    first_seen_s, last_seen_s: media seconds of the first and the last matched detection.
    detected: whether a detection was matched in this very frame.
    appearance: (bins,) float32 colour histogram of the last confident box, sums to 1; None where none was measured.
    """

    track_id: int
    xyxy: NDArray[np.float32]
    confidence: float
    velocity_px_s: NDArray[np.float32]
    first_seen_s: float
    last_seen_s: float
    detected: bool
    appearance: NDArray[np.float32] | None = None

    @property
    def footpoint(self) -> tuple[float, float]:
        """Middle of the box's lower edge, pixels."""
        return float(self.xyxy[0] + self.xyxy[2]) / 2, float(self.xyxy[3])


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Everybody who can be found in the next frame, told or not.

    xyxy: (n, 4) where they are expected, in the frame's pixels. unseen_s: (n,) media seconds since each was seen.
    """

    xyxy: NDArray[np.float64]
    unseen_s: NDArray[np.float64]
