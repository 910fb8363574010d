"""What one camera shows after one frame: what the rules judge."""

from dataclasses import dataclass

from edge.core.person import Person
from edge.core.stay import Stay
from edge.core.track import Track


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One camera after one frame.

    media_s: seconds on the camera's own time line. captured_at_s: UTC seconds of the same frame.
    tracks: the tracker's identities. persons: the living persons they were joined into.
    stays: the live stays of all zones. ended: stays that ended with this frame.
    frame_size: width, height in pixels.
    """

    camera: str
    media_s: float
    captured_at_s: float
    tracks: tuple[Track, ...]
    persons: tuple[Person, ...]
    stays: tuple[Stay, ...]
    ended: tuple[Stay, ...]
    frame_size: tuple[int, int]

    def stays_in(self, zone: str) -> list[Stay]:
        """Live stays of one zone, oldest first."""
        return [stay for stay in self.stays if stay.zone == zone]

    def ended_in(self, zone: str) -> list[Stay]:
        """Stays of one zone that ended with this frame."""
        return [stay for stay in self.ended if stay.zone == zone]
