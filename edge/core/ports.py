"""What the core and the pipeline ask of the outside world. Each adapter implements one of these."""

from typing import Protocol

from edge.core.detection import Detections
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
    """Finds people in a frame."""

    def detect(self, frame: Frame) -> Detections:
        """People in `frame`, in the frame's own pixels, best first."""
        ...
