"""People found in one frame, as a struct of arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """People in one frame; row i of each array is one person.

    xyxy: (n, 4) float32, left, top, right, bottom in the frame's own pixels.
    confidence: (n,) float32 in 0..1.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.xyxy.shape != (len(self.confidence), 4):
            raise ValueError(f"xyxy {self.xyxy.shape} does not fit confidence {self.confidence.shape}")

    def __len__(self) -> int:
        return len(self.confidence)

    @classmethod
    def empty(cls) -> "Detections":
        """Nobody."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    def select(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "Detections":
        """The rows that `index` (a mask or row numbers) names."""
        return Detections(self.xyxy[index], self.confidence[index])
