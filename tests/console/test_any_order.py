"""Whatever order several processes take a camera's messages in: people see them in that of the camera's time."""

import random
import uuid
from dataclasses import asdict

import pytest

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.search import Search
from console.ingest.intake import Intake
from console.store import alerts, search
from console.store.database import open_database
from console.store.escalation_tables import escalation
from console.store.tables import change

pytestmark = pytest.mark.system
EVENTS, ORDERS, SEED = 3, 12, 5
STEPS = (("open", "medium"), ("updated", "high"), ("closed", "high"))
DAY_S = 86_400.0


def told(desk, order: int) -> list[tuple[str, bytes]]:
    """All that a camera tells of some events, in its order; another order tells of others, on another box's outbox."""
    messages, begun_s = [], desk.clock() - 60
    for number in range(EVENTS):
        opened_s = begun_s + 9 * number  # one incident
        for revision, (state, severity) in enumerate(STEPS, 1):
            facts = {"event_id": event_id(order, number), "revision": revision, "state": state, "rule": "loitering"}
            times = {"opened_at_s": opened_s, "captured_at_s": opened_s + revision, "dwell_s": 30.0 * revision}
            times |= {"closed_at_s": opened_s + revision} if state == "closed" else {}
            event = EventMessage(**facts, camera="gate", severity=severity, **times)
            payload = codec.encode(topics.EVENT, "n1", event, opened_s, f"box-{order}", len(messages) + 1)
            messages.append((topics.EVENT.of("n1"), payload))
    return messages


def event_id(order: int, number: int) -> str:
    return str(uuid.UUID(int=1000 * order + number + 1))


def seen(desk, order: int) -> dict[str, object]:
    """What people see of it, with what differs from one order to the next taken out."""
    names = [event_id(order, number) for number in range(EVENTS)]
    wanted = Search(desk.clock() - 3600, desk.clock() + 1)
    with desk.console.database.read() as connection:
        found = alerts.of_ids(connection, names)
        listed = [one.event_id for one in alerts.of_state(connection, "new", 50) if one.event_id in names]
        searched = [one for _, one in search.ids(connection, wanted, 50)]
        rows = connection.execute(escalation.select().where(escalation.c.event_id.in_(names))).all()
        opened = connection.execute(change.select().where(change.c.what == "opened", change.c.key.in_(names))).all()
    own = {name: f"event {number}" for number, name in enumerate(names)}
    plain = [{**asdict(one), "event_id": own[one.event_id], "incident_id": own[one.incident_id]} for one in found]
    for one in plain:
        one["event"]["event_id"] = ""
        for name in ("opened_at_s", "received_at_s"):
            one[name] -= desk.clock()
        one["event"] = {name: value for name, value in one["event"].items() if not name.endswith("_at_s")}
    ladders = sorted((own[row.event_id], row.severity_order, row.state) for row in rows)
    return {
        "alerts": plain,
        "listed": [own[one] for one in listed],
        "searched": [own[one] for one in searched if one in own],
        "ladders": ladders,
        "rang": sorted(own[one.key] for one in opened),
    }


def test_whatever_the_order_and_whoever_takes_in_people_see_the_same(desk):
    other_database = open_database(desk.console.database.engine.url.render_as_string(hide_password=False))
    intakes = (desk.intake, Intake(other_database, desk.clock))
    chance, straight = random.Random(SEED), None
    for order in range(ORDERS):
        desk.clock.now_s += DAY_S
        messages = told(desk, order)
        if order:
            chance.shuffle(messages)
        while messages:
            batch = [messages.pop(0) for _ in range(min(len(messages), chance.randint(1, 3)))]
            verdicts = intakes[chance.randrange(2)].take_all([(*one, 0.0) for one in batch])
            assert all(one is not None and one.refused_because is None for one in verdicts)
        now = seen(desk, order)
        straight = straight or now
        assert now == straight, f"order {order} of seed {SEED}"
    assert straight["listed"] == ["event 2", "event 1", "event 0"]  # the newest of a camera first, by its own time
    assert straight["searched"] == ["event 2", "event 1", "event 0"]
    assert straight["rang"] == ["event 0", "event 1", "event 2"]  # each once
    assert {one["incident_id"] for one in straight["alerts"]} == {"event 0"}
    assert desk.browser(Role.GUARD).get("/wall").status_code == 200
    other_database.close()
