"""A worker's cameras: read and recorded from its first moment to its last, whatever becomes of all that follows."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial

from edge.adapters.reference_file import ReferenceFile
from edge.app.camera_line import CameraLine, places_of
from edge.app.lens_watch import LensWatch
from edge.app.node_folder import holds_of, recordings_folder, references_folder
from edge.config.schema import CameraSection, EdgeConfig
from edge.core.ports import Clock
from edge.pipeline.mailbox import Mailbox

Spans = list[tuple[float, float]]
_ALL: Spans = [(0.0, float("inf"))]

log = logging.getLogger(__name__)


class RecordedCameras:
    """`lines` by name, from `start` to `end`; the frames to be looked at are in `mailbox`."""

    def __init__(
        self,
        config: EdgeConfig,
        names: Sequence[str],
        clock: Clock,
        made: Callable[[], object] = lambda: None,
        *,
        looks: bool = True,
    ) -> None:
        """made: called with each camera that is ready, for a folder may take a while.

        looks: whether pictures are decoded from the beginning; else from `look` on.
        Raises OSError where a password can't be read or a folder can't be made.
        """
        self.mailbox = Mailbox()
        self.clips_need: Callable[[CameraSection], Spans] | None = None  # not known yet: nothing is deleted
        self._clock, self._holds, self._stop = clock, holds_of(config), threading.Event()
        self.lines: dict[str, CameraLine] = {}
        for section in config.cameras:
            if section.name in names:
                lens = LensWatch(
                    section.name, ReferenceFile(references_folder(config), section.name), places_of(section)
                )
                folder, spared = recordings_folder(config, section.name), partial(self._spared, section)
                self.lines[section.name] = CameraLine(section, folder, self.mailbox, clock, spared, lens)
                self.lines[section.name].look(looks)
                made()
        self._readers = [thread for line in self.lines.values() for thread in line.threads(self._stop)]

    def start(self) -> None:
        """Begins to read, in threads of their own."""
        for thread in self._readers:
            thread.daemon = True  # a thread stuck in libav must not hold up the stop
            thread.start()

    def look(self) -> None:
        """Begins to decode what is recorded."""
        for line in self.lines.values():
            line.look(True)

    def end(self, within_s: float) -> None:
        """Stops reading and closes the recordings; a camera that says nothing holds up its reader no longer."""
        self._stop.set()
        gone_by_s = self._clock.monotonic_s() + within_s
        for thread in self._readers:
            thread.join(max(0.0, gone_by_s - self._clock.monotonic_s()))
        for line in self.lines.values():
            line.recorder.close()

    def _spared(self, section: CameraSection) -> Spans:
        """UTC spans of a camera's recording that may not be deleted to make room."""
        if self.clips_need is None:
            return _ALL
        try:
            return [*self.clips_need(section), *self._holds.read().spans.get(section.name, ())]
        except (OSError, sqlite3.Error) as error:  # recording goes on, and deletes nothing that might be held
            log.error("camera %s: it can't be known what is held (%s); nothing is deleted", section.name, error)
            return _ALL
