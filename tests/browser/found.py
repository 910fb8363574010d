"""A month at a school, to be searched and counted: parents at the back gate, vendors, a few incidents, a night."""

import random
import uuid

from opened_event import open_event
from school import LABELS, NODE, ZONES, School, full

from broker.contract import topics
from broker.contract.messages import EventMessage, Visit
from console.app.system_clock import wall_s
from console.domain.alert import CloseReason
from console.domain.alert_work import Act, Step
from console.store import alert_work, nodes, users
from console.store.tables import blind_time

LAN = "Nguyễn Thị Lan"
_HOUR_S, _DAY_S = 3600, 86_400
# camera, what they were, at which local hours, how many in a month
_HABITS = (
    ("fence", CloseReason.PARENT_OR_CARER, (16, 17), 46),
    ("fence", CloseReason.PASSER_BY, (7, 12), 9),
    ("gate", CloseReason.PARENT_OR_CARER, (6, 16), 22),
    ("gate", CloseReason.VENDOR, (7, 10), 17),
    ("street", CloseReason.PASSER_BY, (18, 21), 16),
    ("street", CloseReason.INCIDENT, (21, 22), 3),
    ("yard", CloseReason.FALSE_BOX, (2, 4), 12),
    ("yard", CloseReason.ANIMAL, (3, 4), 5),
    ("yard", CloseReason.INCIDENT, (2, 2), 2),
    ("gate", CloseReason.TEST, (9, 9), 2),
)


def tonight_and_month(school: School) -> EventMessage:
    """Fills the last 30 days and tonight; returns an alert of tonight that is open, with everything."""
    urgent, _ = full(school)
    at_s = urgent.opened_at_s
    visits = tuple(Visit(from_at_s=at_s - ago, to_at_s=at_s - ago + 70) for ago in (400, 260))
    school.tell(topics.EVENT, urgent.model_copy(update={"revision": 2, "earlier_visits": visits}))
    month(school)
    return urgent


def known(school: School) -> None:
    """The cameras with their names and zones, of which no film need be drawn."""
    square = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9], [0.1, 0.9]]
    cameras = [
        {
            **{"camera": name, "label": label, "state": "sees", "since_at_s": 0.0},
            "zones": [{"zone": f"{name}-zone", "label": ZONES[name], "polygon": square}],
        }
        for name, label in LABELS.items()
    ]
    with school.console.database.write() as connection:
        health = {"at_s": wall_s(), "started_at_s": 0.0, "state": "ok", "cameras": cameras}
        nodes.set_health(connection, nodes.find(connection, NODE), health, wall_s())


def month(school: School) -> None:
    """Fills the last 30 days."""
    chance = random.Random(7)
    now_s = wall_s()
    midnight_s = (now_s + 7 * _HOUR_S) // _DAY_S * _DAY_S - 7 * _HOUR_S  # in Vietnam
    with school.console.database.write() as connection:
        box = nodes.find(connection, NODE)
        who = users.find(connection, LAN)
        for camera, reason, hours, number in _HABITS:
            for _ in range(number):
                day_s = midnight_s - chance.randrange(1, 30) * _DAY_S
                at_s = day_s + chance.randint(*hours) * _HOUR_S + chance.random() * _HOUR_S
                event_id = str(uuid.UUID(int=chance.getrandbits(128)))
                _add(connection, box, event_id, camera, at_s, 40 + chance.expovariate(1 / 150))
                taken_s = at_s + 5 + chance.expovariate(1 / 60)
                alert_work.act(connection, [event_id], Act(Step.ACKNOWLEDGE, who.id), taken_s)
                alert_work.act(connection, [event_id], Act(Step.CLOSE, who.id, reason), taken_s + 60)
        for ago_s, long_s, camera in ((5 * _DAY_S, 7000, "yard"), (2 * _DAY_S, 1300, "street"), (9000, 2400, "yard")):
            row = {"node_id": box.id, "camera": camera, "zone": "", "reason_code": "stalled", "state": "blind"}
            row |= {"from_at_s": now_s - ago_s, "to_at_s": now_s - ago_s + long_s}
            connection.execute(blind_time.insert(), [row])


def busiest_shift(school: School) -> None:
    """More of everything in the last hours than a page has room for, with long notes."""
    now_s, note = wall_s(), "Đã ra hỏi, người này đợi đón cháu lớp 3A, nói giọng địa phương, đi xe máy màu đỏ. " * 5
    with school.console.database.write() as connection:
        box, who = nodes.find(connection, NODE), users.find(connection, LAN)
        for n in range(40):
            event_id = str(uuid.UUID(int=9_000_000 + n))
            _add(connection, box, event_id, ("gate", "fence", "yard", "street")[n % 4], now_s - 300 * n - 60, 90.0)
            alert_work.act(connection, [event_id], Act(Step.NOTE, who.id, text=note), now_s)
            if n % 2:
                closing = Act(Step.CLOSE, who.id, CloseReason.PARENT_OR_CARER, note)
                alert_work.act(connection, [event_id], closing, now_s)
        times = {"node_id": box.id, "camera": "yard", "zone": "", "reason_code": "network_unusable", "state": "blind"}
        rows = [{**times, "from_at_s": now_s - 900 * n - 500, "to_at_s": now_s - 900 * n} for n in range(12)]
        connection.execute(blind_time.insert(), rows)


def _add(connection, box, event_id: str, camera: str, at_s: float, dwell_s: float) -> None:
    facts = {"event_id": event_id, "revision": 1, "state": "closed", "rule": "loitering", "camera": camera}
    times = {"opened_at_s": at_s, "captured_at_s": at_s + dwell_s, "closed_at_s": at_s + dwell_s}
    why = {"zone": f"{camera}-zone", "closed_because": "left", "dwell_s": dwell_s, "threshold_s": 40.0}
    event = EventMessage.model_validate({**facts, **times, **why})
    open_event(connection, box, event, at_s + 1)
