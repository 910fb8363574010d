"""What people are being told of, and how far: a notification and what causes it are one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from console.domain.alert import SEVERITY_OF_ORDER, SEVERITY_ORDER, AlertState, Severity
from console.domain.channel import ChannelKind
from console.domain.delivery import SIREN_S, State
from console.domain.escalation import Moment, Run, Told, advance, begins, is_over, next_at_s, quickened
from console.domain.site_tree import upwards
from console.domain.wall_watch import FAULT_SEVERITY
from console.store import channels, duty_days, ladders, sites
from console.store.channels import Channel, Contact
from console.store.escalation_tables import escalation, notification, watch_fault
from console.store.ladders import SiteLadder

ALERT, FAULT, TEST = "alert", "fault", "test"
RUNNING, HELD, OVER, STOPPED = "running", "held", "over", "stopped"
TEST_STEP_S = 2.0
BATCH = 50


@dataclass(frozen=True, slots=True)
class Drill:
    """A test alarm: when it began, who made it, how far it is."""

    id: int
    severity: Severity
    begun_at_s: float
    is_over: bool


def begin_alerts(connection: Connection, events: Sequence[Mapping[str, Any]], now_s: float) -> None:
    """Alerts have come: their people are told from now on. events: as rows of the table."""
    copied = ("event_id", "site_id", "severity_order")
    rows = [{**_begun(ALERT, now_s), **{name: one[name] for name in copied}} for one in events]
    if rows:
        connection.execute(insert(escalation), rows)


def rated(connection: Connection, event_id: str, severity_order: int, now_s: float) -> None:
    """A box rates an alert anew: it may have another ladder now. One that nobody calls for any more stays so."""
    calling = (escalation.c.event_id == event_id) & escalation.c.state.in_((RUNNING, OVER))
    mine = calling & (escalation.c.severity_order != severity_order)
    values = {"severity_order": severity_order, "state": RUNNING, "next_at_s": now_s}
    connection.execute(update(escalation).where(mine).values(**values))


def begin_fault(connection: Connection, site_id: int, fault_id: int, now_s: float) -> None:
    """Something is wrong with the watch itself: people are told as of an alert of `FAULT_SEVERITY`."""
    _begin(connection, FAULT, site_id, SEVERITY_ORDER[FAULT_SEVERITY], now_s, fault_id=fault_id)


def begin_test(connection: Connection, site_id: int, severity: Severity, made_by: int, now_s: float) -> None:
    """A test goes the way of a real alert, with short waits."""
    _begin(connection, TEST, site_id, SEVERITY_ORDER[severity], now_s, made_by=made_by)


def last_test(connection: Connection, site_id: int) -> Drill | None:
    """The newest test of a site."""
    mine = (escalation.c.site_id == site_id) & (escalation.c.purpose == TEST)
    row = connection.execute(select(escalation).where(mine).order_by(escalation.c.id.desc()).limit(1)).first()
    return Drill(row.id, SEVERITY_OF_ORDER[row.severity_order], row.begun_at_s, row.state == OVER) if row else None


def follow(connection: Connection, event_id: str, state: AlertState, severity_order: int, now_s: float) -> None:
    """An alert stands elsewhere now, or is of another priority: its ladder stops, begins again or is another one."""
    row = connection.execute(select(escalation).where(escalation.c.event_id == event_id).with_for_update()).first()
    if row is None:
        return  # it came too late to ring, or before there were ladders
    values: dict[str, Any] = {"severity_order": severity_order}
    ladder = ladders.for_alert(connection, row.site_id, SEVERITY_OF_ORDER[severity_order])
    hold_s = ladder.ladder.hold_s if ladder else 0.0
    begins_at_s = begins(state, now_s, hold_s)
    if begins_at_s is None:
        values |= {"state": STOPPED, "next_at_s": None}
    elif state == AlertState.ON_HOLD:
        values |= {"state": HELD, "base_at_s": now_s, "next_at_s": begins_at_s}
    elif row.state in (STOPPED, HELD):  # opened again
        values |= _anew(row, now_s)
    elif severity_order != row.severity_order:
        values |= {"state": RUNNING, "next_at_s": now_s}  # perhaps another ladder; the same one goes on where it was
    connection.execute(update(escalation).where(escalation.c.id == row.id).values(**values))
    if values.get("state") in (STOPPED, HELD):
        stop_waiting(connection, row.id, now_s)


def stop_fault(connection: Connection, fault_id: int, now_s: float) -> None:
    """Somebody knows of a fault, or it is over."""
    row = connection.execute(select(escalation.c.id).where(escalation.c.fault_id == fault_id).with_for_update()).first()
    if row is not None:
        stopped = {"state": STOPPED, "next_at_s": None}
        connection.execute(update(escalation).where(escalation.c.id == row.id).values(**stopped))
        stop_waiting(connection, row.id, now_s)


def renew_fault(connection: Connection, fault_id: int, now_s: float) -> None:
    """A fault has become worse than whoever knows of it knows: people are told once more."""
    row = connection.execute(select(escalation).where(escalation.c.fault_id == fault_id).with_for_update()).first()
    if row is not None and row.state == STOPPED:
        connection.execute(update(escalation).where(escalation.c.id == row.id).values(**_anew(row, now_s)))


def stop_waiting(connection: Connection, escalation_id: int, now_s: float) -> None:
    """What is not on its way yet stays here; sirens that sound are told to be silent."""
    c = notification.c
    mine = (c.escalation_id == escalation_id) & (c.state == State.WAITING) & c.is_end.is_(False)
    connection.execute(update(notification).where(mine).values(**_left(now_s)))
    end_sirens(connection, escalation_id, now_s)


def leave(connection: Connection, notification_id: int, now_s: float) -> None:
    """One is told no more."""
    connection.execute(update(notification).where(notification.c.id == notification_id).values(**_left(now_s)))


def end_sirens(connection: Connection, escalation_id: int, now_s: float) -> None:
    """Puts an end into the outbox for each siren that sounds for this, and was told none yet."""
    c = notification.c
    mine = select(notification).where(c.escalation_id == escalation_id, c.kind == ChannelKind.SIREN)
    rows = connection.execute(mine.order_by(c.changed_at_s, c.is_end)).all()
    ends = {(row.channel_id, row.run, row.number): row.id for row in rows if row.is_end}
    due = {"state": State.WAITING, "made_at_s": now_s, "changed_at_s": now_s, "next_at_s": now_s}
    for row in {row.channel_id: row for row in rows}.values():  # what each was told last
        if row.is_end or row.state != State.SENT or row.changed_at_s <= now_s - SIREN_S:
            continue
        known = ends.get((row.channel_id, row.run, row.number))
        if known is not None:  # two people share the siren, and one was still being told
            connection.execute(update(notification).where(c.id == known).values(**due))
            continue
        copied = ("escalation_id", "site_id", "event_id", "run", "number", "step", "channel_id", "channel", "kind")
        values = {name: getattr(row, name) for name in copied} | {"contact": "", "language": "", "recipient": ""}
        connection.execute(insert(notification).values(**values, **due, is_end=True))


def is_sounding(connection: Connection, channel_id: int, now_s: float) -> bool:
    """Whether a siren sounds for something that nobody has taken on."""
    c = notification.c
    sent = (c.channel_id == channel_id) & c.is_end.is_(False) & (c.state == State.SENT)
    query = select(c.id).join(escalation, escalation.c.id == c.escalation_id)
    lasts = sent & (c.changed_at_s > now_s - SIREN_S) & escalation.c.state.in_((RUNNING, OVER))
    return connection.execute(query.where(lasts).limit(1)).first() is not None


def _left(now_s: float) -> dict[str, Any]:
    return {"state": State.STOPPED, "next_at_s": None, "changed_at_s": now_s}


def is_any_due(connection: Connection, now_s: float) -> bool:
    """Whether `advance_due` has anything to do."""
    return connection.execute(select(escalation.c.id).where(_due(now_s)).limit(1)).first() is not None


def advance_due(connection: Connection, now_s: float, local_of: Callable[[float], datetime]) -> int:
    """Tells whoever is to be told now, of at most `BATCH` things; of how many. local_of: the time at the sites."""
    query = select(escalation).where(_due(now_s)).order_by(escalation.c.next_at_s).limit(BATCH)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    book = _Book(connection) if rows else None
    for row in rows:
        assert book is not None
        values = _advanced(connection, book, row, now_s, book.moment(row.site_id, local_of(now_s)))
        connection.execute(update(escalation).where(escalation.c.id == row.id).values(**values))
    return len(rows)


class _Book:
    """Ladders, people and ways of sites, each looked up once in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._parents = connection, sites.parents(connection)
        self._ladders: dict[tuple[int, int], SiteLadder | None] = {}
        self._people: dict[int, tuple[dict[int, Contact], dict[int, Channel]]] = {}
        self._moments: dict[int, Moment] = {}

    def ladder(self, site_id: int, severity_order: int) -> SiteLadder | None:
        key = (site_id, severity_order)
        if key not in self._ladders:
            self._ladders[key] = ladders.for_alert(self._connection, site_id, SEVERITY_OF_ORDER[severity_order])
        return self._ladders[key]

    def moment(self, site_id: int, local: datetime) -> Moment:
        if site_id not in self._moments:
            self._moments[site_id] = duty_days.moment(self._connection, site_id, local)
        return self._moments[site_id]

    def people(self, site_id: int) -> tuple[dict[int, Contact], dict[int, Channel]]:
        """People and ways of a site and of all above it, by their numbers."""
        if site_id not in self._people:
            chain = upwards(self._parents, site_id)
            people = {one.id: one for one in channels.contacts(self._connection, chain)}
            self._people[site_id] = people, {one.id: one for one in channels.listing(self._connection, chain)}
        return self._people[site_id]


def _due(now_s: float) -> Any:
    # A base ahead of now: the clock went back, and the row must be looked at or it would wait all that time.
    return (escalation.c.next_at_s > 0.0) & or_(escalation.c.next_at_s <= now_s, escalation.c.base_at_s > now_s + 1.0)


def _begin(
    connection: Connection, purpose: str, site_id: int, severity_order: int, now_s: float, **more: object
) -> None:
    values = {"site_id": site_id, "severity_order": severity_order, **_begun(purpose, now_s)}
    connection.execute(insert(escalation).values(**values, **more))


def _begun(purpose: str, now_s: float) -> dict[str, Any]:
    """What every one begins with."""
    return {"purpose": purpose, "state": RUNNING, "begun_at_s": now_s, "base_at_s": now_s, "next_at_s": now_s}


def _anew(row: Any, now_s: float) -> dict[str, Any]:
    """The values of one that begins again from its first step."""
    return {"state": RUNNING, "run": row.run + 1, "told": 0, "base_at_s": now_s, "next_at_s": now_s}


def _advanced(connection: Connection, book: _Book, row: Any, now_s: float, moment: Moment) -> dict[str, Any]:
    """Tells what is due of one; its new values."""
    found = book.ladder(row.site_id, row.severity_order)
    if found is None or not found.ladder.steps:
        return {"state": OVER, "next_at_s": None, "base_at_s": min(row.base_at_s, now_s)}
    if row.state == HELD and now_s < row.base_at_s + found.ladder.hold_s:
        base_at_s = min(row.base_at_s, now_s)  # the clock went back
        return {"base_at_s": base_at_s, "next_at_s": base_at_s + found.ladder.hold_s}
    values: dict[str, Any] = {"ladder_id": found.id, "state": RUNNING}
    changed = row.ladder_id is not None and row.ladder_id != found.id
    if row.state == HELD or changed:
        values |= _anew(row, now_s)
    told, base_at_s, run_number = (values.get(name, getattr(row, name)) for name in ("told", "base_at_s", "run"))
    ladder = quickened(found.ladder, TEST_STEP_S) if row.purpose == TEST else found.ladder
    run, steps = advance(ladder, Run(told, base_at_s), now_s, moment)
    for step in steps:
        _tell(connection, book, row, run_number, step, now_s)
    values |= {"told": run.told, "base_at_s": run.base_at_s, "next_at_s": next_at_s(ladder, run)}
    return values | ({"state": OVER} if is_over(ladder, run) else {})


def _tell(connection: Connection, book: _Book, row: Any, run: int, told: Told, now_s: float) -> None:
    """Puts everybody of a step into the outbox, by each of their ways; says so where there is nobody, or no way."""
    people, ways = book.people(row.site_id)
    broken = select(watch_fault.c.channel_id).where(watch_fault.c.id == row.fault_id)
    avoid = connection.execute(broken).scalar() if row.fault_id else None
    common = {"escalation_id": row.id, "site_id": row.site_id, "event_id": row.event_id, "run": run}
    common |= {"number": told.number, "step": told.step.name, "made_at_s": now_s, "changed_at_s": now_s}
    nothing = {"contact": "", "language": "", "channel_id": 0, "channel": "", "kind": "", "recipient": ""}
    rows: list[dict[str, Any]] = []
    for person in (people[one] for one in told.people if one in people):
        reached = [
            (ways[one.channel_id], one.to)
            for one in person.addresses
            if one.channel_id in ways and one.channel_id != avoid
        ]
        who = {"contact": person.name, "language": person.language}
        rows += [
            {**common, **who, **_way(way, to), "state": State.WAITING, "next_at_s": now_s} for way, to in set(reached)
        ]
        if not reached:
            rows.append({**common, **nothing, **who, "state": State.NO_WAY, "next_at_s": None})
    if not rows:
        rows.append({**common, **nothing, "state": State.NOBODY, "next_at_s": None})
    unique = {(one["contact"], one["channel_id"], one["recipient"]): one for one in rows}
    connection.execute(insert(notification), list(unique.values()))


def _way(way: Channel, to: str) -> dict[str, Any]:
    return {"channel_id": way.id, "channel": way.name, "kind": way.kind, "recipient": to}
