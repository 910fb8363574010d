"""One worker process, top to bottom: a group of cameras from RTSP to the outbox. Shares nothing with its siblings."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from broker.contract.messages import CameraHealth, EventMessage
from edge.adapters.snapshot import snapshot
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.app.build import build_pipeline
from edge.app.camera_line import CameraLine
from edge.app.clip_desk import MAX_CLIP_S, ClipDesk
from edge.app.detector import make_detector
from edge.app.orphans import close_orphans
from edge.config.schema import EdgeConfig
from edge.core.events import Closing, Event
from edge.pipeline.camera_pipeline import CameraPipeline, FrameOutcome
from edge.pipeline.mailbox import Mailbox
from edge.pipeline.track_log import TrackLog
from edge.pipeline.wire import event_message

log = logging.getLogger(__name__)

HEALTH_S = 0.5
STILL_S = 60.0  # a fresh picture of each camera for the console
LOST_S = 30.0  # a camera without pictures for so long: what is open there is closed


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """Worker to supervisor: how its cameras do."""

    cameras: tuple[CameraHealth, ...]


@dataclass(frozen=True, slots=True)
class StillTaken:
    """Worker to supervisor: a fresh picture of a camera lies at `path`."""

    camera: str
    path: Path


@dataclass(frozen=True, slots=True)
class TakeStill:
    """Supervisor to worker: take a picture of this camera now."""

    camera: str


def outbox_path(config: EdgeConfig) -> Path:
    """Where the node's outbox lives."""
    return config.node.state_dir / "outbox.sqlite"


def run_worker(config: EdgeConfig, names: Sequence[str], parent: Connection) -> None:
    """The whole life of a worker process: watches the cameras `names` until the supervisor is gone or says so."""
    logging.basicConfig(format="%(asctime)s worker %(levelname)s %(message)s", level=logging.INFO)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    Worker(config, names, parent).run()


class Worker:
    """Builds everything a group of cameras needs, in the order in which a frame meets it."""

    def __init__(self, config: EdgeConfig, names: Sequence[str], parent: Connection) -> None:
        self._parent, self._clock, self._stop = parent, SystemClock(), threading.Event()
        self._mailbox = Mailbox()
        self._outbox = SqliteOutbox(outbox_path(config))
        self._detector, entry = make_detector(config.detector)
        self._model = entry.name
        self._stills = config.node.state_dir / "stills"
        self._stills.mkdir(parents=True, exist_ok=True)
        sections = [section for section in config.cameras if section.name in names]
        self._lines: dict[str, CameraLine] = {}
        self._pipelines: dict[str, CameraPipeline] = {}
        self._tracks: dict[str, TrackLog] = {}
        for section in sections:
            folder = config.node.state_dir / "recordings" / section.name
            protected = self._still_needed(section.name)
            self._lines[section.name] = CameraLine(section, folder, self._mailbox, self._clock, protected)
            self._pipelines[section.name] = build_pipeline(
                config.node.name, config.node.timezone, section, self._detector
            )
            self._tracks[section.name] = TrackLog(MAX_CLIP_S + 2 * section.recording.post_s + 30)
        self._clips = ClipDesk(config.node.state_dir / "evidence", self._outbox, self._lines, self._tracks, self._clock)

    def _still_needed(self, camera: str) -> Callable[[], list[tuple[float, float]]]:
        def spans() -> list[tuple[float, float]]:
            earliest_s = self._outbox.earliest_clip_s(camera)
            return [] if earliest_s is None else [(earliest_s, float("inf"))]

        return spans

    def run(self) -> None:
        """Works until the supervisor closes its end of the pipe, or dies."""
        close_orphans(self._outbox, self._lines, self._clock.wall_s())
        threads = [thread for line in self._lines.values() for thread in line.threads(self._stop)]
        threads.append(threading.Thread(target=self._guarded(self._watch), name="vision"))
        threads.append(threading.Thread(target=self._guarded(lambda: self._clips.run(self._stop)), name="clips"))
        for thread in threads:
            thread.daemon = True  # a thread stuck in libav must not hold up the stop
            thread.start()
        self._serve_parent()
        self._stop.set()
        for thread in threads:
            thread.join(timeout=2.0)
        for line in self._lines.values():
            line.recorder.close()
        self._outbox.close()

    def _guarded(self, work: Callable[[], None]) -> Callable[[], None]:
        """A thread that dies takes the process with it: the supervisor starts both anew, rows on disk survive."""

        def run() -> None:
            try:
                work()
            except Exception:
                log.exception("thread %s ended by a bug; the worker restarts", threading.current_thread().name)
                os._exit(70)

        return run

    def _watch(self) -> None:
        """The vision thread: one frame after the other, of whichever camera has waited longest."""
        while not self._stop.is_set():
            frame = self._mailbox.take(timeout_s=0.5)
            if frame is not None:
                outcome = self._pipelines[frame.camera].process_frame(frame)
                self._tracks[frame.camera].note(outcome.scene)
                self._write_down(outcome)
            self._close_lost_cameras()
        for name in self._lines:
            self._close_events(name, "restart")

    def _write_down(self, outcome: FrameOutcome) -> None:
        for event in outcome.events:
            message = self._put(event)
            if event.state == "open":
                log.info("camera %s: %s in %s", event.camera, event.rule, event.zone)
                self._clips.opened(message, outcome.frame)

    def _put(self, event: Event) -> EventMessage:
        message = event_message(event, self._model)
        self._outbox.put_event(message, self._clock.wall_s(), self._clips.job_for(event))
        return message

    def _close_lost_cameras(self) -> None:
        for name, line in self._lines.items():
            if line.silent_s > LOST_S:
                self._close_events(name, "camera_lost")

    def _close_events(self, name: str, because: Closing) -> None:
        latest = self._lines[name].latest
        if latest is not None:
            for event in self._pipelines[name].close(because, latest.media_s, latest.captured_at_s):
                self._put(event)

    def _serve_parent(self) -> None:
        """Reports health and takes orders until the pipe ends: the supervisor has died or wants this worker to stop."""
        still_due_s = {name: self._clock.monotonic_s() + 1.0 for name in self._lines}
        report_due_s = 0.0
        try:
            while True:
                now_s = self._clock.monotonic_s()
                if now_s >= report_due_s:
                    self._parent.send(WorkerReport(tuple(line.health() for line in self._lines.values())))
                    report_due_s = now_s + HEALTH_S
                for name, due_s in still_due_s.items():
                    if now_s >= due_s and self._take_still(name):
                        still_due_s[name] = now_s + STILL_S
                if self._parent.poll(0.5):
                    order = self._parent.recv()
                    if isinstance(order, TakeStill) and order.camera in still_due_s:
                        still_due_s[order.camera] = 0.0
        except (EOFError, OSError):
            return

    def _take_still(self, name: str) -> bool:
        line = self._lines[name]
        frame = line.latest
        if frame is None or line.silent_s > line.section.stall_s:
            return False
        path = self._stills / f"{name}.jpg"
        part = path.with_suffix(".part")
        part.write_bytes(snapshot(frame))
        part.replace(path)
        self._parent.send(StillTaken(name, path))
        return True
