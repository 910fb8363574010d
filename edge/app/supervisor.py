"""The node's first process: starts and restarts the workers, delivers the outbox, tells the node's health."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from wsgiref.simple_server import WSGIServer

from broker.contract.messages import CameraHealth, CommandMessage, HealthMessage
from broker.contract.topics import home_assistant
from edge.adapters.home_assistant import discovery
from edge.adapters.metrics_server import MetricsError, serve_metrics
from edge.adapters.mqtt_publisher import BrokerAddress, MqttPublisher
from edge.adapters.service_manager import ServiceManager
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.adapters.uploader import ConsoleAddress, Uploader
from edge.app.hold import hold, holder
from edge.app.housekeeping import Housekeeper
from edge.app.node_health import NodeHealth
from edge.app.orphans import settle_removed_cameras
from edge.app.worker import (
    StillTaken,
    Stop,
    TakeStill,
    WorkerReport,
    outbox_bounds,
    outbox_path,
    run_worker,
    workers_folder,
)
from edge.config.schema import EdgeConfig

log = logging.getLogger(__name__)

RESTART_FIRST_S, RESTART_LONGEST_S = 1.0, 30.0
SOUND_AFTER_S = 60.0  # a worker that lived so long is restarted at once
STARTING_S = 120.0  # a worker that has said nothing by then, or later for HUNG_S, is killed and started anew
HUNG_S = 15.0  # with a new start well within worker.LOST_S, so that what is open goes on
TURNING_S = 5.0  # a frame loop that turned so lately is alive
STOP_S, LEAVE_S = 4.0, 0.6  # for the workers, and then for the goodbye to the console: 5 s in all
FORMER_WORKERS_S = 5.0


class AlreadyRunningError(Exception):
    """Another node runs on the same state folder."""


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
    health: dict[str, CameraHealth] = field(default_factory=dict)


def share_out(cameras: list[str], workers: int) -> list[tuple[str, ...]]:
    """Cameras dealt out to at most `workers` groups, none of them empty."""
    count = max(1, min(workers, len(cameras)))
    return [tuple(cameras[i::count]) for i in range(count)]


def _announced(config: EdgeConfig, version: str) -> dict[str, bytes]:
    """What the node tells others than the console, by topic."""
    if not config.broker.home_assistant:
        return {}
    cameras = {camera.name: camera.label for camera in config.cameras}
    return {home_assistant(config.node.name): discovery(config.node.name, version, cameras)}


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

        Raises AlreadyRunningError; OSError where a secret or the state folder can't be used.
        """
        self._on_report, self._service = on_report, ServiceManager(notify_socket)
        self._config, self._clock = config, SystemClock()
        config.node.state_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._held = hold(config.node.state_dir / "lock")
        except BlockingIOError as error:
            why = f"another node already runs on {config.node.state_dir}; stop it first"
            raise AlreadyRunningError(why) from error
        self._stop = threading.Event()
        self._outbox = SqliteOutbox(outbox_path(config), outbox_bounds(config))
        broker = config.broker
        address = BrokerAddress(
            broker.host,
            broker.port,
            config.node.name,
            broker.password_file,
            broker.tls,
            broker.ca_file,
            broker.protocol,
        )
        self._publisher = MqttPublisher(
            config.node.name, address, self._outbox, self._clock, self._on_command, version, _announced(config, version)
        )
        console = ConsoleAddress(config.console.url, config.console.token_file, config.console.ca_file)
        self._uploader = Uploader(console, self._outbox)
        self._housekeeper = Housekeeper(config, self._outbox, self._clock)
        names = [camera.name for camera in config.cameras]
        workers = config.node.workers or os.cpu_count() or 1
        self._slots = [_Slot(group) for group in share_out(names, workers)]
        self._spawn = multiprocessing.get_context("spawn")  # onnxruntime sessions crash when inherited by a fork
        self._restarts = 0
        self._health = NodeHealth(config, version, self._outbox, self._clock)
        self._last_health: HealthMessage | None = None

    def run(self) -> None:
        """Watches until SIGTERM, SIGINT or `stop`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        delivery = [
            threading.Thread(target=self._publisher.run, args=(self._stop,), name="publisher", daemon=True),
            threading.Thread(target=self._uploader.run, args=(self._stop,), name="uploader", daemon=True),
        ]
        for thread in delivery:
            thread.start()
        metrics = self._serve_metrics()
        self._outlive_former_workers()
        configured = [camera.name for camera in self._config.cameras]
        settle_removed_cameras(self._outbox, configured, self._clock.wall_s())
        housekeeping = threading.Thread(
            target=self._housekeeper.run, args=(self._stop,), name="housekeeping", daemon=True
        )
        housekeeping.start()  # after former workers, which may still record what is not configured any more
        delivery.append(housekeeping)
        log.info("watching %d camera(s) with %d worker(s)", len(self._config.cameras), len(self._slots))
        try:
            self._watch_over(delivery)
            clean = self._stop.is_set()
        finally:  # a bug ends the node whole, so that whoever started it starts it again
            self._service.stopping()
            if metrics is not None:
                metrics.server_close()
            self._end_workers()
            self._stop.set()
            self._end_delivery(delivery)
        if not clean:
            raise SystemExit(70)

    def stop(self) -> None:
        """Ends `run` in good order; from any thread."""
        self._stop.set()

    def _serve_metrics(self) -> WSGIServer | None:
        """None where nobody wants them, or another program has the port: no reason to leave the cameras alone."""
        section = self._config.metrics
        if not section.port:
            return None
        try:
            return serve_metrics(section.host, section.port, lambda: self._last_health)
        except MetricsError as error:
            log.warning("%s", error)
            return None

    def _outlive_former_workers(self) -> None:
        """Waits for the workers of a supervisor that was killed, and ends those that hang: two would tell of the same.

        A file that is held was written by who holds it, so no other process is hit.
        """
        folder = workers_folder(self._config)
        folder.mkdir(exist_ok=True)
        turns = int(FORMER_WORKERS_S / 0.1)
        for turn in range(2 * turns):
            living = [pid for path in folder.iterdir() if (pid := holder(path)) is not None]
            if not living or self._stop.is_set():
                return
            if turn == turns:
                log.error("workers of an earlier run hang (%s); they are killed", ", ".join(map(str, living)))
                for pid in filter(None, living):
                    with contextlib.suppress(ProcessLookupError):  # it has just ended
                        os.kill(pid, signal.SIGKILL)
            self._stop.wait(0.1)

    def _watch_over(self, delivery: list[threading.Thread]) -> None:
        """Until it is told to stop, or a delivery thread has died."""
        while not self._stop.is_set():
            self._listen(timeout_s=0.25)  # first, so that a node that was itself held up takes nobody for hanging
            for slot in self._slots:
                self._tend(slot)
            self._tell_health()
            if not self._stop.is_set() and not all(thread.is_alive() for thread in delivery):
                log.critical("a thread of delivery or housekeeping has died; the node restarts")
                return

    def _tend(self, slot: _Slot) -> None:
        """Starts the slot's worker where none runs and the pause after its death is over."""
        now_s = self._clock.monotonic_s()
        if slot.process is not None and slot.process.is_alive() and now_s > slot.heard_by_s:
            log.error("worker of %s hangs; it is killed", ", ".join(slot.cameras))
            slot.process.kill()
            slot.process.join(STOP_S)
        if slot.process is not None and not slot.process.is_alive():
            lived_s = now_s - slot.started_s
            slot.failures = 0 if lived_s > SOUND_AFTER_S else slot.failures + 1
            pause_s = min(RESTART_FIRST_S * 2 ** max(0, slot.failures - 1), RESTART_LONGEST_S) if slot.failures else 0.0
            log.error("worker of %s ended with %s after %.0f s; again in %.0f s",
                      ", ".join(slot.cameras), slot.process.exitcode, lived_s, pause_s)  # fmt: skip
            self._drop(slot)
            self._restarts += 1
            slot.start_due_s = now_s + pause_s
        if slot.process is None and now_s >= slot.start_due_s:
            ours, theirs = self._spawn.Pipe()
            slot.process = self._spawn.Process(
                target=run_worker, args=(self._config, slot.cameras, theirs), name=f"gatehouse-{slot.cameras[0]}"
            )
            slot.process.start()
            theirs.close()  # or the end of the supervisor would not be the end of the pipe
            slot.pipe, slot.started_s, slot.heard_by_s = ours, now_s, now_s + STARTING_S

    def _drop(self, slot: _Slot) -> None:
        if slot.pipe is not None:
            slot.pipe.close()
        slot.process, slot.pipe = None, None
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
            if isinstance(report, WorkerReport):
                slot.health = {camera.camera: camera for camera in report.cameras}
                slot.heard_by_s = self._clock.monotonic_s() + HUNG_S - report.at_one_frame_s
                if report.at_one_frame_s < TURNING_S:  # only this feeds the watchdog
                    self._service.alive()
                self._on_report(report)
            elif isinstance(report, StillTaken):
                self._uploader.send_still(report.camera, report.picture)

    def _on_command(self, command: CommandMessage) -> None:
        """From the console, in the publisher's network thread."""
        for slot in self._slots:
            if command.camera in slot.cameras and slot.pipe is not None:
                try:
                    slot.pipe.send(TakeStill(command.camera))
                except OSError:
                    log.warning("the picture of %s can't be taken now: its worker restarts", command.camera)

    def _tell_health(self) -> None:
        cameras = [camera for slot in self._slots for camera in slot.health.values()]
        faults = {
            "console_unreachable": bool(self._uploader.fault),
            "worker_down": any(slot.process is None for slot in self._slots),
        }
        message = self._health.turn(
            cameras, faults, self._housekeeper.problems, self._restarts, self._publisher.certificate_ends_at_s
        )
        if message is not None:
            self._last_health = message
            self._publisher.tell_health(message)
            seeing = sum(camera.state == "sees" for camera in cameras)
            told = [f"{seeing} of {len(self._config.cameras)} cameras see", *message.problems]
            self._service.status(", ".join(told))

    def _end_workers(self) -> None:
        for slot in self._slots:
            if slot.pipe is not None:
                with contextlib.suppress(OSError):  # it has died
                    slot.pipe.send(Stop())  # the worker closes its events and segments, and goes
                slot.pipe.close()
        gone_by_s = self._clock.monotonic_s() + STOP_S
        for slot in self._slots:
            if slot.process is not None:
                slot.process.join(timeout=max(0.0, gone_by_s - self._clock.monotonic_s()))
                if slot.process.is_alive():
                    slot.process.kill()

    def _end_delivery(self, delivery: list[threading.Thread]) -> None:
        gone_by_s = self._clock.monotonic_s() + LEAVE_S
        for thread in delivery:
            thread.join(timeout=max(0.0, gone_by_s - self._clock.monotonic_s()))
        if not any(thread.is_alive() for thread in delivery):  # one that waits for the network ends with the process
            self._outbox.close()
