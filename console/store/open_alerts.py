"""Where something is open now: what lights up among pictures and on a plan."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from console.domain.alert import SEVERITY_OF_ORDER, SEVERITY_ORDER, STATE_ORDER, AlertState, Severity
from console.domain.alert_work import Work, priority
from console.store.tables import alert, event, node

MOST = 2000  # open alerts of the places that are shown; the newest of more


@dataclass(frozen=True, slots=True)
class Lit:
    """Open alerts of a place. priority, event_id: of the one that needs people most. new: nobody has taken that on."""

    priority: Severity
    event_id: str
    new: bool
    number: int

    def and_also(self, other: "Lit") -> "Lit":
        """Both together."""
        first = max((self, other), key=lambda one: (one.new, SEVERITY_ORDER[one.priority]))
        return Lit(first.priority, first.event_id, first.new, self.number + other.number)


Key = tuple[str, str, str]  # node, camera, zone


def by_place(connection: Connection, node_ids: Collection[int]) -> dict[Key, Lit]:
    """What is open at these nodes, by camera and zone; with an empty zone all of a camera, its zones included."""
    query = (
        select(node.c.name, event, alert.c.state, alert.c.priority_order, alert.c.severity_order_then)
        .join_from(alert, event, alert.c.event_id == event.c.event_id)
        .join(node, node.c.id == event.c.node_id)
        .where(alert.c.state_order != STATE_ORDER[AlertState.CLOSED], event.c.node_id.in_(node_ids))
        .order_by(event.c.opened_at_s.desc())
        .limit(MOST)
    )
    found: dict[Key, Lit] = {}
    for row in connection.execute(query):
        severity, chosen, then = (
            None if order is None else SEVERITY_OF_ORDER[order]
            for order in (row.severity_order, row.priority_order, row.severity_order_then)
        )
        work = Work(chosen=chosen, severity_then=then)
        one = Lit(priority(work, severity or Severity.LOW), row.event_id, row.state == AlertState.NEW, 1)
        for zone in {row.zone, ""}:
            key = (row.name, row.camera, zone)
            found[key] = found[key].and_also(one) if key in found else one
    return found
