"""One worker process, top to bottom: a group of cameras from RTSP to the outbox. Shares nothing with its siblings."""

import hashlib
import logging
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path

from broker.contract.messages import CameraHealth
from edge.adapters.checkpoint_file import CheckpointFile, checkpoint_folder
from edge.adapters.outbox_rows import OutboxBounds
from edge.adapters.processor_use import name_thread
from edge.adapters.reference_file import ReferenceFile
from edge.adapters.segment_index import is_sound
from edge.adapters.snapshot import snapshot
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock, machine_run
from edge.adapters.track_log import TrackLog
from edge.app.alarm_desk import AlarmDesk
from edge.app.build import build_pipeline
from edge.app.camera_line import CameraLine, places_of
from edge.app.clip_desk import MAX_CLIP_S, ClipDesk
from edge.app.detector import make_detector
from edge.app.event_writer import EventWriter
from edge.app.hold import hold
from edge.app.housekeeping import holds_of, index_path
from edge.app.lens_watch import LensWatch
from edge.app.work_done import FrameDone, WorkDone, WorkLog
from edge.config.schema import CameraSection, EdgeConfig
from edge.core.frame import Frame
from edge.pipeline.camera_pipeline import CameraPipeline, FrameOutcome
from edge.pipeline.mailbox import Mailbox
from edge.pipeline.scheduler import Looked, Scheduler

log = logging.getLogger(__name__)

HEALTH_S = 0.5
STILL_S = 60.0  # a fresh picture of each camera for the console
STOP_S = 2.0
LOST_S = 30.0  # a camera without pictures for so long: what is open there is closed


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """Worker to supervisor: how its cameras do, for how long its vision thread has been at one frame, what it did."""

    cameras: tuple[CameraHealth, ...]
    at_one_frame_s: float
    work: WorkDone


@dataclass(frozen=True, slots=True)
class StillTaken:
    """Worker to supervisor: a fresh picture of a camera, a JPEG. It never touches the disk, which writing wears out."""

    camera: str
    picture: bytes


@dataclass(frozen=True, slots=True)
class Stop:
    """Supervisor to worker: the node stops in good order. Where the pipe ends without it, the supervisor has died."""


@dataclass(frozen=True, slots=True)
class TakeStill:
    """Supervisor to worker: take a picture of this camera now."""

    camera: str


def outbox_path(config: EdgeConfig) -> Path:
    """Where the node's outbox lives."""
    return config.node.state_dir / "outbox.sqlite"


def outbox_bounds(config: EdgeConfig) -> OutboxBounds:
    """How much may wait in it."""
    section = config.outbox
    return OutboxBounds(
        section.max_rows, section.max_message_bytes, section.max_file_bytes, section.max_days * 86_400.0
    )


def references_folder(config: EdgeConfig) -> Path:
    """Where the cameras' reference views lie."""
    return config.node.state_dir / "references"


def run_worker(config: EdgeConfig, names: Sequence[str], parent: Connection) -> None:
    """The whole life of a worker process: watches the cameras `names` until the supervisor says stop, or is gone."""
    logging.basicConfig(format="%(asctime)s worker %(levelname)s %(message)s", level=logging.INFO)
    threading.excepthook = _end_with_thread
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C and some stops reach all; the supervisor decides
        signal.signal(number, signal.SIG_IGN)
    with hold(workers_folder(config) / names[0]):
        if _is_wanted(parent):
            Worker(config, names, parent).run()


def _end_with_thread(bug: threading.ExceptHookArgs) -> None:
    """A thread that dies, whichever, takes the process with it: the supervisor starts it anew, rows on disk survive."""
    name = bug.thread.name if bug.thread else "?"
    log.critical("thread %s ended by a bug; the worker restarts", name, exc_info=bug.exc_value)
    os._exit(70)


def workers_folder(config: EdgeConfig) -> Path:
    """Where each worker holds a file while it lives."""
    return config.node.state_dir / "workers"


def _named(name: str, work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        name_thread(name)
        work()

    return run


def _is_wanted(parent: Connection) -> bool:
    """Whether the supervisor is there; it may have died while this process was starting."""
    try:
        return not (parent.poll() and isinstance(parent.recv(), Stop))
    except (EOFError, OSError):
        return False


class Worker:
    """Builds everything a group of cameras needs, in the order in which a frame meets it."""

    def __init__(self, config: EdgeConfig, names: Sequence[str], parent: Connection) -> None:
        self._parent, self._clock, self._stop = parent, SystemClock(), threading.Event()
        self._mailbox, self._work = Mailbox(), WorkLog()
        self._outbox = SqliteOutbox(outbox_path(config), outbox_bounds(config))
        self._detector, entry = make_detector(config.detector)
        self._scheduler = Scheduler(self._detector)
        sections = [section for section in config.cameras if section.name in names]
        self._lines: dict[str, CameraLine] = {}
        self._pipelines: dict[str, CameraPipeline] = {}
        self._tracks: dict[str, TrackLog] = {}
        for section in sections:
            self._add_camera(config, section)
        self._writers = {section.name: self._writer(config, section, entry.name) for section in sections}
        for name, writer in self._writers.items():
            self._tracks[name].begin(writer.resume(LOST_S))
        root = config.node.state_dir
        sound = partial(is_sound, index_path(config), root)
        self._clips = ClipDesk(root / "evidence", self._outbox, self._lines, self._tracks, self._clock, sound)
        self._alarms = AlarmDesk(config.node.name, self._lines, self._outbox, self._clips, self._clock)
        self._watched_at_s = self._clock.monotonic_s()
        self._told_to_stop = False
        self._lens_fault = ""

    def _add_camera(self, config: EdgeConfig, section: CameraSection) -> None:
        name, state_dir = section.name, config.node.state_dir
        holds = holds_of(config)

        def needed() -> list[tuple[float, float]]:
            return self._outbox.clip_spans(name, section.recording.pre_s, MAX_CLIP_S)

        def needed_since_s() -> float | None:
            return min((from_s for from_s, _ in needed()), default=None)

        def protected() -> list[tuple[float, float]]:
            try:
                return [*needed(), *holds.read().spans.get(name, ())]
            except (OSError, sqlite3.Error) as error:  # recording goes on, and deletes nothing that might be held
                log.error("camera %s: it can't be known what is held (%s); nothing is deleted", name, error)
                return [(0.0, float("inf"))]

        lens = LensWatch(name, ReferenceFile(references_folder(config), name), places_of(section))
        recordings = state_dir / "recordings" / name
        self._lines[name] = CameraLine(section, recordings, self._mailbox, self._clock, protected, lens)
        self._pipelines[name] = build_pipeline(
            config.node.name, config.node.timezone, section, self._detector.input_size
        )
        longest_s = MAX_CLIP_S + 2 * section.recording.post_s + 30
        self._tracks[name] = TrackLog(state_dir / "tracks" / name, longest_s, needed_since_s)

    def _writer(self, config: EdgeConfig, section: CameraSection, model: str) -> EventWriter:
        node = f"{machine_run()} {version('gatehouse')} {config.node.name} {config.node.timezone}"
        settings = f"{node} {section.model_dump_json()}"
        names = [camera.name for camera in config.cameras]
        folder = checkpoint_folder(config.node.state_dir, names, self._clock.wall_s())
        checkpoints = CheckpointFile(folder, section.name, hashlib.sha256(settings.encode()).hexdigest())
        pipeline, recording = self._pipelines[section.name], section.recording
        return EventWriter(section.name, pipeline, self._outbox, checkpoints, recording, self._clock, model)

    def run(self) -> None:
        """Works until the supervisor says stop, or dies: then another node may go on with what is open here."""
        threads = [thread for line in self._lines.values() for thread in line.threads(self._stop)]
        threads.append(threading.Thread(target=_named("vision", self._watch), name="vision"))
        threads.append(threading.Thread(target=_named("clips", lambda: self._clips.run(self._stop)), name="clips"))
        for thread in threads:
            thread.daemon = True  # a thread stuck in libav must not hold up the stop
            thread.start()
        self._serve_parent()
        self._stop.set()
        gone_by_s = self._clock.monotonic_s() + STOP_S
        for thread in reversed(threads):  # what is written down first; a camera that says nothing holds up its reader
            thread.join(max(0.0, gone_by_s - self._clock.monotonic_s()))
        for line in self._lines.values():
            line.recorder.close()
        self._outbox.close()

    def _watch(self) -> None:
        """The vision thread: one frame after the other, what is to be looked at in them packed together."""
        scheduler = self._scheduler
        while not self._stop.is_set():
            wait_s = scheduler.due_in_s(self._clock.monotonic_s()) if scheduler.waiting else 0.5
            frame = self._mailbox.take(wait_s, self._rank, scheduler.waiting)
            now_s = self._clock.monotonic_s()
            if frame is not None and self._writers[frame.camera].goes_on_with(frame.media_s):
                look = self._pipelines[frame.camera].where_to_look(frame)
                self._follow(scheduler.add(frame, look, now_s))
            # Without a frame: the wait is over, or a camera that waits has a newer one, so the box is behind.
            if frame is None or len(scheduler.waiting) == len(self._lines) or not scheduler.due_in_s(now_s):
                self._follow(scheduler.run())
            for name, line in self._lines.items():
                if line.silent_s > LOST_S:
                    self._writers[name].close("camera_lost")
            self._watched_at_s = self._clock.monotonic_s()
        for name, writer in self._writers.items():
            if self._told_to_stop:
                writer.end()
            self._tracks[name].close()

    def _rank(self, frame: Frame) -> int:
        return self._pipelines[frame.camera].rank(frame)

    def _follow(self, looked: list[Looked]) -> None:
        for one in looked:
            outcome = self._pipelines[one.frame.camera].follow(one)
            self._lines[one.frame.camera].followed(one.frame)
            pipeline = self._pipelines[one.frame.camera]
            self._lines[one.frame.camera].rest(pipeline.idle, pipeline.vain)
            self._tracks[one.frame.camera].note(outcome.scene)
            self._write_down(outcome)
            done_s = self._clock.monotonic_s()
            self._work.note(FrameDone(one.frame.camera, one.frame.media_s, done_s, len(outcome.events)))

    def _write_down(self, outcome: FrameOutcome) -> None:
        frame, writer = outcome.frame, self._writers[outcome.frame.camera]
        busy = bool(outcome.scene.persons)
        for message in writer.write(outcome.events, frame.media_s, frame.captured_at_s, busy=busy):
            if message.state == "open":
                log.info("camera %s: %s in %s", message.camera, message.rule, message.zone)
                self._clips.opened(message, frame)

    def _serve_parent(self) -> None:
        """Reports health and takes orders until the pipe ends: the supervisor has died or wants this worker to stop."""
        still_due_s = {name: self._clock.monotonic_s() + 1.0 for name in self._lines}
        report_due_s = 0.0
        try:
            while True:
                now_s = self._clock.monotonic_s()
                if now_s >= report_due_s:
                    cameras = tuple(line.health() for line in self._lines.values())
                    self._parent.send(WorkerReport(cameras, now_s - self._watched_at_s, self._work_done()))
                    report_due_s = now_s + HEALTH_S
                    self._tend_lenses()
                for name, due_s in still_due_s.items():
                    if now_s >= due_s and self._take_still(name):
                        still_due_s[name] = now_s + STILL_S
                if self._parent.poll(0.5):
                    order = self._parent.recv()
                    if isinstance(order, Stop):
                        self._told_to_stop = True
                        return
                    if isinstance(order, TakeStill) and order.camera in still_due_s:
                        still_due_s[order.camera] = 0.0
        except (EOFError, OSError):
            return

    def _tend_lenses(self) -> None:
        try:
            self._alarms.tell()
            for line in self._lines.values():
                line.lens.take_anew_if_ordered()
            self._lens_fault = ""
        except (OSError, sqlite3.Error) as error:  # a full disk; they are told in the next turn
            if str(error) != self._lens_fault:
                log.error("alarms of the cameras' pictures can't be written down: %s", error)
            self._lens_fault = str(error)

    def _work_done(self) -> WorkDone:
        offsets = {name: line.camera_clock_offset_s for name, line in self._lines.items()}
        return WorkDone(os.getpid(), self._work.take(), self._scheduler.inferences, self._scheduler.fill_sum, offsets)

    def _take_still(self, name: str) -> bool:
        line = self._lines[name]
        frame = line.latest
        if frame is None or line.silent_s > line.section.stall_s:
            return False
        self._parent.send(StillTaken(name, snapshot(frame)))
        return True
