"""Events and the alerts that people make of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from console.domain.alert import (
    IN_HAND,
    SEVERITY_OF_ORDER,
    STATE_ORDER,
    AlertState,
    Severity,
)
from console.store.tables import alert, camera, event, node, site, user_account

ANSWER_OF_LATE = -1.0  # nobody could answer in time what was told too late
MOST_EACH = 60  # alerts of an incident on its card: as many as one request can be about
TURN = 10  # new alerts of a node that stand before the next ones of other nodes


class NoSuchAlertError(ValueError):
    """An alert that is not there."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An event and what people did about it. `event` is the newest EventMessage as JSON, its times by the node's clock.

    opened_at_s: by the console's clock. clock_behind_s: of the node when it opened, to add to the message's times.
    priority: as severe as the box says, unless a person said otherwise. incident_id: of the alerts it belongs to.
    owner, owned_at_s: whose it is now, and since when.
    """

    event_id: str
    incident_id: str
    state: AlertState
    priority: Severity
    late: bool
    site: str
    site_id: int
    node: str
    camera_label: str
    opened_at_s: float
    clock_behind_s: float
    received_at_s: float
    event: dict[str, Any]
    owner: str | None
    owned_at_s: float | None
    acknowledged_by: str | None
    acknowledged_at_s: float | None
    closed_by: str | None
    closed_at_s: float | None
    close_reason: str | None
    close_note: str


def urgency(connection: Connection, event_id: str) -> int:
    """The order of the priority of an alert that is there."""
    query = select(_urgency()).join_from(alert, event, alert.c.event_id == event.c.event_id)
    return int(connection.execute(query.where(event.c.event_id == event_id)).scalar_one())


def of_state(connection: Connection, state: AlertState, limit: int) -> Sequence[Alert]:
    """Alerts that stand there: what was taken on or closed last comes first.

    New ones: the most urgent, then the newest of them first, by turns of `TURN` for each node: one that floods stands
    behind the first ones of everybody else.
    """
    return [_alert(row) for row in connection.execute(_standing(_query(), (state,)).limit(limit))]


def incident_ids(connection: Connection, states: Sequence[AlertState], limit: int) -> Sequence[str]:
    """The incidents of the first `limit` alerts that stand there, in their order (see `of_state`)."""
    query = _standing(select(event.c.incident_id).join(alert, alert.c.event_id == event.c.event_id), states)
    return list(dict.fromkeys(connection.execute(query.limit(limit)).scalars()))


def of_incidents(connection: Connection, names: Sequence[str], most_each: int = MOST_EACH) -> Sequence[Alert]:
    """The alerts of these incidents, at most so many of each: what needs people most comes first."""
    first_things_first = (alert.c.state_order, _urgency().desc(), event.c.opened_at_s.desc(), event.c.event_id)
    place = func.row_number().over(partition_by=event.c.incident_id, order_by=first_things_first).label("place")
    here = event.c.incident_id.in_(names)
    ranked = select(event.c.event_id, place).join(alert, alert.c.event_id == event.c.event_id).where(here).subquery()
    query = select(ranked.c.event_id).where(ranked.c.place <= most_each).order_by(ranked.c.place, ranked.c.event_id)
    # In two readings: in one, PostgreSQL joined all alerts with everything before it looked at which ones are meant.
    return of_ids(connection, connection.execute(query).scalars().all())


def _standing(query: Any, states: Sequence[AlertState]) -> Any:
    query = query.where(alert.c.state_order.in_([STATE_ORDER[state] for state in states]))
    if AlertState.NEW in states:
        urgent_first = (_urgency().desc(), event.c.opened_at_s.desc(), event.c.event_id)
        place = func.row_number().over(partition_by=event.c.node_id, order_by=urgent_first)
        return query.order_by((place - 1) // TURN, *urgent_first)
    return query.order_by((alert.c.closed_at_s if AlertState.CLOSED in states else alert.c.owned_at_s).desc())


def _urgency() -> ColumnElement[int]:
    """The order of an alert's priority: `console.domain.alert_work.priority` in the database's words."""
    severity, chosen = event.c.severity_order, alert.c.priority_order
    return case(
        (chosen.is_(None), severity),
        (severity <= alert.c.severity_order_then, chosen),
        (chosen > severity, chosen),
        else_=severity,
    )


def find(connection: Connection, event_id: str) -> Alert | None:
    """One alert."""
    row = connection.execute(_query().where(event.c.event_id == event_id)).first()
    return _alert(row) if row else None


def of_ids(connection: Connection, event_ids: Sequence[str]) -> Sequence[Alert]:
    """These alerts, in this order, without those that are not there."""
    rows = connection.execute(_query().where(event.c.event_id.in_(event_ids)))
    found = {row.event_id: _alert(row) for row in rows}
    return [found[one] for one in event_ids if one in found]


def named_in_sight(connection: Connection, found: Sequence[Alert]) -> Sequence[Alert]:
    """The same for who asks: an incident that began where they may not look has the name of the first of its alerts
    of which they may know.
    """
    names = {one.incident_id for one in found}
    seen = connection.execute(select(event.c.event_id).where(event.c.event_id.in_(sorted(names)))).scalars()
    hidden = names.difference(seen)
    if not hidden:
        return found
    query = select(event.c.incident_id, event.c.event_id).where(event.c.incident_id.in_(sorted(hidden)))
    latest_first = connection.execute(query.order_by(event.c.opened_at_s.desc(), event.c.event_id.desc()))
    known = {row.incident_id: row.event_id for row in latest_first}
    return [replace(one, incident_id=known.get(one.incident_id, one.incident_id)) for one in found]


def place_of(connection: Connection, event_id: str) -> tuple[int, str, str]:
    """Id of the node, camera and zone of an alert that is there."""
    query = select(alert.c.node_id, alert.c.camera, alert.c.zone).where(alert.c.event_id == event_id)
    row = connection.execute(query).one()
    return row.node_id, row.camera, row.zone


def sites_of(connection: Connection, event_ids: Sequence[str]) -> set[int]:
    """The sites of these alerts."""
    query = select(event.c.site_id).distinct().where(event.c.event_id.in_(event_ids))
    return set(connection.execute(query).scalars())


@dataclass(frozen=True, slots=True)
class NewOfNode:
    """Alerts of a node that nobody has taken on. rings: those of them that were told in time."""

    node: str
    label: str
    site: str
    number: int
    rings: int


def count_new(connection: Connection) -> Sequence[NewOfNode]:
    """How many alerts nobody has taken on, of every node that has any."""
    box = (node.c.name, node.c.label, site.c.name.label("site_name"))
    query = (
        select(*box, func.count().label("number"), func.sum(case((event.c.late, 0), else_=1)).label("rings"))
        .join_from(alert, event, alert.c.event_id == event.c.event_id)
        .join(node, node.c.id == event.c.node_id)
        .join(site, site.c.id == event.c.site_id)
        .where(alert.c.state_order == STATE_ORDER[AlertState.NEW])
        .group_by(*box)
        .order_by(site.c.name, node.c.name)
    )
    found = connection.execute(query)
    return [NewOfNode(r.name, r.label or r.name, r.site_name, int(r.number), int(r.rings)) for r in found]


def ringing(connection: Connection) -> tuple[int, Severity | None]:
    """How many alerts that were told in time nobody has taken on, and the highest of their priorities."""
    new = (alert.c.state_order == STATE_ORDER[AlertState.NEW]) & event.c.late.is_(False)
    query = select(func.count(), func.max(_urgency())).join_from(alert, event, alert.c.event_id == event.c.event_id)
    number, order = connection.execute(query.where(new)).one()
    return int(number), None if order is None else SEVERITY_OF_ORDER[order]


def count_in_hand(connection: Connection) -> int:
    """How many alerts somebody has taken on and nobody has closed."""
    mine = alert.c.state_order.in_([STATE_ORDER[state] for state in IN_HAND])
    return int(connection.execute(select(func.count()).select_from(alert).where(mine)).scalar_one())


def _query() -> Any:
    first, second, third = (user_account.alias(name) for name in ("first", "second", "third"))
    return (
        select(
            event,
            alert,
            site.c.name.label("site_name"),
            node.c.name.label("node_name"),
            camera.c.label.label("camera_label"),
            first.c.name.label("acknowledged_name"),
            second.c.name.label("closed_name"),
            third.c.name.label("owner_name"),
            _urgency().label("urgency"),
        )
        .join(alert, alert.c.event_id == event.c.event_id)
        .join(node, node.c.id == event.c.node_id)
        .join(site, site.c.id == event.c.site_id)
        .outerjoin(camera, (camera.c.node_id == event.c.node_id) & (camera.c.name == event.c.camera))
        .outerjoin(first, first.c.id == alert.c.acknowledged_by)
        .outerjoin(second, second.c.id == alert.c.closed_by)
        .outerjoin(third, third.c.id == alert.c.owner_id)
    )


def _alert(row: Any) -> Alert:
    message = json.loads(row.message_json)
    return Alert(
        event_id=row.event_id,
        incident_id=row.incident_id,
        state=AlertState(row.state),
        priority=SEVERITY_OF_ORDER[row.urgency],
        late=row.late,
        site=row.site_name,
        site_id=row.site_id,
        node=row.node_name,
        camera_label=row.camera_label or message["camera"],
        opened_at_s=row.opened_at_s,
        clock_behind_s=row.clock_behind_s,
        received_at_s=row.received_at_s,
        event=message,
        owner=row.owner_name,
        owned_at_s=row.owned_at_s,
        acknowledged_by=row.acknowledged_name,
        acknowledged_at_s=row.acknowledged_at_s,
        closed_by=row.closed_name,
        closed_at_s=row.closed_at_s,
        close_reason=row.close_reason,
        close_note=row.close_note,
    )
