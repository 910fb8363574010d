"""The wall says what is armed now: quietly where all is, in words where nothing is, in numbers where sites are many."""

import html
import re
from zoneinfo import ZoneInfo

import pytest

from broker.contract import codec, topics
from broker.contract.messages import (
    CameraHealth,
    HealthMessage,
    NodeProblem,
    RuleHours,
    RuleSetting,
    StatusMessage,
    ZoneShape,
)
from console.domain.access import Role
from console.domain.armed_schedule import monday_of
from console.domain.calendar import Calendar, Order, Period, Scope
from console.domain.site_tree import Grants
from console.store import calendars, nodes
from console.web.armed_view import FEW

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
HERE = ZoneInfo("Asia/Ho_Chi_Minh")
OFF = {(Scope(rule), period): Order(armed=False) for rule in ("loitering", "intrusion") for period in Period}
SQUARE = ((0, 0), (1, 0), (1, 1))
DAY = (RuleHours(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), begins="06:00", ends="18:00"),)


def report(desk, box: str, revision: str | None = "", problems=(), hours=(), cameras=("gate",)) -> None:
    """A box tells of a loitering rule at each camera, and by which calendar it works."""
    now_s = desk.clock()
    settings = (RuleSetting(rule="loitering", seconds=60.0, hours=hours),)
    zones = (ZoneShape(zone="pavement", label="Vỉa hè", polygon=SQUARE, rules=("loitering",), settings=settings),)
    told = [
        CameraHealth(camera=one, label=f"{one} {box}", state="sees", since_at_s=0.0, zones=zones) for one in cameras
    ]
    facts = {"at_s": now_s, "started_at_s": 0.0, "version": "1", "state": "ok", "schedule_revision": revision}
    health = HealthMessage(**facts, cameras=tuple(told), node_problems=tuple(problems))
    online = StatusMessage(status="online", at_s=now_s)
    desk.intake.take(topics.STATUS.of(box), codec.encode(topics.STATUS, box, online, now_s))
    desk.intake.take(topics.HEALTH.of(box), codec.encode(topics.HEALTH, box, health, now_s))


def say(desk, calendar: Calendar, site_id: int = 1) -> str:
    """Saves the calendar of a site; the revision that its boxes are to tell."""
    with desk.console.database.write() as connection:
        calendars.save(connection, site_id, calendar, desk.clock())
        texts, parents = calendars.all_texts(connection)
    monday = monday_of(desk.clock(), HERE)
    return calendars.revision(calendars.said_at(site_id, texts, parents), HERE, monday)


def wall(desk, *who, path: str = "/wall") -> str:
    page = html.unescape(desk.browser(Role.GUARD, *who).get(path, headers=ENGLISH).text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_where_nothing_is_armed_all_is_not_quiet(desk):
    report(desk, "n1")
    assert "All quiet" in wall(desk)
    assert "armed" not in wall(desk)  # no calendar, no hours: there is nothing to say
    revision = say(desk, Calendar(orders=OFF))
    report(desk, "n1", revision)
    page = wall(desk)
    assert "All quiet" not in page
    assert "No rule is armed now · After hours until 06:30" in page
    assert "people ring no bell now" in page
    say(desk, Calendar())
    assert "its box works by another calendar" in wall(desk)
    report(desk, "n1", say(desk, Calendar()))
    page = wall(desk)
    assert "After hours until 06:30 · all rules are armed" in page
    assert "All quiet" in page


def test_a_box_without_the_calendar_and_one_with_a_wrong_clock_are_told_as_they_are(desk):
    say(desk, Calendar(orders=OFF))
    report(desk, "n1", "", hours=DAY)
    page = wall(desk)
    assert "No rule is armed now · as set on the box until 06:00" in page
    assert "not by the saved calendar yet : Hộp cổng" in page
    report(desk, "n1", "x", [NodeProblem(code="clock_wrong", severity="critical", since_at_s=0.0)], DAY)
    page = wall(desk)
    assert "No rule is armed now" not in page
    assert "the clock of the box is wrong" in page


def test_of_one_place_among_several_the_place_is_named(desk):
    only = {(Scope("loitering", "n1", "fence", "pavement"), Period.AFTER_HOURS): Order(armed=False)}
    report(desk, "n1", say(desk, Calendar(orders=only)), cameras=("gate", "fence"))
    assert "no rule is armed at : fence n1: Vỉa hè" in wall(desk)
    with desk.console.database.read() as connection:
        box = nodes.find(connection, "n1").id
    seen = wall(desk, Grants(cameras=frozenset({(box, "gate")})), "limited")
    assert "fence" not in seen
    assert "all rules are armed" in seen


def test_of_many_sites_the_wall_counts_and_the_list_begins_with_those_where_nothing_is_armed(desk, schools):
    with desk.console.database.write() as connection:
        for n in range(FEW):
            nodes.add(connection, f"more{n}", f"Trường thêm {n}", "", desk.clock())
    for box in ("n1", *(one.box for one in schools), *(f"more{n}" for n in range(FEW))):
        report(desk, box)
    assert f"Rules are armed at all {3 + FEW} sites" in wall(desk)
    report(desk, schools[1].box, say(desk, Calendar(orders=OFF), schools[1].site))
    page = wall(desk)
    assert f"No rule is armed now at 1 of {3 + FEW} sites" in page
    listed = wall(desk, path="/armed")
    assert "Trường số 2" in listed, listed
    assert listed.index("Trường số 2 · No rule is armed now") < listed.index("Trường số 1 ·")
    assert "Trường số 1" not in wall(desk, path="/armed?find=so 2")
    mine = Grants(sites=frozenset({schools[0].site}))
    assert "Trường số 2" not in wall(desk, mine, "limited", path="/armed")
