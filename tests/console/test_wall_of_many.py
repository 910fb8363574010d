"""The wall of many boxes: what it asks the database does not grow with them, and it names no more than can be read."""

import html
import re

import pytest
from sqlalchemy import event

from console.domain.access import Role
from console.domain.site_tree import Grants
from console.store import nodes
from console.web.camera_view import MOST_NAMED

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
BOXES = MOST_NAMED + 5


def report(desk, connection, name: str, *states: str, problems=()) -> None:
    """A box tells of cameras c0, c1, ... in these states."""
    now_s = desk.clock()
    cameras = [
        {"camera": f"c{n}", "label": f"Cổng {name} {n}", "state": state, "since_at_s": now_s, "reason_code": "stalled"}
        for n, state in enumerate(states)
    ]
    health = {"at_s": now_s, "started_at_s": 0.0, "state": "ok", "cameras": cameras, "node_problems": list(problems)}
    box = nodes.find(connection, name)
    nodes.set_health(connection, box, health, now_s)
    nodes.set_status(connection, box.id, name, "online", "1", now_s)


def wall(desk, *who) -> str:
    return html.unescape(desk.browser(Role.GUARD, *who).get("/wall", headers=ENGLISH).text)


@pytest.fixture
def asked(desk):
    """The statements that the console sends to its database."""
    said: list[str] = []

    def note(_connection, _cursor, statement, *_more) -> None:
        said.append(statement)

    event.listen(desk.console.database.engine, "before_cursor_execute", note)
    yield said
    event.remove(desk.console.database.engine, "before_cursor_execute", note)


def test_many_boxes_are_asked_for_together_and_the_first_blind_cameras_named(desk, asked):
    with desk.console.database.write() as connection:
        report(desk, connection, "n1", "blind", "sees")
    wall(desk)
    asked.clear()
    wall(desk)
    few = len(asked)
    with desk.console.database.write() as connection:
        for n in range(BOXES):
            nodes.add(connection, f"box{n}", f"Trường {n}", "", desk.clock())
            report(desk, connection, f"box{n}", "blind", "sees")
    asked.clear()
    page = wall(desk)
    assert len(asked) == few
    assert f"Seeing nothing: {BOXES + 1} of {2 * (BOXES + 1)} cameras" in page
    assert page.count("<strong>Cổng ") == MOST_NAMED
    assert f"{BOXES + 1 - MOST_NAMED} more" in page
    desk.clock.now_s += 3600
    assert f"Seeing nothing: {2 * (BOXES + 1)} of {2 * (BOXES + 1)} cameras" in wall(desk)


def test_who_may_see_one_camera_reads_no_problem_of_another(desk):
    critical = {"code": "recording_short", "severity": "critical", "since_at_s": desk.clock()}
    with desk.console.database.write() as connection:
        report(desk, connection, "n1", "sees", "sees", problems=[{**critical, "subject": f"c{n}"} for n in range(2)])
        box = nodes.find(connection, "n1").id
    page = wall(desk, Grants(cameras=frozenset({(box, "c0")})), "limited")
    assert re.findall(r"The recording of (c\d)", page) == ["c0"]
    assert re.findall(r"The recording of (c\d)", wall(desk)) == ["c0", "c1"]
