"""What can happen to an alert: states, the steps between them, reasons for closing, urgency."""

from enum import StrEnum


class AlertState(StrEnum):
    """Where an alert stands."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """What it turned out to be. The share of each tells how well a zone is set."""

    INCIDENT = "incident"
    PARENT_OR_CARER = "parent_or_carer"
    PUPIL = "pupil"
    STAFF = "staff"
    VENDOR = "vendor"
    RESIDENT = "resident"
    PASSER_BY = "passer_by"
    ANIMAL = "animal"
    FALSE_BOX = "false_box"
    TEST = "test"
    TAMPERING = "tampering"
    CAMERA_MENDED = "camera_mended"


OF_A_CAMERA = (
    CloseReason.TAMPERING,
    CloseReason.CAMERA_MENDED,
    CloseReason.STAFF,
    CloseReason.INCIDENT,
    CloseReason.TEST,
)
OF_PEOPLE = tuple(reason for reason in CloseReason if reason not in OF_A_CAMERA[:2])


class Severity(StrEnum):
    """How urgent an event is, as the node reports it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


SEVERITY_ORDER: dict[Severity, int] = {
    Severity.LOW: 0,
    Severity.MEDIUM: 1,
    Severity.HIGH: 2,
    Severity.CRITICAL: 3,
}

STATE_ORDER: dict[AlertState, int] = {AlertState.NEW: 0, AlertState.ACKNOWLEDGED: 1, AlertState.CLOSED: 2}

_NEXT: dict[AlertState, frozenset[AlertState]] = {
    AlertState.NEW: frozenset({AlertState.ACKNOWLEDGED, AlertState.CLOSED}),
    AlertState.ACKNOWLEDGED: frozenset({AlertState.CLOSED}),
    AlertState.CLOSED: frozenset(),
}

LATE_AFTER_S = 120.0  # an event told later than this after it opened doesn't ring as new


def may_become(state: AlertState, target: AlertState) -> bool:
    """Whether an alert in `state` can be moved to `target`."""
    return target in _NEXT[state]


def is_late(opened_at_s: float, received_at_s: float) -> bool:
    """Whether an event reached the console so late that it must not ring as if it happened now.

    Both by the same clock, UTC seconds.
    """
    return received_at_s - opened_at_s > LATE_AFTER_S
