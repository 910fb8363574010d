"""The node's first process: starts the workers, which record at once, then all that stands behind them."""

from __future__ import annotations  # what only the types need is not loaded before the recording

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, TypeVar

from edge.adapters.memory_return import MemoryReturn
from edge.adapters.service_manager import ServiceManager
from edge.adapters.system_clock import SystemClock
from edge.app.former_workers import end_former
from edge.app.hold import hold
from edge.app.node_folder import workers_folder
from edge.app.worker_process import (
    OUTBOX_DAMAGED,
    Begun,
    Recorded,
    StillTaken,
    Stop,
    TakeCalendar,
    TakeStill,
    WorkerReport,
    run_worker,
    tell,
)
from edge.config.schema import EdgeConfig

if TYPE_CHECKING:
    from broker.contract.messages import CameraHealth, CommandMessage
    from edge.app.delivery import Delivery

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

RESTART_FIRST_S, RESTART_LONGEST_S = 1.0, 30.0  # of what can't even record; else it records alone for as long
SOUND_AFTER_S = 60.0  # a worker that watched so long has nothing in it that kills it
BEGINNING_S = 20.0  # a worker that comes no step further by then, and records nothing yet, is killed and started anew
STARTING_S = 120.0  # so is one that records, but says nothing of its cameras by then, or later for HUNG_S
HUNG_S = 15.0  # with a new start well within worker.LOST_S, so that what is open goes on
TURNING_S = 5.0  # a frame loop that turned so lately is alive
STOP_S = 4.0  # for the workers; with delivery's goodbye 5 s in all
RECORDING_FIRST_S = 2.0  # the longest that anything else waits for the workers to record
FIRST_REPORTS_S = 10.0  # by then workers have told how their cameras do


class NodeError(Exception):
    """The node can't run here; the text says why and what to do."""


class _StoppedError(Exception):
    """The node is to end before what it waits for is done."""


@dataclass(slots=True)
class _Slot:
    """A group of cameras and the worker that watches them now."""

    cameras: tuple[str, ...]
    process: SpawnProcess | None = None
    pipe: Connection | None = None
    started_s: float = 0.0
    start_due_s: float = 0.0
    heard_by_s: float = 0.0  # the latest time by which a sound worker is heard of again
    failures: int = 0
    alone_s: float = 0.0  # for so long it records alone at first, as those before it died of watching
    recorded: bool = False  # by this worker, or by the one whose heir it is
    writes: bool = False  # it has been told of the outbox
    heard: bool = False  # of any of its workers
    health: dict[str, CameraHealth] = field(default_factory=dict)


def share_out(cameras: list[str], workers: int) -> list[tuple[str, ...]]:
    """Cameras dealt out to at most `workers` groups, none of them empty."""
    count = max(1, min(workers, len(cameras)))
    return [tuple(cameras[i::count]) for i in range(count)]


def _tell(slot: _Slot, order: object) -> None:
    if slot.pipe is not None:
        tell(slot.pipe, order)


class Supervisor:
    """Runs a node. `run` is the whole life of the process."""

    def __init__(
        self,
        config: EdgeConfig,
        version: str,
        on_report: Callable[[WorkerReport], None] = lambda _: None,
        notify_socket: str | None = None,
    ) -> None:
        """on_report: is told all that workers report, in the thread of `run`. notify_socket: systemd's, if it asks.

        Raises NodeError where another one runs on the same folder; OSError where the state folder can't be used.
        """
        self._on_report, self._service = on_report, ServiceManager(notify_socket)
        self._config, self._version, self._clock = config, version, SystemClock()
        self._workers_folder = workers_folder(config)
        self._workers_folder.mkdir(parents=True, exist_ok=True)
        try:
            self._held = hold(config.node.state_dir / "lock")
        except BlockingIOError as error:
            why = f"another node already runs on {config.node.state_dir}; stop it first"
            raise NodeError(why) from error
        self._stop = threading.Event()
        names = [camera.name for camera in config.cameras]
        workers = config.node.workers or os.cpu_count() or 1
        self._slots = [_Slot(group) for group in share_out(names, workers)]
        self._first_reports_due_s = self._clock.monotonic_s() + FIRST_REPORTS_S
        self._spawn = multiprocessing.get_context("spawn")  # onnxruntime sessions crash when inherited by a fork
        self._restarts = 0
        self._delivery: Delivery | None = None  # while there is none the workers record, and write down nothing

    def run(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Watches until SIGTERM, SIGINT or `stop`.

        meanwhile: called once the workers begin to record; what it raises ends them, and is raised.
        Raises NodeError where there is no room for an outbox; OSError where a secret can't be read.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        try:
            for slot in self._slots:
                self._tend(slot)
            self._let_record()
            self._beside(meanwhile)
            self._begin_delivery()
            log.info("watching %d camera(s) with %d worker(s)", len(self._config.cameras), len(self._slots))
            self._watch_over()
            clean = self._stop.is_set()
        except _StoppedError:
            clean = True
        finally:  # a bug ends the node whole, so that whoever started it starts it again
            self._service.stopping()
            self._end_workers(self._slots)
            self._stop.set()
            if self._delivery is not None:
                self._delivery.end()
        if not clean:
            raise SystemExit(70)

    def stop(self) -> None:
        """Ends `run` in good order; from any thread."""
        self._stop.set()

    def _let_record(self) -> None:
        """Waits until the workers record: what is loaded for all that stands behind it would take time from them."""
        due_s = self._clock.monotonic_s() + RECORDING_FIRST_S
        while not self._stop.is_set() and not all(slot.recorded for slot in self._slots):
            if (left_s := due_s - self._clock.monotonic_s()) <= 0:
                return
            self._listen(min(left_s, 0.25))

    def _beside(self, work: Callable[[], Answer]) -> Answer:
        """Does what may take long, while the workers are seen to. Raises what it raises, _StoppedError."""
        done = Future[Answer]()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # it is raised below
                done.set_exception(error)

        threading.Thread(target=run, name="start", daemon=True).start()
        while not done.done():
            if self._stop.is_set():  # it ends with the process
                raise _StoppedError
            self._listen(0.1)
            for slot in self._slots:
                self._tend(slot)
        return done.result()

    def _begin_delivery(self) -> None:
        """Loads and starts what stands behind the recording, and lets the workers write down what they see."""
        for slot in self._slots:  # a camera whose worker never says a word is blind, not gone
            slot.health = {name: self._starting(name) for name in slot.cameras}
        delivery = self._beside(self._made_delivery)
        delivery.start()
        self._delivery = delivery
        for slot in self._slots:
            self._tell_outbox(slot)

    def _made_delivery(self) -> Delivery:
        """Raises NodeError, OSError."""
        from edge.adapters.outbox_rows import OutboxError
        from edge.app.delivery import Delivery

        try:
            delivery = Delivery(self._config, self._version, self._clock, self._on_command, self._end_former_workers)
        except OutboxError as error:
            raise NodeError(str(error)) from error
        self._end_former_workers({camera.name for camera in self._config.cameras})
        return delivery

    def _tell_outbox(self, slot: _Slot) -> None:
        """What a worker waits for before it watches."""
        if self._delivery is not None and not self._delivery.to_mend:  # else after the mending
            slot.writes = True
            _tell(slot, self._delivery.outbox)
            _tell(slot, TakeCalendar(self._delivery.calendar))
        self._wait_for(slot)

    def _wait_for(self, slot: _Slot) -> None:
        """From now on for as long as a sound worker takes to its next word, until it says how its cameras do."""
        slot.heard_by_s = self._clock.monotonic_s() + (STARTING_S if slot.recorded else BEGINNING_S)

    def _end_former_workers(self, but: Collection[str] = ()) -> None:
        """Those of a supervisor that was killed; but: cameras whose heirs see to it themselves, in their own time."""
        ours = [slot.process.pid for slot in self._slots if slot.process is not None and slot.process.pid is not None]
        end_former((path for path in self._workers_folder.iterdir() if path.name not in but), ours, self._stop)

    def _watch_over(self) -> None:
        """Until it is told to stop, or a thread of delivery has died."""
        assert self._delivery is not None
        memory = MemoryReturn(self._clock)
        while not self._stop.is_set():
            memory.turn()
            self._listen(timeout_s=0.25)  # first: a node that was held up takes nobody for hanging
            if self._delivery.to_mend:
                self._mend_outbox(self._delivery)
            if (calendar := self._delivery.new_calendar()) is not None:
                for slot in self._slots:
                    _tell(slot, TakeCalendar(calendar))
            for slot in self._slots:
                self._tend(slot)
            self._tell_health(self._delivery)
            if not self._stop.is_set() and not self._delivery.alive:
                log.critical("a thread of delivery or housekeeping has died; the node restarts")
                return

    def _tend(self, slot: _Slot) -> None:
        """Starts the slot's worker where none runs and the pause after its death is over."""
        now_s = self._clock.monotonic_s()
        waits = slot.recorded and self._delivery is None  # for us
        if slot.process is not None and slot.process.is_alive() and now_s > slot.heard_by_s and not waits:
            log.error("worker of %s hangs; it is killed", ", ".join(slot.cameras))
            slot.process.kill()
            slot.process.join(STOP_S)
        if slot.process is not None and not slot.process.is_alive():
            lived_s = now_s - slot.started_s
            watched_s = lived_s - slot.alone_s
            slot.failures = 0 if watched_s > SOUND_AFTER_S else slot.failures + 1
            doubled = min(max(0, slot.failures - 1), 10)  # thousands of failures are no number any more
            pause_s = min(RESTART_FIRST_S * 2**doubled, RESTART_LONGEST_S) if slot.failures else 0.0
            slot.alone_s = max(0.0, pause_s - RESTART_FIRST_S)
            if watched_s > 0:  # recording did not kill it, so that waits for nothing
                pause_s = 0.0
            log.error("worker of %s ended with %s after %.0f s; again in %.0f s",
                      ", ".join(slot.cameras), slot.process.exitcode, lived_s, pause_s)  # fmt: skip
            if slot.process.exitcode == OUTBOX_DAMAGED and self._delivery is not None:
                self._delivery.note_damage()
            self._drop(slot)
            self._restarts += 1
            slot.start_due_s = now_s + pause_s
        if slot.process is None and now_s >= slot.start_due_s:
            try:
                self._start(slot)
            except OSError as error:  # no process, memory or descriptor to be had: the others must not end by that
                log.error("no worker can be started for %s: %s", ", ".join(slot.cameras), error.strerror)
                slot.start_due_s = now_s + RESTART_FIRST_S

    def _start(self, slot: _Slot) -> None:
        """Starts the slot's worker. Raises OSError."""
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(
            target=run_worker,
            args=(self._config, slot.cameras, theirs),
            kwargs={"alone_s": slot.alone_s},
            name=f"gatehouse-{slot.cameras[0]}",
        )
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()  # or the end of the supervisor would not be the end of the pipe
        slot.process, slot.pipe, slot.recorded = process, ours, False
        slot.started_s = self._clock.monotonic_s()
        self._tell_outbox(slot)

    def _mend_outbox(self, delivery: Delivery) -> None:
        """Begins the outbox anew while nobody writes to it: whoever may do so is followed by one that only records."""
        log.critical("the outbox is begun anew, and the workers are started again")
        self._delivery, writing = None, [slot for slot in self._slots if slot.writes]
        try:
            self._end_workers(writing)
            for slot in writing:
                self._drop(slot)
                slot.start_due_s = 0.0
                self._tend(slot)
            self._let_record()
            self._beside(delivery.mend)
        finally:
            self._delivery = delivery
        for slot in self._slots:
            self._tell_outbox(slot)

    def _drop(self, slot: _Slot) -> None:
        if slot.pipe is not None:
            slot.pipe.close()
        slot.process, slot.pipe, slot.writes = None, None, False
        at_s = self._clock.wall_s()
        blind = {"state": "blind", "since_at_s": at_s, "reason_code": "worker_restarts", "recording": False}
        reason = "the process that watches this camera died and is being restarted"
        slot.health = {
            name: health.model_copy(update={**blind, "reason": reason, "analysed_fps": 0.0})
            for name, health in slot.health.items()
        }

    def _listen(self, timeout_s: float) -> None:
        pipes = {slot.pipe: slot for slot in self._slots if slot.pipe is not None}
        if not pipes:
            self._stop.wait(timeout_s)
            return
        for pipe in wait(list(pipes), timeout_s):
            slot = pipes[pipe]  # type: ignore[index]  # wait returns what it was given
            try:
                report = slot.pipe.recv() if slot.pipe else None
            except (EOFError, OSError):
                self._stop.wait(0.05)  # the process is about to be found dead
                continue
            if isinstance(report, Begun | Recorded):
                slot.recorded = isinstance(report, Recorded)
                self._wait_for(slot)
            elif isinstance(report, WorkerReport):
                slot.heard, slot.health = True, {camera.camera: camera for camera in report.cameras}
                slot.heard_by_s = self._clock.monotonic_s() + HUNG_S - report.at_one_frame_s
                if report.at_one_frame_s < TURNING_S:  # only this feeds the watchdog
                    self._service.alive()
                self._on_report(report)
            elif isinstance(report, StillTaken) and self._delivery is not None:
                self._delivery.send_still(report.camera, report.picture)

    def _on_command(self, command: CommandMessage) -> None:
        """From the console, in the publisher's network thread."""
        for slot in self._slots:
            pipe = slot.pipe  # the supervisor's thread may drop it meanwhile
            if command.camera in slot.cameras and pipe is not None:
                try:
                    pipe.send(TakeStill(command.camera))
                except OSError:
                    log.warning("the picture of %s can't be taken now: its worker restarts", command.camera)

    def _starting(self, name: str) -> CameraHealth:
        from broker.contract.messages import CameraHealth

        return CameraHealth(
            camera=name,
            label=next(camera.label for camera in self._config.cameras if camera.name == name),
            state="blind",
            since_at_s=self._clock.wall_s(),
            reason="the process that watches this camera is being started",
            reason_code="worker_restarts",
            idle=False,
            zones=(),
        )

    def _tell_health(self, delivery: Delivery) -> None:
        heard_all = all(slot.heard for slot in self._slots)
        if not heard_all and self._clock.monotonic_s() < self._first_reports_due_s:
            return  # a node that has only just started is no news about its cameras
        cameras = [camera for slot in self._slots for camera in slot.health.values()]
        down = any(slot.process is None for slot in self._slots)
        if (message := delivery.tell_health(cameras, self._restarts, worker_down=down)) is not None:
            seeing = sum(camera.state == "sees" for camera in cameras)
            self._service.status(", ".join([f"{seeing} of {len(self._config.cameras)} cameras see", *message.problems]))

    def _end_workers(self, slots: Collection[_Slot]) -> None:
        for slot in slots:
            if slot.pipe is not None:
                _tell(slot, Stop())  # the worker closes its events and segments, and goes
                slot.pipe.close()
        gone_by_s = self._clock.monotonic_s() + STOP_S
        for slot in slots:
            if slot.process is not None:
                slot.process.join(timeout=max(0.0, gone_by_s - self._clock.monotonic_s()))
                if slot.process.is_alive():
                    slot.process.kill()
                    slot.process.join(1.0)
