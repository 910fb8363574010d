"""Alarms about cameras, and the clips and pictures of whatever rings: in each worker, also where it sees no people.

Who covers a lens rings all the same where nobody can be looked for; of people there is nothing new then.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from edge.adapters.outbox_rows import is_damage
from edge.adapters.segment_index import is_sound
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.adapters.track_log import TrackLog
from edge.app.alarm_desk import AlarmDesk
from edge.app.camera_line import CameraLine
from edge.app.clip_desk import MAX_CLIP_S, ClipDesk
from edge.app.node_folder import index_path
from edge.app.orphans import end_stays
from edge.app.recorded_cameras import RecordedCameras
from edge.app.worker_process import OutboxReady
from edge.config.schema import CameraSection, EdgeConfig
from edge.core.ports import Clock

log = logging.getLogger(__name__)

STOP_S = 2.0


class LensDesk:
    """The cameras' alarms of one worker; `clips` makes the evidence, of people's events too."""

    def __init__(
        self,
        config: EdgeConfig,
        lines: Mapping[str, CameraLine],
        outbox: SqliteOutbox,
        tracks: Mapping[str, TrackLog],
        clock: Clock,
    ) -> None:
        """Raises sqlite3.Error."""
        root = config.node.state_dir
        sound = partial(is_sound, index_path(config), root)
        self._lines, self._fault = lines, ""
        self.clips = ClipDesk(root / "evidence", outbox, lines, tracks, clock, sound)
        self._alarms = AlarmDesk(config.node.name, lines, outbox, self.clips, clock)

    def tell(self) -> None:
        """Writes down what has begun or ended. Call it after each `health` of the lines. Raises what damage raises."""
        try:
            self._alarms.tell()
            for line in self._lines.values():
                line.lens.take_anew_if_ordered()
            self._fault = ""
        except (OSError, sqlite3.Error) as error:  # a full disk; they are told in the next turn
            if is_damage(error):
                raise
            if str(error) != self._fault:
                log.error("alarms of the cameras' pictures can't be written down: %s", error)
            self._fault = str(error)


@contextmanager
def without_watch(config: EdgeConfig, cameras: RecordedCameras, ready: OutboxReady) -> Iterator[LensDesk]:
    """The desk of a worker that can't look for people: their events end where they were told last.

    Raises OSError, OutboxError, sqlite3.Error.
    """
    clock, stop = SystemClock(), threading.Event()
    outbox, thread = open_outbox(config, ready), threading.Thread()
    try:
        _end_stays(outbox, cameras, clock)
        tracks = {name: track_log(config, line.section, outbox) for name, line in cameras.lines.items()}
        desk = LensDesk(config, cameras.lines, outbox, tracks, clock)
        thread = threading.Thread(target=desk.clips.run, args=(stop,), name="clips", daemon=True)
        thread.start()
        yield desk
    finally:
        stop.set()
        if thread.ident is not None:
            thread.join(STOP_S)
        if not thread.is_alive():  # a clip that is still being made ends with the process
            outbox.close()


def _end_stays(outbox: SqliteOutbox, cameras: RecordedCameras, clock: Clock) -> None:
    try:
        for name in cameras.lines:
            end_stays(outbox, name, clock.wall_s(), because="unwatched")
    except sqlite3.OperationalError as error:
        if is_damage(error):
            raise
        log.error("events that nobody watches any more can't be ended: %s; it is tried again", error)


def open_outbox(config: EdgeConfig, ready: OutboxReady) -> SqliteOutbox:
    """The outbox that the supervisor has named. Raises OutboxError."""
    assert ready.path is not None
    return SqliteOutbox(ready.path, ready.bounds, config.node.state_dir / "evidence")


def track_log(config: EdgeConfig, section: CameraSection, outbox: SqliteOutbox) -> TrackLog:
    """Of a camera: boxes for as long as a clip may need them. Raises OSError where its folder can't be made."""

    def needed_since_s() -> float | None:
        needed = outbox.clip_spans(section.name, section.recording.pre_s, MAX_CLIP_S)
        return min((from_s for from_s, _ in needed), default=None)

    longest_s = MAX_CLIP_S + 2 * section.recording.post_s + 30
    return TrackLog(config.node.state_dir / "tracks" / section.name, longest_s, needed_since_s)
