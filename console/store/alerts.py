"""Events and the alerts that people make of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, insert, select, update

from console.domain.alert import SEVERITY_ORDER, STATE_ORDER, AlertState, CloseReason, Severity, is_late, may_become
from console.store import changes
from console.store.nodes import Node
from console.store.tables import alert, camera, event, evidence, node, site, user_account

TURN = 10  # new alerts of a node that stand before the next ones of other nodes


class AlertStepError(ValueError):
    """A step that this alert can't take; the text says why."""


class NoSuchAlertError(ValueError):
    """An alert that is not there."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An event and what people did about it. `event` is the newest EventMessage as JSON, its times by the node's clock.

    opened_at_s: by the console's clock. clock_behind_s: of the node when it opened, to add to the message's times.
    """

    event_id: str
    state: AlertState
    late: bool
    site: str
    node: str
    camera_label: str
    opened_at_s: float
    clock_behind_s: float
    received_at_s: float
    event: dict[str, Any]
    acknowledged_by: str | None
    acknowledged_at_s: float | None
    closed_by: str | None
    closed_at_s: float | None
    close_reason: str | None
    close_note: str


def take_event(connection: Connection, owner: Node, message: dict[str, Any], now_s: float) -> bool:
    """Takes in one revision of an event (an EventMessage as JSON); False where a newer or the same one is here already.

    The caller has asked `may_tell`.
    """
    event_id, revision = message["event_id"], message["revision"]
    known = connection.execute(select(event.c.revision).where(event.c.event_id == event_id).with_for_update()).first()
    if known is not None and known.revision >= revision:
        return False
    values = {
        "revision": revision,
        "severity_order": SEVERITY_ORDER[Severity(message["severity"])],
        "revised_at_s": now_s,
        "message_json": json.dumps(message),
    }
    if known is not None:
        connection.execute(update(event).where(event.c.event_id == event_id).values(**values))
    else:
        opened_at_s = message["opened_at_s"] + owner.clock_behind_s
        fresh = {
            "event_id": event_id,
            "node_id": owner.id,
            "site_id": owner.site_id,
            "camera": message["camera"],
            "opened_at_s": opened_at_s,
            "clock_behind_s": owner.clock_behind_s,
            "received_at_s": now_s,
            "late": is_late(opened_at_s, now_s),
        }
        connection.execute(insert(event).values(**fresh, **values))
        state = AlertState.NEW
        connection.execute(
            insert(alert).values(event_id=event_id, state=state, state_order=STATE_ORDER[state], close_note="")
        )
    changes.append(connection, "alert", event_id, message["state"] if known else "opened", now_s)
    return True


def may_tell(connection: Connection, owner: Node, event_id: str) -> bool:
    """Whether an event, or evidence of it, may come from this node: nobody else has told of it before."""
    for table in (event, evidence):
        teller = connection.execute(select(table.c.node_id).where(table.c.event_id == event_id)).scalar()
        if teller is not None:
            return bool(teller == owner.id)
    return True


def of_state(connection: Connection, state: AlertState, limit: int) -> Sequence[Alert]:
    """Alerts that stand there: what was acknowledged or closed last comes first.

    New ones: the most urgent, then the newest of them first, by turns of `TURN` for each node: one that floods stands
    behind the first ones of everybody else.
    """
    query = _query().where(alert.c.state_order == STATE_ORDER[state])
    if state == AlertState.NEW:
        urgent_first = (event.c.severity_order.desc(), event.c.opened_at_s.desc(), event.c.event_id)
        place = func.row_number().over(partition_by=event.c.node_id, order_by=urgent_first)
        query = query.order_by((place - 1) // TURN, *urgent_first)
    else:
        query = query.order_by(
            (alert.c.closed_at_s if state == AlertState.CLOSED else alert.c.acknowledged_at_s).desc()
        )
    return [_alert(row) for row in connection.execute(query.limit(limit))]


def find(connection: Connection, event_id: str) -> Alert | None:
    """One alert."""
    row = connection.execute(_query().where(event.c.event_id == event_id)).first()
    return _alert(row) if row else None


def acknowledge(connection: Connection, event_id: str, user_id: int, now_s: float) -> bool:
    """A person takes an alert on. False where somebody had already: once is enough, the first one stays.

    Raises NoSuchAlertError; AlertStepError for one that is closed.
    """
    changed = connection.execute(
        update(alert)
        .where(alert.c.event_id == event_id, alert.c.state == AlertState.NEW)
        .values(
            state=AlertState.ACKNOWLEDGED,
            state_order=STATE_ORDER[AlertState.ACKNOWLEDGED],
            acknowledged_by=user_id,
            acknowledged_at_s=now_s,
        )
    )
    if changed.rowcount == 1:
        changes.append(connection, "alert", event_id, "acknowledged", now_s)
        return True
    state = connection.execute(select(alert.c.state).where(alert.c.event_id == event_id)).scalar()
    if state is None:
        raise NoSuchAlertError("there is no such alert")
    if state == AlertState.CLOSED:
        raise AlertStepError("this alert is closed already")
    return False


def close(connection: Connection, event_id: str, user_id: int, reason: CloseReason, note: str, now_s: float) -> None:
    """A person closes an alert and says what it was. Raises NoSuchAlertError; AlertStepError where it is closed."""
    state = connection.execute(select(alert.c.state).where(alert.c.event_id == event_id).with_for_update()).scalar()
    if state is None:
        raise NoSuchAlertError("there is no such alert")
    if not may_become(AlertState(state), AlertState.CLOSED):
        raise AlertStepError("this alert is closed already")
    values = {"closed_by": user_id, "closed_at_s": now_s, "close_reason": reason, "close_note": note[:1000]}
    closed = {"state": AlertState.CLOSED, "state_order": STATE_ORDER[AlertState.CLOSED]}
    connection.execute(update(alert).where(alert.c.event_id == event_id).values(**values, **closed))
    changes.append(connection, "alert", event_id, "closed_by_person", now_s)


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


def count_in_hand(connection: Connection) -> int:
    """How many alerts somebody has taken on and nobody has closed."""
    mine = alert.c.state_order == STATE_ORDER[AlertState.ACKNOWLEDGED]
    return int(connection.execute(select(func.count()).select_from(alert).where(mine)).scalar_one())


def _query() -> Any:
    first, second = user_account.alias("first"), user_account.alias("second")
    return (
        select(
            event,
            alert,
            site.c.name.label("site_name"),
            node.c.name.label("node_name"),
            camera.c.label.label("camera_label"),
            first.c.name.label("acknowledged_name"),
            second.c.name.label("closed_name"),
        )
        .join(alert, alert.c.event_id == event.c.event_id)
        .join(node, node.c.id == event.c.node_id)
        .join(site, site.c.id == event.c.site_id)
        .outerjoin(camera, (camera.c.node_id == event.c.node_id) & (camera.c.name == event.c.camera))
        .outerjoin(first, first.c.id == alert.c.acknowledged_by)
        .outerjoin(second, second.c.id == alert.c.closed_by)
    )


def _alert(row: Any) -> Alert:
    message = json.loads(row.message_json)
    return Alert(
        event_id=row.event_id,
        state=AlertState(row.state),
        late=row.late,
        site=row.site_name,
        node=row.node_name,
        camera_label=row.camera_label or message["camera"],
        opened_at_s=row.opened_at_s,
        clock_behind_s=row.clock_behind_s,
        received_at_s=row.received_at_s,
        event=message,
        acknowledged_by=row.acknowledged_name,
        acknowledged_at_s=row.acknowledged_at_s,
        closed_by=row.closed_name,
        closed_at_s=row.closed_at_s,
        close_reason=row.close_reason,
        close_note=row.close_note,
    )
