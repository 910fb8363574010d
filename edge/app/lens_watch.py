"""One camera's integrity at work: looks at its pictures, keeps its reference, says what is wrong."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.adapters.reference_file import ReferenceFile
from edge.adapters.small_picture import small_picture
from edge.adapters.snapshot import SnapshotError, snapshot
from edge.core.frame import Frame
from edge.core.geometry import Polygon
from edge.core.integrity.camera import CameraIntegrity
from edge.core.integrity.faults import CameraFault
from edge.core.integrity.place import PlaceFault
from edge.core.integrity.reference import LIGHTS, Light

log = logging.getLogger(__name__)

EVERY_S = 1.0
KEEP_S = 6 * 3600.0  # between two times that the view, which follows shadows and trees, goes onto the disk


@dataclass(frozen=True, slots=True)
class PlaceReport:
    """What keeps the rules of a zone or line from seeing, and since when (UTC seconds)."""

    fault: PlaceFault
    since_at_s: float


@dataclass(frozen=True, slots=True)
class LensReport:
    """fault: None while it sees. since_at_s: UTC seconds. sure_s: for how long nothing has spoken for any fault."""

    fault: CameraFault | None = None
    since_at_s: float = 0.0
    sure_s: float = 0.0
    places: Mapping[str, PlaceReport] = field(default_factory=dict)  # zones and lines that can't be seen
    others: tuple[tuple[CameraFault, float], ...] = ()  # that stand beside it, and since when


class LensWatch:
    """One camera's. `see` belongs to the thread that decodes, the rest to any."""

    def __init__(self, camera: str, file: ReferenceFile, places: Mapping[str, Polygon] | None = None) -> None:
        """places: the camera's zones and lines by name, as fractions of the picture."""
        self._camera, self._file, self._places = camera, file, places or {}
        self._integrity = CameraIntegrity(file.load(), self._places)
        self._anew = threading.Event()
        self._due_s = float("-inf")
        self._keep_due_s: float | None = None
        self._sure_since_s: float | None = None
        self.damaged = False  # the stream: its pictures say nothing of the lens
        self.report = LensReport()

    def see(self, frame: Frame) -> None:
        """A decoded frame; about one a second is looked at."""
        if frame.media_s < self._due_s:
            return
        self._due_s = frame.media_s + EVERY_S
        if self.damaged:
            self._sure_since_s = None
            return
        if self._anew.is_set():
            self._anew.clear()
            self._integrity = CameraIntegrity(None, self._places)
        state = self._integrity.update(small_picture(frame))
        self._keep_learnt(frame)
        if self._integrity.doubtful:
            self._sure_since_s = None
        elif self._sure_since_s is None:
            self._sure_since_s = frame.media_s
        sure_s = frame.media_s - self._sure_since_s if self._sure_since_s is not None else 0.0
        since_at_s = frame.captured_at_s - (frame.media_s - state.began_s)
        if state.fault != self.report.fault:
            told = state.fault.sentence if state.fault else "it sees again"
            log.warning("camera %s: %s (%s)", self._camera, told, state.fault.code if state.fault else "sees")
        else:
            since_at_s = self.report.since_at_s or since_at_s
        offset_s = frame.captured_at_s - frame.media_s
        others = [(fault, began_s + offset_s) for fault, began_s in self._integrity.told if fault is not state.fault]
        self.report = LensReport(state.fault, since_at_s, sure_s, self._unseen(frame), tuple(others))

    @property
    def light(self) -> Light:
        """Of the last good picture."""
        return self._integrity.light

    def _unseen(self, frame: Frame) -> dict[str, PlaceReport]:
        offset_s = frame.captured_at_s - frame.media_s
        told = self.report.places
        return {
            name: told[name]
            if name in told and told[name].fault == place.fault
            else PlaceReport(place.fault, place.began_s + offset_s)
            for name, place in self._integrity.places.items()
            if place.fault is not None
        }

    def take_anew_if_ordered(self) -> None:
        """Learns the view anew where an installer has asked for it. Raises OSError."""
        if self._file.forget_if_ordered():
            log.info("camera %s: its view is taken anew", self._camera)
            self._anew.set()

    def view_before(self) -> tuple[bytes, float] | None:
        """The reference view as JPEG and when it was taken (UTC seconds), in the light of the last good picture."""
        return self._file.picture(self._integrity.light)

    def _keep_learnt(self, frame: Frame) -> None:
        """A view that has just been learnt goes onto the disk, with the picture that people will compare with."""
        learnt, reference = self._integrity.learnt, self._integrity.reference
        if self._keep_due_s is None:
            self._keep_due_s = frame.media_s + KEEP_S
        due = frame.media_s >= self._keep_due_s and not self._integrity.doubtful
        if learnt is None and not due:
            return
        self._keep_due_s = frame.media_s + KEEP_S
        try:
            for light in LIGHTS:
                view = reference.of(light)
                if view is not None:
                    self._file.save(light, view, snapshot(frame) if light == learnt else None)
        except (OSError, SnapshotError) as error:
            log.warning(
                "camera %s: its view can't be kept (%s): after a restart it is learnt again", self._camera, error
            )
