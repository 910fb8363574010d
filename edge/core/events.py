"""From signals to events: a stable id, a growing revision, wall-clock times. What the edge reports."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from edge.core.person import GapReason
from edge.core.rules.signal import Box, Direction, RuleKind, Signal, SignalState
from edge.core.scene import Scene
from edge.core.stay import Visit

Severity = Literal["low", "medium", "high", "critical"]
Closing = Literal["left", "lost", "disarmed", "dispersed", "crossed", "restart", "camera_lost", "unwatched"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
_CLOCK_SET_S = 1.0  # less is NTP at work
_NAMESPACE = uuid.UUID("5f0c6f5e-8f2a-5c7b-9a63-2f6f1d0c9b41")


@dataclass(frozen=True, slots=True)
class EventPoint:
    """Where the person's feet were: UTC seconds, fractions of the picture."""

    at_s: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class EventGap:
    """A bridged gap: UTC seconds, and why the stay went on."""

    from_at_s: float
    to_at_s: float
    reason: GapReason


@dataclass(frozen=True, slots=True)
class EventVisit:
    """An earlier stay of the same person in the same zone: UTC seconds."""

    from_at_s: float
    to_at_s: float


@dataclass(frozen=True, slots=True)
class Event:
    """One revision of an event; the fields are those of the wire's EventMessage, plus media_s.

    event_id: never changes. revision: from 1. Times `_at_s` are UTC seconds of capture, all by the wall clock as it
    stood when the event opened; media_s is the camera's own.
    """

    event_id: str
    revision: int
    state: SignalState
    rule: RuleKind
    camera: str
    zone: str
    severity: Severity
    stage: int
    opened_at_s: float
    captured_at_s: float
    media_s: float
    closed_at_s: float | None = None
    closed_because: Closing | None = None
    dwell_s: float = 0.0
    threshold_s: float | None = None
    people: int = 1
    direction: Direction | None = None
    visits: int = 1
    confidence: float = 0.0
    box: Box | None = None
    path: tuple[EventPoint, ...] = ()
    gaps_bridged: tuple[EventGap, ...] = ()
    earlier_visits: tuple[EventVisit, ...] = ()
    period: str = ""


@dataclass(slots=True)
class _Open:
    last: Event
    told_s: float = field(default=0.0)


class EventBook:
    """Keeps the open events of one camera and counts their revisions."""

    def __init__(self, node: str, camera: str, severities: Sequence[Severity], update_every_s: float = 10.0) -> None:
        """severities: of the camera's rules, in their order; `shape` names a rule by its number there.

        update_every_s: media seconds between "updated" revisions of one event; a new stage is told at once.
        """
        self._node = node
        self._camera = camera
        self._severities = list(severities)
        self._update_every_s = update_every_s
        self._open: dict[tuple[int, str], _Open] = {}  # by the rule's number and its subject

    @property
    def open_events(self) -> tuple[Event, ...]:
        """The last told revision of each open event."""
        return tuple(entry.last for entry in self._open.values())

    def shape(
        self, rule: int, signals: Sequence[Signal], scene: Scene, severity: Severity | None = None, period: str = ""
    ) -> list[Event]:
        """Events that the `signals` of rule number `rule`, raised on `scene`, are worth.

        severity: of the rule at this moment, None: its usual one. What is open may become graver by it, never milder.
        period: of the calendar, in which it opens.
        """
        if severity is not None:
            self._severities[rule] = severity
        events = (self._shape_one(rule, signal, scene, period) for signal in signals)
        return [event for event in events if event is not None]

    def close_all(self, because: Closing, media_s: float, captured_at_s: float) -> list[Event]:
        """Closes every open event, for a camera that is lost or a node that stops."""
        events = []
        for last in self.open_events:
            ended_s = _ms(media_s + _offset_s(last, captured_at_s - media_s))
            events.append(
                replace(
                    last,
                    revision=last.revision + 1,
                    state="closed",
                    closed_because=because,
                    closed_at_s=ended_s,
                    captured_at_s=ended_s,
                    media_s=_ms(media_s),
                )
            )
        self._open.clear()
        return events

    def _shape_one(self, rule: int, signal: Signal, scene: Scene, period: str) -> Event | None:
        key = rule, signal.subject
        known = self._open.get(key)
        if signal.state == "open":
            event = replace(self._event(rule, signal, scene, None), period=period)
            self._open[key] = _Open(event, scene.media_s)
            return event
        if known is None:
            return None
        if signal.state == "closed":
            del self._open[key]
            return self._event(rule, signal, scene, known.last)
        due = scene.media_s - known.told_s >= self._update_every_s
        if not due and signal.stage == known.last.stage:
            return None
        event = self._event(rule, signal, scene, known.last)
        self._open[key] = _Open(event, scene.media_s)
        return event

    def _event(self, rule: int, signal: Signal, scene: Scene, before: Event | None) -> Event:
        offset_s = _offset_s(before, scene.captured_at_s - scene.media_s)
        captured_at_s = _ms(scene.media_s + offset_s)
        opened_at_s = before.opened_at_s if before else captured_at_s
        stay, closed = signal.stay, signal.state == "closed"
        return Event(
            event_id=before.event_id if before else self._id(rule, signal, opened_at_s),
            revision=before.revision + 1 if before else 1,
            state=signal.state,
            rule=signal.rule,
            camera=self._camera,
            zone=signal.place,
            severity=self._severity(rule, signal, before),
            stage=signal.stage,
            opened_at_s=opened_at_s,
            captured_at_s=captured_at_s,
            media_s=_ms(scene.media_s),
            closed_at_s=captured_at_s if closed else None,
            closed_because=signal.closed_because,
            dwell_s=_ms(max(0.0, signal.dwell_s)),
            threshold_s=before.threshold_s if before else signal.threshold_s,  # by which it rang
            people=signal.people,
            direction=signal.direction,
            visits=signal.visits,
            confidence=round(signal.confidence, 4),
            box=signal.box,
            path=tuple(EventPoint(_ms(p.media_s + offset_s), p.x, p.y) for p in stay.path) if stay else (),
            gaps_bridged=tuple(EventGap(_ms(g.from_s + offset_s), _ms(g.to_s + offset_s), g.reason) for g in stay.gaps)
            if stay
            else (),
            earlier_visits=_visits(stay.earlier, offset_s) if stay else (),
            period=before.period if before else "",
        )

    def _severity(self, rule: int, signal: Signal, before: Event | None) -> Severity:
        rank = min(SEVERITIES.index(self._severities[rule]) + signal.stage - 1, len(SEVERITIES) - 1)
        return SEVERITIES[max(rank, SEVERITIES.index(before.severity))] if before else SEVERITIES[rank]

    def _id(self, rule: int, signal: Signal, opened_at_s: float) -> str:
        # Derived, not drawn: a replay of the same video gives the same bytes, a retry the same event.
        name = f"{self._node}/{self._camera}/{signal.place}/{signal.rule}/{rule}/{opened_at_s:.3f}/{signal.subject}"
        return str(uuid.uuid5(_NAMESPACE, name))


def _visits(earlier: Sequence[Visit], offset_s: float) -> tuple[EventVisit, ...]:
    return tuple(EventVisit(_ms(one.entered_s + offset_s), _ms(one.left_s + offset_s)) for one in earlier)


def _offset_s(before: Event | None, now_s: float) -> float:
    """What makes UTC of media seconds: as at the event's last revision where the clock was set since, else as now."""
    if before is None:
        return now_s
    then_s = before.captured_at_s - before.media_s
    return then_s if abs(now_s - then_s) > _CLOCK_SET_S else now_s


def _ms(seconds: float) -> float:
    return round(seconds, 3)
