"""The node's own health: what the machine tells of itself, and from where on people are told. Pure.

Every figure has two limits, a time for which it must lie past one before it counts, and a way back that is longer:
nobody is called for a peak, and no line on the console flickers.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge.core.disk_forecast import DiskProblem

Severity = Literal["warning", "critical"]

SLOWS_AT_C = 80.0  # a Raspberry Pi; other kernels tell their own
DAY_S = 86_400.0
LINK_WINDOW_S = 60.0
LINK_FEWEST_PACKETS = 200  # below this a share of errors says nothing
DEATHS_WINDOW_S = 3600.0


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface with hardware behind it. packets, errors: received and sent, since it came up."""

    name: str
    up: bool
    packets: int
    errors: int


@dataclass(frozen=True, slots=True)
class MachineReading:
    """What the machine tells at one moment; None where it does not tell.

    temperature_c: of the hottest sensor of the processor. slows_at_c: where the processor slows itself down.
    throttled: it does so now. under_voltage: now; under_voltage_before: since the machine was switched on.
    load: processes that want to run, mean of five minutes. disk_*: of the disk that holds the state folder.
    disk_errors: faults of its file system that the kernel has counted. disk_wear: share of its life that is used.
    """

    temperature_c: float | None = None
    slows_at_c: float = SLOWS_AT_C
    throttled: bool | None = None
    under_voltage: bool | None = None
    under_voltage_before: bool = False
    memory_bytes: int | None = None
    memory_available_bytes: int | None = None
    load: float | None = None
    processors: int = 1
    disk_bytes: int | None = None
    disk_free_bytes: int | None = None
    disk_read_only: bool = False
    disk_errors: int = 0
    disk_wear: float | None = None
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one figure, larger is worse: a warning from `warning` on, critical from `critical` on.

    hold_s: it lies past a limit for so long before it counts. calm_s, ease: it lies `ease` below it for so long before
    it counts no more.
    """

    warning: float
    critical: float
    ease: float = 0.0
    hold_s: float = 0.0
    calm_s: float = 0.0


_YES = 0.5  # between 0, no, and 1, yes
LIMITS: dict[str, Limits] = {  # by code of the problem, in the order in which they are told
    "disk_read_only": Limits(_YES, _YES),
    "disk_errors": Limits(_YES, _YES),
    "recording_stopped": Limits(_YES, _YES),
    "disk_hours_left": Limits(_YES, _YES),
    "disk_days_left": Limits(_YES, math.inf),
    "files_damaged": Limits(_YES, math.inf),
    "recording_short": Limits(_YES, math.inf),
    "outbox_damaged": Limits(_YES, _YES),
    "outbox_unreadable": Limits(_YES, _YES),
    "outbox_full": Limits(_YES, _YES),
    "outbox_filling": Limits(0.8, math.inf, ease=0.05),  # share of what may wait
    "uploads_quiet": Limits(_YES, math.inf),  # files that wait because of quiet hours
    "console_unreachable": Limits(_YES, _YES, hold_s=30),  # a console that restarts is away for seconds
    "worker_down": Limits(_YES, math.inf),  # it mends itself, and its cameras are told as blind
    "workers_die": Limits(3, 10),  # within an hour
    "under_voltage": Limits(1, 2, calm_s=600),  # 1: since it was switched on, 2: now
    "hot": Limits(-5, 5, ease=5, hold_s=30, calm_s=60),  # degrees past the one where the processor slows down
    "throttled": Limits(_YES, math.inf, hold_s=10, calm_s=60),
    "disk_worn": Limits(0.8, 1.0),
    "memory_low": Limits(0.90, 0.95, ease=0.03, hold_s=30, calm_s=60),  # share in use
    "load_high": Limits(2.0, math.inf, ease=0.5, hold_s=60, calm_s=60),  # for each processor core
    "link_down": Limits(_YES, _YES, hold_s=5, calm_s=10),
    "link_errors": Limits(0.001, 0.05, ease=0.0005, hold_s=30, calm_s=120),  # share of the packets
    "clock_wrong": Limits(_YES, _YES),
    "calendar_ended": Limits(_YES, _YES),
    "calendar_ends": Limits(_YES, math.inf),
    "certificate_ends": Limits(-30, -7),  # less days left
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with the node itself.

    code: a key of `LIMITS`. subject: which interface or certificate; else empty. since_at_s: UTC seconds.
    figure: as people are told it (°C, a share, days left, a count); None where there is none.
    """

    code: str
    severity: Severity
    since_at_s: float
    subject: str = ""
    figure: float | None = None


@dataclass(slots=True)
class Level:
    """Hysteresis of one figure. now: 0 in order, 1 warning, 2 critical."""

    limits: Limits
    now: int = 0
    _way: int = 0
    _way_since_s: float = 0.0

    def note(self, figure: float, now_s: float) -> int:
        """The level after one more figure; now_s: monotonic."""
        steps = enumerate((self.limits.warning, self.limits.critical), 1)
        wanted = sum(figure >= at - (self.limits.ease if rank <= self.now else 0.0) for rank, at in steps)
        way = (wanted > self.now) - (wanted < self.now)
        if way != self._way:
            self._way, self._way_since_s = way, now_s
        if way and now_s - self._way_since_s >= (self.limits.hold_s if way > 0 else self.limits.calm_s):
            self.now, self._way = wanted, 0
        return self.now


@dataclass(frozen=True, slots=True)
class _Figure:
    """bad: what is compared with the limits. told: the figure for people."""

    code: str
    bad: float
    told: float | None = None
    subject: str = ""


@dataclass(slots=True)
class _LinkPast:
    """What is known of an interface. was_up: a port that never had a cable is no fault."""

    was_up: bool = False
    counts: deque[tuple[float, int, int]] = field(default_factory=deque)

    def share_of_errors(self, link: Link, now_s: float) -> float:
        """Of the packets of the last minute; 0 where they are too few to tell."""
        if self.counts and link.packets + link.errors < sum(self.counts[-1][1:]):
            self.counts.clear()  # the interface was made anew and counts from zero
        self.counts.append((now_s, link.packets, link.errors))
        while now_s - self.counts[0][0] > LINK_WINDOW_S:
            self.counts.popleft()
        _, packets, errors = self.counts[0]
        packets, errors = link.packets - packets, link.errors - errors
        return errors / (packets + errors) if packets + errors >= LINK_FEWEST_PACKETS else 0.0


class NodeWatch:
    """Judges a node by its readings, with their past."""

    def __init__(self) -> None:
        self._levels: dict[tuple[str, str], Level] = {}
        self._since_at_s: dict[tuple[str, str], float] = {}
        self._links: dict[str, _LinkPast] = {}
        self._deaths: deque[float] = deque()
        self._deaths_so_far = 0

    def judge(
        self,
        reading: MachineReading,
        certificates: Mapping[str, float],
        faults: Mapping[str, float],
        disk: Sequence[DiskProblem],
        deaths: int,
        now_s: float,
        at_s: float,
    ) -> tuple[Problem, ...]:
        """What is wrong now, what is critical first.

        certificates: name -> its end, UTC seconds. faults: keys of `LIMITS` that are simply so or not, or their figure.
        disk: what is wrong with what is kept. deaths: of workers so far. now_s: monotonic; at_s: UTC seconds.
        """
        found = []
        figures = [_Figure(code, float(so), None if isinstance(so, bool) else so) for code, so in faults.items()]
        figures += [_Figure(one.code, 1.0, one.figure, one.subject) for one in disk]
        figures += self._machine(reading)
        figures += self._of_links(reading.links, now_s)
        figures.append(self._of_deaths(deaths, now_s))
        figures += [
            _Figure("certificate_ends", -(ends_at_s - at_s) / DAY_S, (ends_at_s - at_s) / DAY_S, name)
            for name, ends_at_s in certificates.items()
        ]
        for gone in self._levels.keys() - {(one.code, one.subject) for one in figures}:
            del self._levels[gone]
            self._since_at_s.pop(gone, None)
        for one in figures:
            key = (one.code, one.subject)
            level = self._levels.setdefault(key, Level(LIMITS[one.code])).note(one.bad, now_s)
            if not level:
                self._since_at_s.pop(key, None)
                continue
            since_at_s = self._since_at_s.setdefault(key, at_s)
            severity: Severity = "critical" if level > 1 else "warning"
            found.append(Problem(one.code, severity, since_at_s, one.subject, one.told))
        order = list(LIMITS)
        return tuple(sorted(found, key=lambda problem: (problem.severity, order.index(problem.code))))

    @staticmethod
    def _machine(reading: MachineReading) -> Iterator[_Figure]:
        yield _Figure("disk_read_only", float(reading.disk_read_only))
        yield _Figure("disk_errors", float(reading.disk_errors > 0), reading.disk_errors)
        if reading.temperature_c is not None:
            yield _Figure("hot", reading.temperature_c - reading.slows_at_c, reading.temperature_c)
        if reading.throttled is not None:
            yield _Figure("throttled", float(reading.throttled))
        if reading.under_voltage is not None:
            yield _Figure("under_voltage", 2.0 if reading.under_voltage else float(reading.under_voltage_before))
        if reading.disk_wear is not None:
            yield _Figure("disk_worn", reading.disk_wear, reading.disk_wear)
        if reading.memory_bytes and reading.memory_available_bytes is not None:
            used = 1 - reading.memory_available_bytes / reading.memory_bytes
            yield _Figure("memory_low", used, used)
        if reading.load is not None:
            each = reading.load / reading.processors
            yield _Figure("load_high", each, each)

    def _of_links(self, links: tuple[Link, ...], now_s: float) -> Iterator[_Figure]:
        for link in links:
            past = self._links.setdefault(link.name, _LinkPast())
            past.was_up |= link.up
            share = past.share_of_errors(link, now_s)
            yield _Figure("link_down", float(past.was_up and not link.up), subject=link.name)
            yield _Figure("link_errors", share, share, link.name)

    def _of_deaths(self, deaths: int, now_s: float) -> _Figure:
        self._deaths.extend([now_s] * (deaths - self._deaths_so_far))
        self._deaths_so_far = deaths
        while self._deaths and now_s - self._deaths[0] > DEATHS_WINDOW_S:
            self._deaths.popleft()
        return _Figure("workers_die", len(self._deaths), len(self._deaths))
