"""How a frame is laid into a network's input, and its exact inverse. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A frame of `frame_width` x `frame_height` shrunk (or grown) into the top left corner of an input, shape kept.

    The picture covers `width` x `height` pixels of the input, both even, so that half-size chroma planes fit exactly.
    """

    frame_width: int
    frame_height: int
    width: int
    height: int

    @classmethod
    def fit(cls, frame_size: tuple[int, int], input_size: tuple[int, int]) -> "Letterbox":
        """The largest one of that shape. Sizes are (width, height) in pixels."""
        scale = min(input_size[0] / frame_size[0], input_size[1] / frame_size[1])
        width, height = (
            min(limit - limit % 2, max(2, round(side * scale / 2) * 2))
            for side, limit in zip(frame_size, input_size, strict=True)
        )
        return cls(*frame_size, width, height)

    def to_input(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) boxes in frame pixels -> input pixels."""
        return (xyxy * self._scales()).astype(np.float32)

    def to_frame(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) boxes in input pixels -> frame pixels, cut off at the frame's borders."""
        boxes = xyxy / self._scales()
        limits = np.array([self.frame_width, self.frame_height] * 2, np.float64)
        return np.clip(boxes, 0.0, limits).astype(np.float32)

    def _scales(self) -> NDArray[np.float64]:
        return np.array([self.width / self.frame_width, self.height / self.frame_height] * 2, np.float64)
