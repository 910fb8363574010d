"""What people do with alerts: each step as a row of history, in the same transaction as what it changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from console.domain.alert import (
    REASON_ORDER,
    SEVERITY_OF_ORDER,
    SEVERITY_ORDER,
    STATE_ORDER,
    AlertState,
    CloseReason,
)
from console.domain.alert_work import Act, Step, StepRefusedError, Work, after, has_effect, priority
from console.store import changes, escalations
from console.store.alerts import NoSuchAlertError
from console.store.tables import alert, alert_step, event, user_account


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step. refused: a word of the group "problem", empty where it was taken (or had been before).

    owner, owned_at_s: whose the alert is now, and since when.
    """

    event_id: str
    refused: str = ""
    owner: str | None = None
    owned_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of a person. was, became: the state before and after; of a priority, that.

    Of a closing `became` is its reason, of one that was opened again `was`, of one that was corrected both.
    Of an alert that was taken over, its owners' names. token: of the program that took it in the person's name.
    """

    at_s: float
    user: str
    step: Step
    was: str
    became: str
    text: str
    token: str


def act(connection: Connection, event_ids: Iterable[str], what: Act, now_s: float) -> Sequence[Outcome]:
    """A person does the same with each of these alerts; one that refuses holds up no other.

    Raises NoSuchAlertError where one is not there.
    """
    # In one order, so that two people with the same alerts never wait for each other.
    with changes.gathered(connection):
        return [_act(connection, event_id, what, now_s) for event_id in sorted(set(event_ids))]


def history(connection: Connection, event_id: str) -> Sequence[HistoryEntry]:
    """Everything that people did with an alert, the first thing first."""
    query = (
        select(alert_step, user_account.c.name)
        .join(user_account, user_account.c.id == alert_step.c.user_id)
        .where(alert_step.c.event_id == event_id)
        .order_by(alert_step.c.id)
    )
    found = connection.execute(query)
    return [HistoryEntry(r.at_s, r.name, Step(r.step), r.was, r.became, r.text, r.token) for r in found]


def _act(connection: Connection, event_id: str, what: Act, now_s: float) -> Outcome:
    row = connection.execute(_locked(event_id)).first()
    if row is None:
        raise NoSuchAlertError("there is no such alert")
    work, severity = _work(row), SEVERITY_OF_ORDER[row.severity_order]
    try:
        changed = has_effect(work, what, row.rule, severity)
    except StepRefusedError as refused:
        return Outcome(event_id, refused.code, _name(connection, work.owner), row.owned_at_s)
    if changed:
        became = after(work, what, row.rule, severity)
        values = _values(work, became, what, now_s)
        if values:
            connection.execute(update(alert).where(alert.c.event_id == event_id).values(**values))
        was, now = _words(connection, work, became, what, priority(work, severity))
        told = {"step": what.step, "was": was, "became": now, "text": what.text.strip()[:1000], "token": what.token}
        connection.execute(insert(alert_step).values(event_id=event_id, at_s=now_s, user_id=what.by, **told))
        if became != work:
            escalations.follow(connection, event_id, became.state, SEVERITY_ORDER[priority(became, severity)], now_s)
        changes.append(connection, "alert", event_id, what.step, now_s)
    return Outcome(event_id)


def _locked(event_id: str) -> Any:
    """The row of an alert that nobody else may change until the transaction ends."""
    return (
        select(alert, event.c.rule, event.c.severity_order)
        .join(event, event.c.event_id == alert.c.event_id)
        .where(alert.c.event_id == event_id)
        .with_for_update(of=alert)
    )


def _work(row: Any) -> Work:
    chosen = None if row.priority_order is None else SEVERITY_OF_ORDER[row.priority_order]
    then = None if row.severity_order_then is None else SEVERITY_OF_ORDER[row.severity_order_then]
    reason = CloseReason(row.close_reason) if row.close_reason else None
    return Work(AlertState(row.state), row.owner_id, chosen, then, row.closed_by, reason)


def _values(work: Work, became: Work, what: Act, now_s: float) -> dict[str, Any]:
    """What a step changes in the row of its alert."""
    values: dict[str, Any] = {}
    if became.state != work.state:
        values |= {"state": became.state, "state_order": STATE_ORDER[became.state]}
    if became.owner != work.owner:
        values |= {"owner_id": became.owner, "owned_at_s": now_s}
    if work.state == AlertState.NEW and became.state == AlertState.ACKNOWLEDGED:
        values |= {"acknowledged_by": what.by, "acknowledged_at_s": now_s}
    if became.reason != work.reason:
        values |= {"close_reason": became.reason}
        values["reason_order"] = REASON_ORDER[became.reason] if became.reason else 0
    if what.step == Step.CLOSE:
        values |= {"closed_by": what.by, "closed_at_s": now_s, "close_note": what.text.strip()[:1000]}
    elif what.step == Step.REOPEN:
        values |= {"closed_by": None, "closed_at_s": None, "close_note": ""}
    if work.state == AlertState.NEW and became.state != AlertState.NEW:
        values["answered_s"] = func.coalesce(
            alert.c.answered_s, now_s - alert.c.opened_at_s
        )  # of one told late it stays
    if became.chosen is not None and (became.chosen, became.severity_then) != (work.chosen, work.severity_then):
        values["priority_order"] = SEVERITY_ORDER[became.chosen]
        values["severity_order_then"] = SEVERITY_ORDER[became.severity_then or became.chosen]
    return values


def _words(connection: Connection, work: Work, became: Work, what: Act, urgent: str) -> tuple[str, str]:
    """What stood before a step and after it, as its history has it."""
    if what.step == Step.PRIORITISE:
        return urgent, str(what.priority)
    if what.step == Step.TAKE_OVER:
        return _name(connection, work.owner) or "", _name(connection, became.owner) or ""
    return str(work.reason or work.state), str(became.reason or became.state)


def _name(connection: Connection, user_id: int | None) -> str | None:
    return connection.execute(select(user_account.c.name).where(user_account.c.id == user_id)).scalar()
