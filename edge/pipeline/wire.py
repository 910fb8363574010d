"""Core event -> wire message."""

from broker.contract.messages import EventMessage, GapBridged, PathPoint, Visit
from edge.core.events import Event


def event_message(event: Event, model: str) -> EventMessage:
    """The message that tells `event`; `model` is the name of the network that found the people."""
    return EventMessage(
        event_id=event.event_id,
        revision=event.revision,
        state=event.state,
        rule=event.rule,
        camera=event.camera,
        zone=event.zone,
        severity=event.severity,
        stage=event.stage,
        opened_at_s=event.opened_at_s,
        captured_at_s=event.captured_at_s,
        closed_at_s=event.closed_at_s,
        closed_because=event.closed_because,
        dwell_s=event.dwell_s,
        threshold_s=event.threshold_s,
        people=event.people,
        direction=event.direction,
        visits=event.visits,
        confidence=event.confidence,
        box=event.box,
        path=tuple(PathPoint(at_s=point.at_s, x=_fraction(point.x), y=_fraction(point.y)) for point in event.path),
        gaps_bridged=tuple(
            GapBridged(from_at_s=gap.from_at_s, to_at_s=gap.to_at_s, reason=gap.reason) for gap in event.gaps_bridged
        ),
        earlier_visits=tuple(Visit(from_at_s=one.from_at_s, to_at_s=one.to_at_s) for one in event.earlier_visits),
        model=model,
        period=event.period,
    )


def _fraction(value: float) -> float:
    return min(1.0, max(0.0, value))
