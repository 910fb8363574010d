"""Alarms about cameras in a worker that can't look for people: who covers a lens then rings all the same.

The clips and pictures that are owed are made, too; of people there is nothing new.
"""

import logging
import sqlite3
import threading
from functools import partial

from edge.adapters.outbox_rows import is_damage
from edge.adapters.segment_index import is_sound
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.app.alarm_desk import AlarmDesk
from edge.app.clip_desk import ClipDesk
from edge.app.node_folder import index_path
from edge.app.recorded_cameras import RecordedCameras
from edge.app.worker import track_log
from edge.app.worker_process import OutboxReady
from edge.config.schema import EdgeConfig

log = logging.getLogger(__name__)

STOP_S = 2.0


class LensDesk:
    """From its making to `end`. For one thread."""

    def __init__(self, config: EdgeConfig, cameras: RecordedCameras, ready: OutboxReady) -> None:
        """Raises OSError, OutboxError, sqlite3.Error."""
        assert ready.path is not None
        root, clock, lines = config.node.state_dir, SystemClock(), cameras.lines
        self._outbox = SqliteOutbox(ready.path, ready.bounds, root / "evidence")
        tracks = {name: track_log(config, line.section, self._outbox) for name, line in lines.items()}
        sound = partial(is_sound, index_path(config), root)
        clips = ClipDesk(root / "evidence", self._outbox, lines, tracks, clock, sound)
        self._alarms = AlarmDesk(config.node.name, lines, self._outbox, clips, clock)
        self._fault, self._stop = "", threading.Event()
        self._thread = threading.Thread(target=clips.run, args=(self._stop,), name="clips", daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """Writes down what has begun or ended. Call it after each `health` of the lines. Raises what damage raises."""
        try:
            self._alarms.tell()
            self._fault = ""
        except (OSError, sqlite3.Error) as error:  # a full disk; they are told in the next turn
            if is_damage(error):
                raise
            if str(error) != self._fault:
                log.error("alarms of the cameras' pictures can't be written down: %s", error)
            self._fault = str(error)

    def end(self) -> None:
        """Lets go of the outbox, unless a clip is still being made: that ends with the process."""
        self._stop.set()
        self._thread.join(STOP_S)
        if not self._thread.is_alive():
            self._outbox.close()
