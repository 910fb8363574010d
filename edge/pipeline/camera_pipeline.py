"""READ THIS FIRST: what happens to one frame of one camera, stop by stop.

look = pipeline.where_to_look(frame)            # where in it somebody is expected, or something moved
for looked in scheduler.add(frame, look, ...):  # with the regions of other cameras, in as few inputs as it takes
    outcome = pipeline.follow(looked)           # track, place, judge, shape
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.appearance import histograms
from edge.core.calendar import NO_CALENDAR
from edge.core.detect.attention import Attention
from edge.core.detect.region import Look
from edge.core.detection import Detections
from edge.core.events import Closing, Event
from edge.core.frame import Frame
from edge.core.scene import Scene
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch
from edge.pipeline.scheduler import Looked

LONGEST_UNWATCHED_S = 2.0  # however busy the others are
IDLE_AFTER_S = 10.0  # without anybody, movement or change of light


@dataclass(frozen=True, slots=True, eq=False)
class FrameOutcome:
    """What one frame led to; the events are new revisions, oldest first."""

    frame: Frame
    detections: Detections
    scene: Scene
    events: tuple[Event, ...]


class CameraPipeline:
    """One camera around the network. Live cameras and replayed files go through the very same object."""

    def __init__(self, attention: Attention, tracker: Tracker, watch: CameraWatch) -> None:
        self._attention, self._tracker, self._watch = attention, tracker, watch
        self._stay_watched = self._peopled = False
        self._number = -1
        self._followed_s = float("-inf")
        self._busy_s = float("inf")
        self.calendar = NO_CALENDAR  # what the console orders; it may be exchanged between two frames

    @property
    def state(self) -> tuple[Tracker, CameraWatch]:
        """All that the chain behind the network knows; the live objects, so write them down before the next frame."""
        return self._tracker, self._watch

    @property
    def open_events(self) -> tuple[Event, ...]:
        """The last told revision of each open event."""
        return self._watch.open_events

    @property
    def idle(self) -> bool:
        """Whether nothing has gone on for `IDLE_AFTER_S`."""
        return self._followed_s - self._busy_s > IDLE_AFTER_S

    @property
    def vain(self) -> NDArray[np.bool_]:
        """Where in the picture movement means nothing, (rows, columns): a clock, a flag."""
        return self._attention.vain

    def resume(self, tracker: Tracker, watch: CameraWatch) -> None:
        """Goes on where another pipeline of the same camera and configuration stood."""
        self._tracker, self._watch = tracker, watch

    def rank(self, frame: Frame) -> int:
        """Which frames go first when the box can't keep up, least first.

        0: somebody stays in a zone that a rule is armed for, or nobody has looked for `LONGEST_UNWATCHED_S`.
        1: somebody is there, or something moved. 2: the rest.
        """
        if self._stay_watched or not 0 <= frame.media_s - self._followed_s < LONGEST_UNWATCHED_S:
            return 0
        return 1 if self._peopled or frame.motion is None or frame.motion.cells.any() else 2

    def where_to_look(self, frame: Frame) -> Look:
        """Where in `frame` people are to be looked for, now that its camera's last frame has been followed."""
        size, awaited = (frame.width, frame.height), self._tracker.expected(frame.media_s)
        behind, self._number = frame.number > self._number + 1, frame.number
        return self._attention.look(size, frame.media_s, frame.motion, awaited, behind=behind)

    def follow(self, looked: Looked) -> FrameOutcome:
        """Track, place, judge, shape. Frames must come in the order of their media time."""
        frame, detections = looked.frame, looked.detections
        self._attention.learn(detections.xyxy, looked.cut, (frame.width, frame.height))
        clothes = histograms(frame, detections.xyxy)
        tracks = self._tracker.update(detections, frame.media_s, clothes)
        size = (frame.width, frame.height)
        result = self._watch.update(tracks, size, frame.media_s, frame.captured_at_s, frame.motion, self.calendar)
        self._followed_s, self._stay_watched, self._peopled = frame.media_s, result.stay_watched, bool(tracks)
        still = frame.motion is not None and not frame.motion.light_changed and not frame.motion.cells.any()
        if not still or len(detections) or tracks or result.scene.persons or frame.media_s < self._busy_s:
            self._busy_s = frame.media_s
        return FrameOutcome(frame, detections, result.scene, result.events)

    def close(self, because: Closing, media_s: float, captured_at_s: float) -> tuple[Event, ...]:
        """Closes what is open, for a camera that is lost or a node that stops; nothing can be said of its people."""
        return tuple(self._watch.close(because, media_s, captured_at_s))
