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
    CORRECT = "correct"  # of a closed one what it turned out to be
    REOPEN = "reopen"


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
    Step.CORRECT: {_CLOSED: _CLOSED},
    Step.REOPEN: {_CLOSED: _IN_PROGRESS},
}
_BY_ANYBODY = (Step.TAKE_OVER, Step.NOTE, Step.PRIORITISE)  # the others are the owner's, once there is one
_OF_CLOSED = (Step.CORRECT, Step.REOPEN)  # by whoever closed it, and by those who answer for them


class StepRefusedError(ValueError):
    """A step that can't be taken; `code` is a word of the group "problem"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Work:
    """Where an alert stands and whose it is. owner: id of a person; None until somebody takes it on.

    chosen: the priority that a person gave it; severity_then: how severe it was at that moment.
    closed_by: id of the person who closed it; reason: what it turned out to be.
    """

    state: AlertState = AlertState.NEW
    owner: int | None = None
    chosen: Severity | None = None
    severity_then: Severity | None = None
    closed_by: int | None = None
    reason: CloseReason | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A step of a person (`by`: their id) with what it needs: a reason, words or a priority.

    token: the name of the token with which a program takes it in the person's name, else empty.
    over_others: whether this person may correct and open again what others closed.
    """

    step: Step
    by: int
    reason: CloseReason | None = None
    text: str = ""
    priority: Severity | None = None
    token: str = ""
    over_others: bool = False


def after(work: Work, act: Act, rule: str, severity: Severity) -> Work:
    """The work after an act, of an event of this rule and severity; the same where it was done already.

    Raises StepRefusedError: `already_closed`; `taken`, where it is somebody else's and must be taken over first;
    `not_acknowledged`; `not_closed`; `not_your_closing`; `reason_missing`, `note_missing`, `why_missing` or
    `priority_missing`, where the act lacks what it needs.
    """
    target = _LEADS_TO[act.step].get(work.state)
    if target is None:
        raise StepRefusedError(_untimely(work, act))
    _check_right(work, act)
    _check_needs(act, rule)
    if act.step == Step.NOTE:
        return work
    if act.step == Step.PRIORITISE:
        return replace(work, chosen=act.priority, severity_then=severity)
    if act.step == Step.CORRECT:
        return replace(work, reason=act.reason)
    closed_by, reason = (act.by, act.reason) if act.step == Step.CLOSE else (None, None)
    return replace(work, state=target, owner=act.by, closed_by=closed_by, reason=reason)


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


def _untimely(work: Work, act: Act) -> str:
    """Why a step can't be taken now."""
    if act.step in _OF_CLOSED:
        return "not_closed"
    return "already_closed" if work.state == AlertState.CLOSED else "not_acknowledged"


def _check_right(work: Work, act: Act) -> None:
    if act.step in _OF_CLOSED:
        if work.closed_by != act.by and not act.over_others:
            raise StepRefusedError("not_your_closing")
    elif act.step not in _BY_ANYBODY and work.owner not in (None, act.by):
        raise StepRefusedError("taken")


def _check_needs(act: Act, rule: str) -> None:
    if act.step in (Step.CLOSE, Step.CORRECT) and act.reason not in reasons(rule):
        raise StepRefusedError("reason_missing")
    if act.step in _OF_CLOSED and not act.text.strip():
        raise StepRefusedError("why_missing")
    if act.step == Step.NOTE and not act.text.strip():
        raise StepRefusedError("note_missing")
    if act.step == Step.PRIORITISE and act.priority is None:
        raise StepRefusedError("priority_missing")
