"""What a node does behind its recording: keeps outbox and disk, brings what waits to the console.

All of it runs in threads of the supervisor: it decodes nothing, so nothing that a camera sends can end it.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from wsgiref.simple_server import WSGIServer

from broker.contract.holds import HoldsMessage
from broker.contract.messages import CameraHealth, CommandMessage, HealthMessage
from broker.contract.schedule import ScheduleMessage
from broker.contract.topics import home_assistant
from edge.adapters.home_assistant import discovery, with_gone_cameras
from edge.adapters.metrics_server import MetricsError, serve_metrics
from edge.adapters.mqtt_publisher import BrokerAddress, MqttPublisher, Order
from edge.adapters.outbox_mending import mended, open_sound
from edge.adapters.outbox_rows import OutboxError
from edge.adapters.outbox_stand_in import WITHIN, bounds_of, has_room_for
from edge.adapters.uploader import ConsoleAddress, Uploader, UploadLimits
from edge.app.calendar_keeper import CalendarKeeper
from edge.app.housekeeping import Housekeeper
from edge.app.node_folder import announced_path, outbox_path
from edge.app.node_health import NodeHealth
from edge.app.orphans import settle_removed_cameras
from edge.app.worker import outbox_bounds
from edge.app.worker_process import OutboxReady
from edge.config.schema import EdgeConfig
from edge.core.calendar import Calendar
from edge.core.ports import Clock
from edge.core.schedule import WeeklySchedule, WeeklySpan

log = logging.getLogger(__name__)

MEND_PAUSE_S = 60.0  # between two new outboxes: a disk that damages each at once must not be filled with them
LEAVE_S = 0.6  # for the goodbye to the console


class Delivery:
    """`start` to `end`. Used by the supervisor's thread."""

    def __init__(
        self,
        config: EdgeConfig,
        version: str,
        clock: Clock,
        on_command: Callable[[CommandMessage], None],
        before_mending: Callable[[], None],
    ) -> None:
        """on_command: is told what the console asks for, in the publisher's network thread.

        before_mending: called before a damaged outbox is begun anew: nobody else may have it open then.
        Raises OSError where a secret can't be read, OutboxError.
        """
        self._config, self._clock = config, clock
        self._evidence = config.node.state_dir / "evidence"
        self._outbox = open_sound(
            outbox_path(config), outbox_bounds(config), self._evidence, clock.wall_s(), before_mending
        )
        self._mend_due_s, self._mending = float("-inf"), False
        broker, name = config.broker, config.node.name
        address = BrokerAddress(
            broker.host, broker.port, name, broker.password_file, broker.tls, broker.ca_file, broker.protocol
        )
        announced = _announced(config, version)
        self._on_command = on_command
        self._publisher = MqttPublisher(name, address, self._outbox, clock, self._on_order, version, announced)
        self._calendar = CalendarKeeper(config.node.state_dir, clock, lambda: self._publisher.console_at_s)
        console = ConsoleAddress(config.console.url, config.console.token_file, config.console.ca_file)
        self._uploader = Uploader(console, self._outbox, limits=_upload_limits(config))
        self._housekeeper = Housekeeper(
            config, self._outbox, clock, lambda: self._publisher.console_at_s, self._publisher.tell_held
        )
        self._health = NodeHealth(config, version, self._outbox, clock)
        self._last_health: HealthMessage | None = None
        self._metrics: WSGIServer | None = None
        self._stop = threading.Event()
        runs = {"publisher": self._publisher.run, "uploader": self._uploader.run, "housekeeping": self._housekeeper.run}
        self._threads = [
            threading.Thread(target=run, args=(self._stop,), name=name, daemon=True) for name, run in runs.items()
        ]

    def start(self) -> None:
        """Begins to deliver and to tidy up; whoever still records what is not configured any more must be gone."""
        self._metrics = self._serve_metrics()
        self._settle_removed_cameras()
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Says goodbye, after the workers have gone."""
        if self._metrics is not None:
            self._metrics.server_close()
        self._stop.set()
        gone_by_s = self._clock.monotonic_s() + LEAVE_S
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=max(0.0, gone_by_s - self._clock.monotonic_s()))
        waits = self._mending or any(thread.is_alive() for thread in self._threads)
        if not waits:  # what is at the disk, or waits for the network, ends with the process
            self._outbox.close()

    @property
    def alive(self) -> bool:
        """Whether all its threads live."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def outbox(self) -> OutboxReady:
        """Which outbox the workers may write to."""
        path = self._outbox.path
        return OutboxReady(None if path == WITHIN else path, bounds_of(self._outbox.path, outbox_bounds(self._config)))

    @property
    def to_mend(self) -> bool:
        """Whether the outbox is damaged, or the disk has room for it again, and the last try is not too young."""
        if self._clock.monotonic_s() < self._mend_due_s:
            return False
        return self._outbox.damaged or (self._stands_in and has_room_for(outbox_path(self._config), self._outbox.path))

    @property
    def _stands_in(self) -> bool:
        return self._outbox.path != outbox_path(self._config)

    def note_damage(self) -> None:
        """A worker has found the outbox damaged."""
        self._outbox.damaged = True

    def mend(self) -> None:
        """Begins the outbox anew; no worker may have it open."""
        path, self._mending = outbox_path(self._config), True
        try:
            self._outbox.exchange(lambda: mended(path, self._evidence, self._clock.wall_s()))
        except OutboxError as error:
            log.critical("%s; it is tried again in %.0f s", error, MEND_PAUSE_S)
            return
        finally:
            self._mend_due_s, self._mending = self._clock.monotonic_s() + MEND_PAUSE_S, False
        self._settle_removed_cameras()

    @property
    def calendar(self) -> Calendar:
        """By which the rules are armed now."""
        return self._calendar.calendar

    def new_calendar(self) -> Calendar | None:
        """The calendar, where another one has come since the last call."""
        return self._calendar.turn()

    def _on_order(self, order: Order) -> None:
        if isinstance(order, ScheduleMessage):
            self._calendar.take(order)
        elif isinstance(order, HoldsMessage):
            self._housekeeper.asked.take(order)
        else:
            self._on_command(order)

    def send_still(self, camera: str, picture: bytes) -> None:
        """Brings a camera's newest picture, a JPEG, to the console."""
        self._uploader.send_still(camera, picture)

    def tell_health(self, cameras: Sequence[CameraHealth], restarts: int, *, worker_down: bool) -> HealthMessage | None:
        """Tells the console how the node does where that is due; returns what was told."""
        faults: dict[str, float] = {
            "uploads_quiet": float(self._uploader.kept_quiet),
            "console_unreachable": bool(self._uploader.fault),
            "worker_down": worker_down,
            "outbox_unreadable": self._stands_in,
            **self._calendar.faults(),
        }
        ends_at_s = self._publisher.certificate_ends_at_s
        message = self._health.turn(cameras, faults, self._housekeeper.problems, restarts, ends_at_s, self.calendar)
        if message is not None:
            self._last_health = message
            self._publisher.tell_health(message)
        return message

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

    def _settle_removed_cameras(self) -> None:
        configured = [camera.name for camera in self._config.cameras]
        try:
            settle_removed_cameras(self._outbox, configured, self._clock.wall_s())
        except sqlite3.Error as error:  # with the next start; what is damaged is mended before that
            log.error("what cameras left that were taken out can't be settled: %s", error)


def _announced(config: EdgeConfig, version: str) -> dict[str, bytes]:
    """What the node tells others than the console, by topic; nothing takes back what the broker keeps of earlier."""
    topic, told = home_assistant(config.node.name), b""
    if config.broker.home_assistant:
        cameras = {camera.name: camera.label for camera in config.cameras}
        told = discovery(config.node.name, version, cameras, with_gone_cameras(announced_path(config), cameras))
    return {topic: told}


def _upload_limits(config: EdgeConfig) -> UploadLimits:
    spans = tuple(WeeklySpan(span.days, span.begins, span.ends) for span in config.upload.quiet_hours)
    return UploadLimits(config.upload.max_bytes_per_s, WeeklySchedule(spans, config.node.timezone))
