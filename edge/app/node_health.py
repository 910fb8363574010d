"""What a node tells of itself: its cameras, its machine, what waits; and when it is time to tell."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from broker.contract.messages import (
    CameraHealth,
    CertificateEnd,
    HealthMessage,
    MachineHealth,
    NetworkLink,
    NodeProblem,
)
from edge.adapters.certificate_end import ends_at_s
from edge.adapters.machine_health import Machine
from edge.adapters.outbox_mending import set_aside
from edge.adapters.outbox_rows import OutboxFigures
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.config.schema import EdgeConfig
from edge.core.calendar import NO_CALENDAR, Calendar
from edge.core.disk_forecast import DiskProblem
from edge.core.machine import MachineReading, NodeWatch, Problem
from edge.core.ports import Clock

HEALTH_S = 15.0
GIVEN_UP_TOLD_S = 3600.0  # so long after the outbox gave up something last
MOST_SET_ASIDE_TOLD = 3  # damaged outboxes, the newest
MACHINE_S = 5.0  # between two readings of the machine
CERTIFICATES_S = 3600.0
LONGEST_TOLD_S = 1e9  # the longest time that the contract knows
MAX_PROBLEMS, MAX_NODE_PROBLEMS, MAX_LINKS, MAX_CERTIFICATES = 32, 64, 64, 80  # what a message holds


class NodeHealth:
    """Composes the health message. Used by the supervisor's thread alone."""

    def __init__(
        self, config: EdgeConfig, version: str, outbox: SqliteOutbox, clock: Clock, root: Path = Path("/")
    ) -> None:
        """root: where the machine's proc and sys are."""
        self._config, self._version, self._outbox, self._clock = config, version, outbox, clock
        self._machine, self._watch = Machine(config.node.state_dir, root), NodeWatch()
        self._name = self._machine.name()
        self._started_at_s, self._begun_s = clock.wall_s(), clock.monotonic_s()
        self._reading, self._reading_due_s = MachineReading(), float("-inf")
        self._files: dict[str, float] = {}
        self._files_due_s = float("-inf")
        self._told: tuple[object, ...] = ()
        self._due_s = 0.0
        self._set_aside: list[str] = []
        self._figures = OutboxFigures(0, 0, 0, 0, None, 0.0, None, 0, 0)

    def turn(
        self,
        cameras: Sequence[CameraHealth],
        faults: Mapping[str, float],
        disk: Sequence[DiskProblem],
        restarts: int,
        broker_ends_at_s: float | None = None,
        calendar: Calendar = NO_CALENDAR,
    ) -> HealthMessage | None:
        """The next message where one is due: every `HEALTH_S`, and at once when something changes for people.

        faults: codes of `edge.core.machine.LIMITS` that are simply so or not. disk: what is wrong with what is kept.
        restarts: of workers so far.
        broker_ends_at_s: end of the certificate that the broker showed, UTC seconds.
        calendar: by which the rules are armed.
        """
        now_s, at_s = self._clock.monotonic_s(), self._clock.wall_s()
        self._read(now_s)
        figures, readable = self._outbox_figures()
        certificates = self._files if broker_ends_at_s is None else {**self._files, "broker": broker_ends_at_s}
        gave_up = figures.gave_up_at_s is not None and abs(at_s - figures.gave_up_at_s) < GIVEN_UP_TOLD_S
        full = gave_up or figures.share >= 1
        known = {
            **faults,
            "outbox_unreadable": not readable or bool(faults.get("outbox_unreadable")),
            "outbox_full": full,
            "outbox_filling": 0.0 if full else figures.share,
        }
        kept = [DiskProblem("outbox_damaged", subject=name) for name in self._set_aside]
        own = self._watch.judge(self._reading, certificates, known, [*disk, *kept], restarts, now_s, at_s)
        essence = (
            tuple(
                (camera.camera, camera.state, camera.reason_code, camera.recording, camera.zones) for camera in cameras
            ),
            tuple((problem.code, problem.subject, problem.severity) for problem in own),
            calendar.revision,
        )
        if essence == self._told and now_s < self._due_s:
            return None
        self._told, self._due_s = essence, now_s + HEALTH_S
        told = [problem.code for problem in own]
        told += [f"camera_{camera.state}:{camera.camera}" for camera in cameras if camera.state != "sees"]
        grave = any(problem.severity == "critical" for problem in own)
        return HealthMessage(
            at_s=at_s,
            started_at_s=self._started_at_s,
            running_s=max(0.0, now_s - self._begun_s),
            version=self._version,
            state="degraded" if grave or len(told) > len(own) else "ok",
            problems=tuple(told[:MAX_PROBLEMS]),  # the node's own faults first
            node_problems=tuple(map(_told, own[:MAX_NODE_PROBLEMS])),
            machine=self._of_machine(certificates),
            cameras=tuple(cameras),
            outbox_rows=figures.rows,
            schedule_revision=calendar.revision,
            schedule_until_at_s=calendar.until_at_s if calendar.revision else None,
            uploads_waiting=figures.uploads,
            oldest_waiting_s=0.0 if figures.oldest_at_s is None else _age_s(at_s, figures.oldest_at_s),
            worker_restarts=restarts,
            disk_free_bytes=self._reading.disk_free_bytes or 0,
        )

    def _outbox_figures(self) -> tuple[OutboxFigures, bool]:
        """The last that could be read, and whether these are they."""
        try:
            self._figures = self._outbox.figures()
        except sqlite3.Error:  # whoever delivers logs why
            return self._figures, False
        return self._figures, True

    def _read(self, now_s: float) -> None:
        if now_s >= self._reading_due_s:
            self._set_aside = set_aside(self._config.node.state_dir)[-MOST_SET_ASIDE_TOLD:]
            self._reading, self._reading_due_s = self._machine.read(), now_s + MACHINE_S
        if now_s >= self._files_due_s:
            config = self._config
            paths = {config.broker.ca_file, config.console.ca_file, *(camera.ca_file for camera in config.cameras)}
            self._files.clear()
            for path in filter(None, paths):
                if (end := ends_at_s(path)) is not None:  # two files may have one name
                    self._files[path.name] = min(end, self._files.get(path.name, end))
            self._files_due_s = now_s + CERTIFICATES_S

    def _of_machine(self, certificates: Mapping[str, float]) -> MachineHealth:
        reading = self._reading
        ends = [CertificateEnd(name=name[:120], ends_at_s=at_s) for name, at_s in certificates.items()]
        return MachineHealth(
            board=self._name.board,
            system=self._name.system,
            temperature_c=reading.temperature_c,
            throttled=reading.throttled,
            under_voltage=reading.under_voltage,
            memory_bytes=reading.memory_bytes,
            memory_available_bytes=reading.memory_available_bytes,
            load=reading.load,
            processors=reading.processors,
            disk_bytes=reading.disk_bytes,
            disk_wear=reading.disk_wear,
            disk_errors=reading.disk_errors,
            links=tuple(NetworkLink(name=one.name, up=one.up, errors=one.errors) for one in reading.links[:MAX_LINKS]),
            certificates=tuple(ends[:MAX_CERTIFICATES]),
        )


def _age_s(at_s: float, since_at_s: float) -> float:
    """Within what can be told: a box without a battery for its clock begins in 1970, and NTP sets it by half a century.

    at_s, since_at_s: UTC seconds.
    """
    return min(max(0.0, at_s - since_at_s), LONGEST_TOLD_S)


def _told(problem: Problem) -> NodeProblem:
    return NodeProblem(
        code=problem.code,
        severity=problem.severity,
        since_at_s=problem.since_at_s,
        subject=problem.subject[:120],
        figure=problem.figure,
    )
