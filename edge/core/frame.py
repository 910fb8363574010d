"""One decoded picture of one camera, with the times it was captured at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.motion import Motion


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded picture in planar YUV 4:2:0, as the decoder hands it out.

    camera: name of the camera.
    number: counts the frames of this camera that were handed on for analysis, from 0.
    media_s: seconds on the camera's own time line. Never runs backwards, also across reconnects;
        every duration in Gatehouse is a difference of two of these.
    captured_at_s: UTC seconds since 1970, for people and for evidence.
    i420: (height * 3 // 2, width) uint8, planes Y, U, V stacked; width and height are even.
    motion: what moved since the frames before; None where nobody watched for it.
    key_every_s: seconds from one key frame of its stream to the next, of late; 0 while that is not known.
    """

    camera: str
    number: int
    media_s: float
    captured_at_s: float
    i420: NDArray[np.uint8]
    motion: Motion | None = None
    key_every_s: float = 2.0

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.i420.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.i420.shape[0]) * 2 // 3

    def planes(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Views on Y (height, width), U and V (height // 2, width // 2 each), all uint8."""
        width, height = self.width, self.height
        chroma = self.i420[height:].reshape(2, height // 2, width // 2)
        return self.i420[:height], chroma[0], chroma[1]
