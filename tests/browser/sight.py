"""A school whose cameras have not always seen: a month of blind and impaired times, some of which still last."""

import json
import random

from school import NODE, School
from sqlalchemy import select, update

from console.app.system_clock import wall_s
from console.store import blind_times, nodes
from console.store.tables import camera

CAUSES = (
    "stalled",
    "camera_covered",
    "no_answer",
    "camera_too_dark",
    "not_recording",
    "camera_defocused",
    "node_offline",
)


def known_for(school: School, days: float) -> None:
    """Every camera and zone is known for so long."""
    first_at_s = wall_s() - 86_400 * days
    with school.console.database.write() as connection:
        for row in connection.execute(select(camera.c.id, camera.c.health_json)).all():
            report = json.loads(row.health_json)
            zones = [{**zone, "first_at_s": first_at_s} for zone in report["zones"]]
            known = {"first_at_s": first_at_s, "health_json": json.dumps({**report, "zones": zones})}
            connection.execute(update(camera).where(camera.c.id == row.id).values(**known))


def seen_badly(school: School, times: int = 70) -> None:
    """Reports as after a bad month: a camera that was covered last night, others with many short troubles."""
    school.health()
    known_for(school, 40)
    now_s, chance = wall_s(), random.Random(5)
    with school.console.database.write() as connection:
        node = nodes.find(connection, NODE)
        assert node is not None
        spans = [
            ("gate", "", 86_400, 2_130, "blind", "camera_covered"),
            ("gate", "", 190_000, 5_400, "blind", "node_offline"),
        ]
        spans += [
            ("fence", "fence-zone", 100_000, 9_000, "blind", "zone_hidden"),
            ("gate", "", 50_000, 900, "impaired", "camera_defocused"),
        ]
        for number in range(times):
            state = chance.choice(("blind", "impaired"))
            length_s = chance.choice((8, 40, 200, 3_000))
            spans.append(("street", "", 7_000 + 8_000 * number, length_s, state, chance.choice(CAUSES)))
        for name, zone, ago_s, lasts_s, state, code in sorted(spans, key=lambda span: -span[2]):
            begin_s = now_s - ago_s
            told = {(name, zone): blind_times.Sight(state, begin_s, code)}
            blind_times.note(connection, node.id, told, begin_s, begin_s)
            blind_times.note(connection, node.id, {}, begin_s, begin_s + lasts_s)
    school.stills()
    school.health({"yard": ("blind", "wrong_password"), "fence": ("impaired", "not_recording")})


def many_schools(school: School, number: int = 60) -> None:
    """More cameras than a list can hold: other schools with the same reports."""
    assert school.last_health is not None
    health, now_s = school.last_health.model_dump(mode="json"), wall_s()
    with school.console.database.write() as connection:
        for school_number in range(2, number + 2):
            name = f"box-{school_number}"
            nodes.add(connection, name, f"Trường Tiểu học số {school_number}", "", now_s)
            owner = nodes.find(connection, name)
            assert owner is not None
            nodes.set_health(connection, owner, health, now_s)
            nodes.set_status(connection, owner.id, name, "online", "1", now_s)
    known_for(school, 40)
