"""What a worker does with its recorded cameras, top to bottom, from a frame to the outbox; shares nothing."""

import hashlib
import logging
import os
import threading
from collections.abc import Callable
from importlib.metadata import version
from multiprocessing.connection import Connection

from edge.adapters.checkpoint_file import CheckpointFile, checkpoint_folder
from edge.adapters.memory_return import MemoryReturn
from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.onnx_session import NetworkFailedError
from edge.adapters.outbox_rows import OutboxBounds
from edge.adapters.processor_use import name_thread
from edge.adapters.schedule_file import calendar_path, read_calendar
from edge.adapters.snapshot import snapshot
from edge.adapters.system_clock import SystemClock, machine_run
from edge.app.build import build_pipeline
from edge.app.clip_desk import MAX_CLIP_S
from edge.app.event_writer import EventWriter
from edge.app.former_workers import OUTLIVES_S
from edge.app.lens_desk import LensDesk, open_outbox, track_log
from edge.app.recorded_cameras import RecordedCameras
from edge.app.work_done import FrameDone, WorkDone, WorkLog
from edge.app.worker_process import OutboxReady, StillTaken, Stop, TakeCalendar, TakeStill, WorkerReport, stop_waits
from edge.config.schema import CameraSection, EdgeConfig
from edge.core.calendar import Calendar
from edge.core.frame import Frame
from edge.pipeline.camera_pipeline import CameraPipeline, FrameOutcome
from edge.pipeline.scheduler import Looked, Scheduler
from models.registry import ModelEntry

log = logging.getLogger(__name__)

HEALTH_S = 0.5
STILL_S = 60.0  # a fresh picture of each camera for the console
STOP_S = 2.0
LOST_S = 30.0  # a camera without pictures for so long: what is open there is closed


def outbox_bounds(config: EdgeConfig) -> OutboxBounds:
    """How much may wait in it."""
    section = config.outbox
    return OutboxBounds(
        section.max_rows, section.max_message_bytes, section.max_file_bytes, section.max_days * 86_400.0
    )


def _named(name: str, work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        name_thread(name)
        work()

    return run


class Worker:
    """Builds everything a group of cameras needs, in the order in which a frame meets it."""

    def __init__(
        self,
        config: EdgeConfig,
        cameras: RecordedCameras,
        network: tuple[OnnxDetector, ModelEntry],
        ready: OutboxReady,
        parent: Connection,
        asked_to_go: threading.Event,
    ) -> None:
        """asked_to_go: by the heir of a worker that has outlived its supervisor. Raises OutboxError, sqlite3.Error."""
        self._parent, self._asked_to_go, self._clock, self._stop = parent, asked_to_go, SystemClock(), threading.Event()
        self._cameras, self._lines, self._mailbox, self._work = cameras, cameras.lines, cameras.mailbox, WorkLog()
        self._outbox = outbox = open_outbox(config, ready)
        cameras.clips_need = lambda one: outbox.clip_spans(one.name, one.recording.pre_s, MAX_CLIP_S)
        self._detector, entry = network
        self._scheduler = Scheduler(self._detector)
        sections = [line.section for line in self._lines.values()]
        self._pipelines = {section.name: self._pipeline(config, section) for section in sections}
        self._judge_by(read_calendar(calendar_path(config.node.state_dir)))
        self._tracks = {section.name: track_log(config, section, outbox) for section in sections}
        self._writers = {section.name: self._writer(config, section, entry.name) for section in sections}
        for name, writer in self._writers.items():
            self._tracks[name].begin(writer.resume(LOST_S))
        self._desk = LensDesk(config, self._lines, outbox, self._tracks, self._clock)
        self._watched_at_s = self._clock.monotonic_s()
        self._told_to_stop = False
        self._network_fault = ""

    def _pipeline(self, config: EdgeConfig, section: CameraSection) -> CameraPipeline:
        return build_pipeline(config.node.name, config.node.timezone, section, self._detector.input_size)

    def _judge_by(self, calendar: Calendar) -> None:
        """In force from the next frame of each camera on."""
        for pipeline in self._pipelines.values():
            pipeline.calendar = calendar

    def _writer(self, config: EdgeConfig, section: CameraSection, model: str) -> EventWriter:
        node = f"{machine_run()} {version('gatehouse')} {config.node.name} {config.node.timezone}"
        settings = f"{node} {section.model_dump_json()}"
        names = [camera.name for camera in config.cameras]
        folder = checkpoint_folder(config.node.state_dir, names, self._clock.wall_s())
        checkpoints = CheckpointFile(folder, section.name, hashlib.sha256(settings.encode()).hexdigest())
        pipeline, recording = self._pipelines[section.name], section.recording
        return EventWriter(section.name, pipeline, self._outbox, checkpoints, recording, self._clock, model)

    def run(self) -> str:
        """Works until the supervisor says stop, or has died and an heir asks for the cameras, or none comes.

        The cameras go on being recorded. Returns why nobody can be found any more, where it ends for that.
        """
        self._cameras.look()
        threads = [threading.Thread(target=_named("vision", self._watch), name="vision")]
        threads.append(threading.Thread(target=_named("clips", lambda: self._desk.clips.run(self._stop)), name="clips"))
        for thread in threads:
            thread.daemon = True
            thread.start()
        self._serve_parent()
        gone = not self._told_to_stop and not self._network_fault
        if gone and not self._asked_to_go.wait(OUTLIVES_S):
            log.error("nobody has started the node again")
        self._stop.set()
        gone_by_s = self._clock.monotonic_s() + STOP_S
        for thread in reversed(threads):
            thread.join(max(0.0, gone_by_s - self._clock.monotonic_s()))
        self._cameras.clips_need = None
        if not any(thread.is_alive() for thread in threads):  # what still makes a clip ends with the process
            self._outbox.close()
        return "" if self._told_to_stop else self._network_fault

    def _watch(self) -> None:
        """The vision thread. What is open goes on in the next worker, unless it was told to stop, or sees nobody."""
        try:
            self._look()
        except NetworkFailedError as error:
            self._network_fault = str(error)
        for name, writer in self._writers.items():
            if self._told_to_stop:
                writer.end()
            elif self._network_fault:
                writer.close("unwatched")
            self._tracks[name].close()

    def _look(self) -> None:
        """One frame after the other, what is to be looked at in them packed together. Raises NetworkFailedError."""
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
                self._desk.clips.opened(message, frame)

    def _serve_parent(self) -> None:
        """Reports health and takes orders until the pipe ends: the supervisor has died or wants this worker to stop.

        It ends, too, where the network does not run any more.
        """
        still_due_s = {name: self._clock.monotonic_s() + 1.0 for name in self._lines}
        report_due_s, memory = 0.0, MemoryReturn(self._clock)
        try:
            while not self._network_fault:
                memory.turn()
                now_s = self._clock.monotonic_s()
                if now_s >= report_due_s:
                    cameras = tuple(line.health() for line in self._lines.values())
                    self._parent.send(WorkerReport(cameras, now_s - self._watched_at_s, self._work_done()))
                    report_due_s = now_s + HEALTH_S
                    self._desk.tell()
                for name, due_s in still_due_s.items():
                    if now_s >= due_s and self._take_still(name):
                        still_due_s[name] = now_s + STILL_S
                if self._parent.poll(0.5):
                    order = self._parent.recv()
                    if isinstance(order, Stop):
                        self._told_to_stop = True
                        return
                    if isinstance(order, TakeCalendar):
                        self._judge_by(order.calendar)
                    if isinstance(order, TakeStill) and order.camera in still_due_s:
                        still_due_s[order.camera] = 0.0
        except (EOFError, OSError):
            self._told_to_stop = stop_waits(self._parent)

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
