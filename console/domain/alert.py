"""What an alert can be: states, reasons for closing, urgency. The steps between the states stand in `alert_work`."""

from enum import StrEnum


class AlertState(StrEnum):
    """Where an alert stands."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """What it turned out to be. The share of each tells how well a zone is set. A new one stands last."""

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

SEVERITY_OF_ORDER = tuple(Severity)

REASON_ORDER: dict[str, int] = {
    reason: order for order, reason in enumerate(CloseReason, 1)
}  # as rows have it; 0: none
STATE_ORDER: dict[AlertState, int] = {state: order for order, state in enumerate(AlertState)}
IN_HAND = (AlertState.ACKNOWLEDGED, AlertState.IN_PROGRESS, AlertState.ON_HOLD)

LATE_AFTER_S = 120.0  # an event told later than this after it opened doesn't ring as new


def of_lens(rule: str) -> bool:
    """Whether an event of this rule is about what a camera sees, not about people."""
    return rule.startswith("camera_")


def reasons(rule: str) -> tuple[CloseReason, ...]:
    """What an event of this rule can have been."""
    return OF_A_CAMERA if of_lens(rule) else OF_PEOPLE


def is_late(opened_at_s: float, received_at_s: float) -> bool:
    """Whether an event reached the console so late that it must not ring as if it happened now.

    Both by the same clock, UTC seconds.
    """
    return received_at_s - opened_at_s > LATE_AFTER_S
