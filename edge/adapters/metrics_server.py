"""The node's last health message as figures for Prometheus, by HTTP. No sign-in: on this machine alone by default."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from socket import AF_INET6
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from broker.contract.messages import CameraHealth, HealthMessage, MachineHealth

PREFIX = "gatehouse_"


class MetricsError(Exception):
    """The figures can't be served; the text says why and what to do."""


class _HealthCollector(Collector):
    def __init__(self, latest: Callable[[], HealthMessage | None]) -> None:
        self._latest = latest

    def collect(self) -> Iterable[Metric]:
        health = self._latest()
        if health is not None:
            yield from _of_node(health)
            yield from _of_cameras(health.cameras)
            if health.machine is not None:
                yield from _of_machine(health.machine)


IDLE_S = 5.0


class _Handler(WSGIRequestHandler):
    """Logs no requests, and gives up whoever connects and asks nothing: they would hold a thread each."""

    timeout = IDLE_S

    def handle(self) -> None:
        with suppress(TimeoutError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = AF_INET6


def serve_metrics(host: str, port: int, latest: Callable[[], HealthMessage | None]) -> WSGIServer:
    """Answers on `host` and `port` in threads of its own until `shutdown` of what is returned.

    latest: the last health message, None before the first. Raises MetricsError where the port can't be listened on.
    """
    registry = CollectorRegistry()
    registry.register(_HealthCollector(latest))
    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(host, port, make_wsgi_app(registry), kind, _Handler)
    except (OSError, UnicodeError) as error:
        told = f"metrics: {host} port {port} can't be listened on ({getattr(error, 'strerror', None) or error})"
        raise MetricsError(f"{told}; set metrics.port, 0 for none") from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _gauge(name: str, told: str, value: float | bool | None) -> Iterator[Metric]:
    if value is not None:
        yield GaugeMetricFamily(PREFIX + name, told, float(value))


def _labelled(metric: GaugeMetricFamily | CounterMetricFamily, rows: Iterable[tuple[list[str], float]]) -> Metric:
    for labels, value in rows:
        metric.add_metric(labels, value)
    return metric


def _of_node(health: HealthMessage) -> Iterator[Metric]:
    board, system = (health.machine.board, health.machine.system) if health.machine else ("", "")
    about = {"version": health.version, "board": board, "system": system}
    yield InfoMetricFamily(PREFIX + "node", "What this box is.", about)
    yield from _gauge("health_timestamp_seconds", "When these figures were taken.", health.at_s)
    started_at_s = health.started_at_s if health.running_s is None else health.at_s - health.running_s
    yield from _gauge("start_timestamp_seconds", "When the node started.", started_at_s)
    yield from _gauge("node_degraded", "Whether something is seriously wrong.", health.state == "degraded")
    yield from _gauge("outbox_messages", "Messages that the console has not acknowledged.", health.outbox_rows)
    yield from _gauge("outbox_files", "Files that the console does not have.", health.uploads_waiting)
    yield from _gauge("outbox_oldest_seconds", "For how long the oldest of them has waited.", health.oldest_waiting_s)
    yield from _gauge("disk_free_bytes", "Free on the disk of the state folder.", health.disk_free_bytes)
    told = "Worker processes that died and were started again."
    yield CounterMetricFamily(PREFIX + "worker_restarts", told, health.worker_restarts)
    problem = GaugeMetricFamily(PREFIX + "problem", "1 for each thing that is wrong now.", labels=_PROBLEM)
    yield _labelled(problem, (([one.code, one.severity, one.subject], 1.0) for one in health.node_problems or ()))


_PROBLEM = ["code", "severity", "subject"]


def _of_machine(machine: MachineHealth) -> Iterator[Metric]:
    yield from _gauge("temperature_celsius", "Of the hottest sensor of the processor.", machine.temperature_c)
    yield from _gauge("throttled", "Whether the processor has slowed itself down.", machine.throttled)
    yield from _gauge("under_voltage", "Whether the supply is too weak.", machine.under_voltage)
    yield from _gauge("memory_bytes", "Memory of the machine.", machine.memory_bytes)
    yield from _gauge("memory_available_bytes", "Memory that can be had.", machine.memory_available_bytes)
    yield from _gauge("load", "Processes that want to run, mean of five minutes.", machine.load)
    yield from _gauge("processors", "Processor cores.", machine.processors)
    yield from _gauge("disk_bytes", "Size of the disk of the state folder.", machine.disk_bytes)
    yield from _gauge("disk_wear_ratio", "Share of the disk's life that is used.", machine.disk_wear)
    yield from _gauge("disk_errors", "Errors of the file system that the kernel has counted.", machine.disk_errors)
    up = GaugeMetricFamily(PREFIX + "link_up", "Whether a network socket is connected.", labels=["interface"])
    yield _labelled(up, (([link.name], float(link.up)) for link in machine.links))
    errors = CounterMetricFamily(PREFIX + "link_errors", "Damaged packets.", labels=["interface"])
    yield _labelled(errors, (([link.name], link.errors) for link in machine.links))
    name, told = PREFIX + "certificate_expiry_timestamp_seconds", "When a certificate ends."
    ends = GaugeMetricFamily(name, told, labels=["certificate"])
    yield _labelled(ends, (([one.name], one.ends_at_s) for one in machine.certificates))


def _of_cameras(cameras: tuple[CameraHealth, ...]) -> Iterator[Metric]:
    gauges: dict[str, tuple[str, Callable[[CameraHealth], float | None]]] = {
        "camera_sees": ("1 where it sees, 0.5 where it is impaired, 0 where it is blind.", _sees),
        "camera_recording": ("Whether it is recorded.", lambda one: float(one.recording)),
        "camera_analysed_fps": ("Pictures a second that are looked at.", lambda one: one.analysed_fps),
        "camera_last_frame_timestamp_seconds": ("When its last picture was taken.", lambda one: one.last_frame_at_s),
    }
    for name, (told, figure) in gauges.items():
        rows = (([one.camera], value) for one in cameras if (value := figure(one)) is not None)
        yield _labelled(GaugeMetricFamily(PREFIX + name, told, labels=["camera"]), rows)
    counts: dict[str, tuple[str, Callable[[CameraHealth], float]]] = {
        "camera_frames_dropped": ("Pictures that a newer one replaced.", lambda one: one.frames_dropped),
        "camera_reconnects": ("Connections after the first.", lambda one: one.reconnects),
    }
    for name, (told, count) in counts.items():
        counter = CounterMetricFamily(PREFIX + name, told, labels=["camera"])
        yield _labelled(counter, (([one.camera], count(one)) for one in cameras))


def _sees(camera: CameraHealth) -> float:
    return {"sees": 1.0, "impaired": 0.5, "blind": 0.0}[camera.state]
