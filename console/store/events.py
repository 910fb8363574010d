"""Takes in what the boxes tell of events: many in one transaction, with few questions to the database."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, insert, select, update

from console.domain.alert import SEVERITY_ORDER, STATE_ORDER, AlertState, Severity, is_late
from console.store import alerts, changes, escalations, incidents
from console.store.nodes import Node
from console.store.tables import alert, event, evidence

_FOUND_BY = ("event_id", "node_id", "site_id", "camera", "zone", "rule", "opened_at_s")


class Events:
    """The events of which one transaction tells. What opens is written at its end, by `write`."""

    def __init__(self, connection: Connection, event_ids: Collection[str]) -> None:
        """event_ids: all that will be asked for."""
        self._connection = connection
        columns = (event.c.event_id, event.c.node_id, event.c.revision, event.c.severity_order)
        mine = select(*columns).where(event.c.event_id.in_(event_ids))
        rows = connection.execute(mine.order_by(event.c.event_id).with_for_update()).all() if event_ids else []
        proof = select(evidence.c.event_id, evidence.c.node_id).where(evidence.c.event_id.in_(event_ids))
        self._teller = {row.event_id: row.node_id for row in (connection.execute(proof) if event_ids else ())}
        self._teller |= {row.event_id: row.node_id for row in rows}
        self._revision = {row.event_id: row.revision for row in rows}
        self._severity = {row.event_id: row.severity_order for row in rows}
        self._fresh: dict[str, dict[str, Any]] = {}
        self._dwell_s: dict[str, float] = {}

    def may_tell(self, owner: Node, event_id: str) -> bool:
        """Whether an event, or evidence of it, may come from this node: nobody else has told of it before."""
        return bool(self._teller.get(event_id, owner.id) == owner.id)

    def proven(self, owner: Node, event_id: str) -> None:
        """Evidence of it has come from this node, be it before the event itself."""
        self._teller[event_id] = owner.id

    def is_known(self, event_id: str) -> bool:
        """Whether a revision of it is here."""
        return event_id in self._revision

    def take(self, owner: Node, message: dict[str, Any], now_s: float) -> bool:
        """Takes in one revision (an EventMessage as JSON); False where a newer or the same one is here already.

        The caller has asked `may_tell`.
        """
        event_id, revision = message["event_id"], message["revision"]
        known = self._revision.get(event_id)
        if known is not None and known >= revision:
            return False
        self._revision[event_id], self._teller[event_id] = revision, owner.id
        values = {
            "revision": revision,
            "severity_order": SEVERITY_ORDER[Severity(message["severity"])],
            "revised_at_s": now_s,
            "message_json": json.dumps(message),
        }
        dwell_s = self._dwell_s[event_id] = message.get("dwell_s", 0.0)
        if known is None:
            self._fresh[event_id] = {**_opened(owner, message, now_s), **values}
        elif event_id in self._fresh:
            self._fresh[event_id] |= values
        else:
            self._connection.execute(update(event).where(event.c.event_id == event_id).values(**values))
            self._connection.execute(update(alert).where(alert.c.event_id == event_id).values(dwell_s=dwell_s))
            before, self._severity[event_id] = self._severity[event_id], values["severity_order"]
            if before != values["severity_order"]:
                escalations.rated(self._connection, event_id, alerts.urgency(self._connection, event_id), now_s)
        what = message["state"] if known is not None else "opened"
        changes.append(self._connection, "alert", event_id, what, now_s)
        return True

    def write(self, now_s: float) -> None:
        """Writes down what opened, and finds the incidents anew that it belongs to."""
        if not self._fresh:
            return
        self._connection.execute(insert(event), list(self._fresh.values()))
        self._connection.execute(insert(alert), [self._alert(one) for one in self._fresh.values()])
        escalations.begin_alerts(self._connection, [one for one in self._fresh.values() if not one["late"]], now_s)
        incidents.regroup(self._connection, list(self._fresh), now_s)

    def _alert(self, row: dict[str, Any]) -> dict[str, Any]:
        """The work that the row of an event makes; with what people search by."""
        state = AlertState.NEW
        return {
            **{name: row[name] for name in _FOUND_BY},
            "dwell_s": self._dwell_s[row["event_id"]],
            "state": state,
            "state_order": STATE_ORDER[state],
            "close_note": "",
            "answered_s": alerts.ANSWER_OF_LATE if row["late"] else None,
        }


def _opened(owner: Node, message: dict[str, Any], now_s: float) -> dict[str, Any]:
    """What of an event stays as its first message told it."""
    opened_at_s = message["opened_at_s"] + owner.clock_behind_s
    return {
        "event_id": message["event_id"],
        "incident_id": message["event_id"],
        "node_id": owner.id,
        "site_id": owner.site_id,
        "camera": message["camera"],
        "zone": message.get("zone") or "",
        "rule": message["rule"],
        "opened_at_s": opened_at_s,
        "clock_behind_s": owner.clock_behind_s,
        "received_at_s": now_s,
        "late": is_late(opened_at_s, now_s),
    }
