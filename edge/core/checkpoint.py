"""What a camera's chain knows after a frame, so that another process can go on from there."""

from dataclasses import dataclass

from edge.core.events import Event
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The chain behind the detector after one frame, and what that frame led to.

    life: names the run in which people were numbered first. step: counts the frames that led to events.
    events: of the last such frame; whether they are written down already, the outbox knows.
    media_s, captured_at_s: of the frame. Media seconds are the box's own, so they go on in another process.
    """

    life: int
    step: int
    events: tuple[Event, ...]
    media_s: float
    captured_at_s: float
    tracker: Tracker
    watch: CameraWatch
