"""Between the reader threads and the vision thread: one place for each camera, the newest frame wins."""

import threading
from collections.abc import Callable, Container

from edge.core.frame import Frame


class Mailbox:
    """Holds at most one frame of each camera. Frames that a newer one replaced are counted, not queued."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._frames: dict[str, Frame] = {}  # in the order of arrival: a camera that waits longest comes first
        self._dropped: dict[str, int] = {}

    def put(self, frame: Frame) -> None:
        """Leaves a frame; one of the same camera that was not fetched yet is dropped, and keeps its turn."""
        with self._ready:
            if frame.camera in self._frames:
                self._dropped[frame.camera] = self._dropped.get(frame.camera, 0) + 1
            self._frames[frame.camera] = frame
            self._ready.notify()

    def take(
        self, timeout_s: float, rank: Callable[[Frame], int] = lambda _: 0, busy: Container[str] = ()
    ) -> Frame | None:
        """The frame of least rank, of those the one whose camera waits longest.

        busy: cameras whose frames stay where they are. None where no frame came within `timeout_s`, and at once where
        those that are here are all of busy cameras.
        """
        with self._ready:
            self._ready.wait_for(lambda: bool(self._frames), timeout_s)
            free = [frame for camera, frame in self._frames.items() if camera not in busy]
            return self._frames.pop(min(free, key=rank).camera) if free else None

    def dropped(self, camera: str) -> int:
        """Frames of `camera` dropped so far."""
        with self._ready:
            return self._dropped.get(camera, 0)
