"""The outbox of notifications: who takes one to send it, what came of each try, and what pages show of them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from console.domain.alert import SEVERITY_OF_ORDER, Severity
from console.domain.channel import ChannelKind
from console.domain.delivery import GIVE_UP_S, LEASE_S, SIREN_S, TRY_S, Result, State, next_at_s
from console.store import changes, channels, escalations
from console.store.escalation_tables import channel, escalation, notification, watch_fault
from console.store.escalations import ALERT, HELD, STOPPED
from console.store.tables import site


@dataclass(frozen=True, slots=True)
class Due:
    """One that may be sent now. address_sealed: None where its way is no longer there.

    fault, fault_subject: of a fault of the watch its kind, and the way that failed. is_end: tells a siren to be silent.
    """

    id: int
    purpose: str
    event_id: str | None
    fault: str
    fault_subject: str
    site: str
    site_id: int
    severity: Severity
    begun_at_s: float
    made_at_s: float
    contact: str
    language: str
    kind: ChannelKind
    lane: str
    channel_id: int
    address_sealed: str | None
    recipient: str
    is_end: bool


@dataclass(frozen=True, slots=True)
class Try:
    """One try. took_s: seconds that it took; reason: a word of the group "try_failed", and what the other side said."""

    at_s: float
    took_s: float
    result: Result
    reason: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One person told by one way, with every try; `state` says how it stands. is_end: a siren told to be silent."""

    id: int
    run: int
    number: int
    step: str
    contact: str
    channel: str
    kind: str
    recipient: str
    state: State
    made_at_s: float
    next_at_s: float | None
    tries: tuple[Try, ...]
    is_end: bool


def due(connection: Connection, now_s: float, full_lanes: Collection[str], limit: int) -> Sequence[Due]:
    """What may be sent now, the oldest first; nothing of lanes that are full, so that these hide no other."""
    query = (
        select(notification, channel.c.lane, channel.c.address_sealed, site.c.name.label("site_name"))
        .add_columns(escalation.c.purpose, escalation.c.severity_order, escalation.c.begun_at_s)
        .add_columns(watch_fault.c.kind.label("fault"), watch_fault.c.subject)
        .join(escalation, escalation.c.id == notification.c.escalation_id)
        .join(site, site.c.id == notification.c.site_id)
        .outerjoin(channel, channel.c.id == notification.c.channel_id)
        .outerjoin(watch_fault, watch_fault.c.id == escalation.c.fault_id)
        .where(_takable(now_s), or_(channel.c.lane.is_(None), channel.c.lane.not_in(full_lanes)))
        .order_by(notification.c.next_at_s, notification.c.id)
        .limit(limit)
    )
    return [_due(row) for row in connection.execute(query)]


def take(connection: Connection, notification_id: int, now_s: float) -> bool:
    """Takes one to send it; False where another console, or an acknowledgement, came first."""
    row = connection.execute(select(notification).where(notification.c.id == notification_id)).first()
    if row is None:
        return False
    if row.is_end and escalations.is_sounding(connection, row.channel_id, now_s):
        escalations.leave(connection, row.id, now_s)  # for another alert, which nobody has taken on
        return False
    tries = json.loads(row.tries_json)
    if row.state == State.SENDING:  # its console was killed while it sent
        tries.append({"at_s": row.changed_at_s, "took_s": 0.0, "result": Result.UNKNOWN, "reason": ""})
    mine = (notification.c.id == notification_id) & _takable(now_s) & (notification.c.changed_at_s == row.changed_at_s)
    values = {"state": State.SENDING, "changed_at_s": now_s, "next_at_s": now_s + LEASE_S}
    taken = connection.execute(update(notification).where(mine).values(tries_json=json.dumps(tries), **values))
    return taken.rowcount == 1


def finish(connection: Connection, notification_id: int, taken_at_s: float, one: Try, now_s: float) -> None:
    """Writes a try down and what comes after it; where another console has taken it meanwhile, only the try."""
    row = connection.execute(_locked(notification_id)).first()
    if row is None:
        return
    tries = [*json.loads(row.tries_json), _written(one)]
    values: dict[str, Any] = {"tries_json": json.dumps(tries)}
    state = _state_after(row, tries, one, now_s)
    if (row.state == State.SENDING and row.changed_at_s == taken_at_s) or one.result == Result.SENT:
        again_at_s = next_at_s(len(tries), row.made_at_s, now_s) if state == State.WAITING else None
        values |= {"state": state, "changed_at_s": now_s, "next_at_s": again_at_s}
    connection.execute(update(notification).where(notification.c.id == notification_id).values(**values))
    if state == State.SENT and row.escalation_state in (STOPPED, HELD):  # taken on while it was being told
        escalations.end_sirens(connection, row.escalation_id, now_s)
    channels.note_result(connection, row.channel_id, _reason(one), now_s)
    if row.purpose == ALERT and row.event_id:
        changes.append(connection, "alert", row.event_id, "told", now_s)


def is_any_late(connection: Connection, now_s: float) -> bool:
    """Whether `give_up_late` has anything to do."""
    return connection.execute(select(notification.c.id).where(_late(now_s)).limit(1)).first() is not None


def give_up_late(connection: Connection, now_s: float) -> None:
    """What waited too long behind a way that hangs is told no more, and its page says so."""
    values = {"state": State.FAILED, "next_at_s": None, "changed_at_s": now_s}
    connection.execute(update(notification).where(_late(now_s)).values(**values))


def _late(now_s: float) -> Any:
    c = notification.c
    return and_(c.state == State.WAITING, c.next_at_s > 0.0, c.made_at_s < now_s - GIVE_UP_S - TRY_S)


def of_alert(connection: Connection, event_id: str) -> Sequence[Notification]:
    """Everybody who was or will be told of an alert, in order."""
    return _listing(connection, notification.c.event_id == event_id)


def of_escalation(connection: Connection, escalation_id: int) -> Sequence[Notification]:
    """The same of one escalation."""
    return _listing(connection, notification.c.escalation_id == escalation_id)


def _state_after(row: Any, tries: Sequence[Any], one: Try, now_s: float) -> State:
    if one.result == Result.SENT:
        return State.SENT
    if row.escalation_state == STOPPED and not row.is_end:
        return State.STOPPED
    is_over = row.is_end and now_s - row.made_at_s >= SIREN_S  # it is silent by itself
    return State.FAILED if is_over or next_at_s(len(tries), row.made_at_s, now_s) is None else State.WAITING


def _reason(one: Try) -> str:
    return "" if one.result == Result.SENT else one.reason or one.result.value


def _takable(now_s: float) -> Any:
    """Waiting and due, or left behind by a killed console. A clock that went back makes nothing wait for ever."""
    c = notification.c
    waiting = and_(c.state == State.WAITING, or_(c.next_at_s <= now_s, c.changed_at_s > now_s + 5.0))
    left = and_(c.state == State.SENDING, or_(c.next_at_s <= now_s, c.changed_at_s > now_s + LEASE_S))
    return and_(c.next_at_s > 0.0, or_(waiting, left))


def _locked(notification_id: int) -> Any:
    return (
        select(notification, escalation.c.state.label("escalation_state"), escalation.c.purpose)
        .join(escalation, escalation.c.id == notification.c.escalation_id)
        .where(notification.c.id == notification_id)
        .with_for_update(of=escalation)  # before the notification, as whoever stops it does
    )


def _listing(connection: Connection, which: Any) -> Sequence[Notification]:
    c = notification.c
    order = (c.run, c.is_end, c.number, c.contact, c.id)
    return [_notification(row) for row in connection.execute(select(notification).where(which).order_by(*order))]


def _written(one: Try) -> dict[str, Any]:
    return {"at_s": one.at_s, "took_s": one.took_s, "result": one.result, "reason": one.reason}


def _notification(row: Any) -> Notification:
    told = json.loads(row.tries_json)
    tries = tuple(Try(one["at_s"], one["took_s"], Result(one["result"]), one["reason"]) for one in told)
    who = (row.run, row.number, row.step, row.contact, row.channel, row.kind, row.recipient)
    return Notification(row.id, *who, State(row.state), row.made_at_s, row.next_at_s, tries, row.is_end)


def _due(row: Any) -> Due:
    return Due(
        id=row.id,
        purpose=row.purpose,
        event_id=row.event_id,
        fault=row.fault or "",
        fault_subject=row.subject or "",
        site=row.site_name,
        site_id=row.site_id,
        severity=SEVERITY_OF_ORDER[row.severity_order],
        begun_at_s=row.begun_at_s,
        made_at_s=row.made_at_s,
        contact=row.contact,
        language=row.language,
        kind=ChannelKind(row.kind),
        lane=row.lane or "",
        channel_id=row.channel_id,
        address_sealed=row.address_sealed,
        recipient=row.recipient,
        is_end=row.is_end,
    )
