"""An alert as work: which step leads from which state to which, who may take it and what it needs."""

from dataclasses import dataclass, replace
from enum import StrEnum

from console.domain.alert import SEVERITY_ORDER, AlertState, CloseReason, Severity, reasons


class Step(StrEnum):
    """Something that a person does with an alert."""

    ACKNOWLEDGE = "acknowledge"
    START = "start"
    HOLD = "hold"
    TAKE_OVER = "take_over"
    CLOSE = "close"
    NOTE = "note"
    PRIORITISE = "prioritise"


_NEW, _ACKNOWLEDGED, _IN_PROGRESS, _ON_HOLD, _CLOSED = AlertState
_STAY = {state: state for state in AlertState}
_OPEN = (_NEW, _ACKNOWLEDGED, _IN_PROGRESS, _ON_HOLD)

# Where each step leads. A state that is missing can't take it.
_LEADS_TO: dict[Step, dict[AlertState, AlertState]] = {
    Step.ACKNOWLEDGE: {**{state: state for state in _OPEN}, _NEW: _ACKNOWLEDGED},
    Step.START: dict.fromkeys((_ACKNOWLEDGED, _IN_PROGRESS, _ON_HOLD), _IN_PROGRESS),
    Step.HOLD: dict.fromkeys((_ACKNOWLEDGED, _IN_PROGRESS, _ON_HOLD), _ON_HOLD),
    Step.TAKE_OVER: {**{state: state for state in _OPEN}, _NEW: _ACKNOWLEDGED},
    Step.CLOSE: dict.fromkeys(_OPEN, _CLOSED),
    Step.NOTE: _STAY,
    Step.PRIORITISE: {state: state for state in _OPEN},
}
_BY_ANYBODY = (Step.TAKE_OVER, Step.NOTE, Step.PRIORITISE)  # the others are the owner's, once there is one


class StepRefusedError(ValueError):
    """A step that can't be taken; `code` is a word of the group "problem"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Work:
    """Where an alert stands and whose it is. owner: id of a person; None until somebody takes it on.

    chosen: the priority that a person gave it; severity_then: how severe it was at that moment.
    """

    state: AlertState = AlertState.NEW
    owner: int | None = None
    chosen: Severity | None = None
    severity_then: Severity | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A step of a person (`by`: their id) with what it needs: a reason, words or a priority."""

    step: Step
    by: int
    reason: CloseReason | None = None
    text: str = ""
    priority: Severity | None = None


def after(work: Work, act: Act, rule: str, severity: Severity) -> Work:
    """The work after an act, of an event of this rule and severity; the same where it was done already.

    Raises StepRefusedError: `already_closed`; `taken`, where it is somebody else's and must be taken over first;
    `not_acknowledged`; `reason_missing`, `note_missing` or `priority_missing`, where the act lacks what it needs.
    """
    target = _LEADS_TO[act.step].get(work.state)
    if target is None:
        raise StepRefusedError("already_closed" if work.state == AlertState.CLOSED else "not_acknowledged")
    if act.step not in _BY_ANYBODY and work.owner not in (None, act.by):
        raise StepRefusedError("taken")
    _check_needs(act, rule)
    if act.step == Step.NOTE:
        return work
    if act.step == Step.PRIORITISE:
        return replace(work, chosen=act.priority, severity_then=severity)
    return replace(work, state=target, owner=act.by)


def has_effect(work: Work, act: Act, rule: str, severity: Severity) -> bool:
    """Whether an act changes anything: a note always does. Raises StepRefusedError."""
    if act.step == Step.PRIORITISE:
        return priority(after(work, act, rule, severity), severity) != priority(work, severity)
    return after(work, act, rule, severity) != work or act.step == Step.NOTE


def priority(work: Work, severity: Severity) -> Severity:
    """How urgent an alert is: as the box says, unless a person has said otherwise.

    A person's word stands until the box reports it as more severe than it was then; from then on the higher counts.
    """
    if work.chosen is None or work.severity_then is None:
        return severity
    if SEVERITY_ORDER[severity] <= SEVERITY_ORDER[work.severity_then]:
        return work.chosen
    return max(work.chosen, severity, key=SEVERITY_ORDER.__getitem__)


def _check_needs(act: Act, rule: str) -> None:
    if act.step == Step.CLOSE and act.reason not in reasons(rule):
        raise StepRefusedError("reason_missing")
    if act.step == Step.NOTE and not act.text.strip():
        raise StepRefusedError("note_missing")
    if act.step == Step.PRIORITISE and act.priority is None:
        raise StepRefusedError("priority_missing")
