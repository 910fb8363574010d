"""READ THIS FIRST: what happens to one frame of one camera, stop by stop."""

from dataclasses import dataclass

from edge.core.appearance import histograms
from edge.core.detection import Detections
from edge.core.events import Closing, Event
from edge.core.frame import Frame
from edge.core.ports import Detector
from edge.core.scene import Scene
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch


@dataclass(frozen=True, slots=True, eq=False)
class FrameOutcome:
    """What one frame led to; the events are new revisions, oldest first."""

    frame: Frame
    detections: Detections
    scene: Scene
    events: tuple[Event, ...]


class CameraPipeline:
    """One camera behind its decoder. Live cameras and replayed files go through the very same object."""

    def __init__(self, detector: Detector, tracker: Tracker, watch: CameraWatch) -> None:
        self._detector, self._tracker, self._watch = detector, tracker, watch

    @property
    def state(self) -> tuple[Tracker, CameraWatch]:
        """All that the chain behind the detector knows; the live objects, so write them down before the next frame."""
        return self._tracker, self._watch

    @property
    def open_events(self) -> tuple[Event, ...]:
        """The last told revision of each open event."""
        return self._watch.open_events

    def resume(self, tracker: Tracker, watch: CameraWatch) -> None:
        """Goes on where another pipeline of the same camera and configuration stood."""
        self._tracker, self._watch = tracker, watch

    def process_frame(self, frame: Frame) -> FrameOutcome:
        """Detect, track, place, judge, shape. Frames must come in the order of their media time."""
        detections = self._detector.detect(frame)
        clothes = histograms(frame, detections.xyxy)
        tracks = self._tracker.update(detections, frame.media_s, clothes)
        size = (frame.width, frame.height)
        result = self._watch.update(tracks, size, frame.media_s, frame.captured_at_s)
        return FrameOutcome(frame, detections, result.scene, result.events)

    def close(self, because: Closing, media_s: float, captured_at_s: float) -> tuple[Event, ...]:
        """Closes what is open, for a camera that is lost or a node that stops; nothing can be said of its people."""
        return tuple(self._watch.close(because, media_s, captured_at_s))
