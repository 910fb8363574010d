"""Steps from one version of the tables to the next and back, on a database with rows in it."""

import json
import uuid

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.domain.access import Role
from console.domain.alert import CloseReason
from console.domain.alert_work import Act, Step
from console.domain.site_tree import WHOLE_TREE
from console.store import alert_work, alerts, grants, schema, second_factors, site_setup, users
from console.store.tables import blind_time, camera
from console.web.access import session_hash

pytestmark = pytest.mark.system


@pytest.fixture
def steps(desk) -> Config:
    steps = Config()
    steps.set_main_option("script_location", str(schema.__file__).replace("schema.py", "migrations"))
    steps.attributes["database"] = desk.console.database
    return steps


def test_who_had_an_account_has_it_everywhere_and_nothing_is_lost(desk, steps):
    guard = desk.browser(Role.GUARD)
    command.downgrade(steps, "0009")
    with desk.console.database.write() as connection:
        columns = "event_id, node_id, site_id, revision, camera, severity_order, opened_at_s, received_at_s"
        values = f"""'e', 1, 1, 1, 'gate', 0, 1, 1, 1, false, '{json.dumps({"rule": "loitering"})}'"""
        said = f"INSERT INTO event ({columns}, revised_at_s, late, message_json) VALUES ({values})"
        connection.exec_driver_sql(said)
        row = "INSERT INTO audit_entry (at_s, user_id, action, subject, detail) VALUES (1, 1, 'view', '{}', '')"
        for subject in ("e", "blind-times.csv"):
            connection.exec_driver_sql(row.format(subject))
        at_s = desk.clock()
        begun = f"INSERT INTO session VALUES ('{session_hash('token of guard')}', 1, {at_s}, {at_s}, {at_s + 1000})"
        connection.exec_driver_sql(begun)
    command.upgrade(steps, "head")
    assert guard.get("/").status_code == 200
    with desk.console.database.read() as connection:
        assert grants.of_user(connection, 1) == WHOLE_TREE
        sites_of_acts = connection.exec_driver_sql("SELECT site_id FROM audit_entry ORDER BY id").scalars().all()
    assert sites_of_acts == [1, None]


def test_back_means_no_more_than_before(desk, schools, steps):
    """The version before knows neither places nor these roles: whoever is limited is out rather than everywhere."""
    for role in (Role.ADMINISTRATOR, Role.SUPERVISOR, Role.AUDITOR):
        desk.browser(role)
    command.downgrade(steps, "0009")
    with desk.console.database.read() as connection:
        query = "SELECT name, role FROM user_account WHERE disabled_at_s IS NULL ORDER BY id"
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
        assert rows == [("administrator", "administrator"), ("supervisor", "guard")]
        for table in ("session", "one_time_link"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
    command.upgrade(steps, "head")


def test_what_was_blind_stays_so_there_and_back(desk, steps, keep_times):
    desk.see("sees")
    with desk.console.database.write() as connection:
        keep_times(connection, [(1, 2, "blind", ""), (3, 4, "impaired", ""), (5, None, "blind", "door")])
    for move, revision in ((command.downgrade, "0008"), (command.upgrade, "head")):
        move(steps, revision)
        with desk.console.database.read() as connection:
            rows = connection.execute(sa.text("SELECT from_at_s, to_at_s, zone FROM blind_time ORDER BY id")).all()
        assert [tuple(row) for row in rows] == [(1.0, 2.0, ""), (5.0, None, "door")]
    with desk.console.database.read() as connection:
        assert connection.execute(sa.select(blind_time.c.state)).scalars().all() == ["blind", "blind"]
        assert connection.execute(sa.select(camera.c.first_at_s)).scalars().all() == [None]
    desk.clock.now_s += 15
    desk.see("sees")  # of the time before, nothing is claimed
    with desk.console.database.read() as connection:
        assert connection.execute(sa.select(camera.c.first_at_s)).scalars().all() == [desk.clock()]


def test_alerts_of_before_keep_who_had_them_and_get_their_history(desk, steps):
    names = [str(uuid.UUID(int=number)) for number in range(5)]
    for number, name in enumerate(names):
        facts = {
            "event_id": name,
            "revision": 1,
            "state": "open",
            "rule": "loitering",
            "camera": "gate",
            "zone": "door",
        }
        event = EventMessage(**facts, opened_at_s=desk.clock(), captured_at_s=desk.clock())
        payload = codec.encode(topics.EVENT, "n1", event, desk.clock(), "box", number + 1)
        desk.intake.take(topics.EVENT.of("n1"), payload)
    with desk.console.database.write() as connection:
        lan = users.add(connection, "Lan", "x", Role.GUARD, desk.clock()).id
        site_setup.set_instruction(connection, 1, "loitering", "Ra cổng hỏi.")
        for ids, step in ((names[1:4], Step.ACKNOWLEDGE), (names[2:3], Step.START), (names[2:3], Step.HOLD)):
            alert_work.act(connection, ids, Act(step, lan), desk.clock())
        closed = Act(Step.CLOSE, lan, CloseReason.STAFF, "quen")
        alert_work.act(connection, names[3:], closed, desk.clock())
    command.downgrade(steps, "0009")
    with desk.console.database.read() as connection:
        rows = connection.execute(sa.text("SELECT state, state_order FROM alert ORDER BY event_id")).all()
    assert [tuple(row) for row in rows] == [
        ("new", 0),
        ("acknowledged", 1),
        ("acknowledged", 1),
        ("closed", 2),
        ("closed", 2),
    ]
    command.upgrade(steps, "head")
    with desk.console.database.read() as connection:
        found = [alerts.find(connection, name) for name in names]
        told = [[(one.step, one.was, one.became, one.text) for one in alert_work.history(connection, n)] for n in names]
        count = sum(len(alerts.of_state(connection, one.state, 9)) for one in (found[0], found[1], found[3]))
    acknowledged = ("acknowledge", "new", "acknowledged", "")
    assert told == [
        [],
        [acknowledged],
        [acknowledged],
        [acknowledged, ("close", "acknowledged", "staff", "quen")],
        [("close", "new", "staff", "quen")],
    ]
    assert [one.owner for one in found] == [None, "Lan", "Lan", "Lan", "Lan"]
    assert [one.incident_id for one in found] == names  # of the past nothing is grouped
    assert count == len(names)
    with desk.console.database.read() as connection:
        where = connection.execute(sa.text("SELECT DISTINCT rule, zone FROM event")).all()
    assert [tuple(row) for row in where] == [("loitering", "door")]


def test_who_had_a_second_factor_has_it_and_back_means_setting_it_up_again(desk, steps):
    with desk.console.database.write() as connection:
        users.add(connection, "Lan", "x", Role.GUARD, desk.clock())
    command.downgrade(steps, "0017")
    with desk.console.database.write() as connection:
        connection.exec_driver_sql("UPDATE user_account SET totp_secret = 'JBSWY3DPEHPK3PXP'")
    command.upgrade(steps, "head")
    seal = desk.console.web.state.context.seal
    with desk.console.database.write() as connection:
        second_factors.seal_all(connection, seal)
        assert seal.open(second_factors.secret(connection, 1)) == "JBSWY3DPEHPK3PXP"
    command.downgrade(steps, "0017")
    command.upgrade(steps, "head")
    with desk.console.database.read() as connection:
        assert second_factors.secret(connection, 1) is None
