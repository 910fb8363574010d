"""Between the reader threads and the vision thread: one place for each camera, the newest frame wins."""

import threading

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

    def take(self, timeout_s: float) -> Frame | None:
        """The frame of the camera that waits longest; None where none came within `timeout_s`."""
        with self._ready:
            if not self._ready.wait_for(lambda: bool(self._frames), timeout_s):
                return None
            return self._frames.pop(next(iter(self._frames)))

    def dropped(self, camera: str) -> int:
        """Frames of `camera` dropped so far."""
        with self._ready:
            return self._dropped.get(camera, 0)
