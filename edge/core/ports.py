"""What the core and the pipeline ask of the outside world. Each adapter implements one of these."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.core.detect.canvas import Tile
from edge.core.frame import Frame


class Clock(Protocol):
    """The only source of time and of waiting."""

    def wall_s(self) -> float:
        """UTC seconds since 1970."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards; origin unspecified."""
        ...


class Detector(Protocol):
    """Finds people in an input that pieces of frames are laid into."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the input in pixels."""
        ...

    def lay_in(self, frame: Frame, tile: Tile) -> None:
        """Shows the network the part of `frame` that `tile` says, where it says."""
        ...

    def run(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """People in all that is laid in: boxes (n, 4) xyxy in pixels of the input, and scores (n,)."""
        ...

    def clear(self) -> None:
        """Takes all pieces out."""
        ...
