"""The calendar of a site: who may change it, what is previewed and saved, and what goes to the boxes."""

import pytest
from sqlalchemy import update

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, EventMessage, HealthMessage, RuleHours, RuleSetting, ZoneShape
from console.domain.access import Role
from console.domain.calendar import Order, Period, Scope
from console.domain.site_tree import Grants
from console.ingest.schedule_sender import AGAIN_S, ScheduleSender
from console.store import audit, calendars, nodes, sites
from console.store.tables import calendar
from console.web.calendar_form import NAME_MOST
from console.web.node_problem import NodeProblem

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
NIGHT = (RuleHours(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), begins="19:00", ends="05:00"),)


def report(desk, box: str, revision: str | None = None, at_s: float | None = None) -> None:
    """A box tells its rules and the calendar that it works by."""
    settings = (RuleSetting(rule="intrusion", seconds=1.0, severity="high", hours=NIGHT),)
    square = ((0, 0), (1, 0), (1, 1))
    zone = ZoneShape(zone="yard", label="Sân", polygon=square, rules=("intrusion",), settings=settings)
    camera = CameraHealth(camera="gate", label="Cổng", state="sees", since_at_s=desk.clock(), zones=(zone,))
    told = {"started_at_s": 0.0, "version": "1", "state": "ok", "cameras": (camera,)}
    health = HealthMessage(at_s=desk.clock() if at_s is None else at_s, **told, schedule_revision=revision)
    desk.intake.take(topics.HEALTH.of(box), codec.encode(topics.HEALTH, box, health, desk.clock()))


def known(desk, site_id: int) -> str:
    with desk.console.database.read() as connection:
        return calendars.version(calendars.chain(connection, site_id)[-1].calendar)


def send(desk, browser, site_id: int, part: str, step: str = "save", **fields):
    told = {"part": part, "step": step, "known": known(desk, site_id), **fields}
    return browser.post(f"/calendar/{site_id}", data=told, headers=ENGLISH)


def said(desk, site_id: int):
    with desk.console.database.read() as connection:
        return calendars.chain(connection, site_id)[-1].calendar


def test_a_preview_saves_nothing_and_what_is_saved_was_shown_and_stands_in_the_record(desk, schools):
    here, _ = schools
    report(desk, here.box)
    browser = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({here.site})))
    assert "no calendar" in browser.get("/calendar", headers=ENGLISH).text
    shown = send(desk, browser, here.site, "start", "preview")
    assert shown.status_code == 200
    assert "Preview: not saved yet" in shown.text
    assert "changed" in shown.text
    assert said(desk, here.site) is None
    assert send(desk, browser, here.site, "start").status_code == 303
    assert said(desk, here.site) is not None
    page = browser.get(f"/calendar?site={here.site}&saved=true", headers=ENGLISH)
    assert page.status_code == 200
    day = {"first": ["2026-10-21"], "last": [""], "days_kind": ["special_day"], "name": ["Hội chợ <b>"]}
    shown = send(desk, browser, here.site, "days", "preview", **day)
    assert "Hội chợ &lt;b&gt;" in shown.text
    assert "now: School day" in " ".join(shown.text.replace('<span class="was">', "").split())
    assert said(desk, here.site).days == ()
    send(desk, browser, here.site, "days", **day)
    assert [one.name for one in said(desk, here.site).days] == ["Hội chợ <b>"]
    with desk.console.database.read() as connection:
        acts = [(one.user, one.action, one.detail) for one in audit.of_subject(connection, here.name)]
    assert acts == [
        ("supervisor", "calendar", '+ 2026-10-21..2026-10-21 special_day "Hội chợ <b>"'),
        ("supervisor", "calendar", "start"),
    ]
    told = browser.get("/audit", headers=ENGLISH).text
    assert "+ 2026-10-21..2026-10-21 Day with an event &#34;Hội chợ &lt;b&gt;&#34;" in told
    assert "A calendar for this place" in told


def test_every_part_is_set_left_to_those_above_and_read_back(desk, schools):
    here, _ = schools
    browser = desk.browser(Role.ADMINISTRATOR)
    send(desk, browser, here.site, "start")
    week = {"day": ["school_day"] * 6 + ["no_school"], "public_holidays": "true"}
    times = {"kind": "exam_day", "period": ["exam", "lessons"], "begins": ["07:00", ""], "ends": ["00:00", ""]}
    orders = {"scope": "loitering", "mode": ["off", "on", "box", "inherit", "inherit", "inherit", "inherit"]}
    orders |= {"seconds": ["", "45,5", "90", "", "", "", ""], "priority": ["box", "high", "box"] + ["box"] * 4}
    for part, fields in (("week", week), ("times", times), ("orders", orders)):
        assert send(desk, browser, here.site, part, **fields).status_code == 303
    own = said(desk, here.site)
    assert [own.week[5], own.week[6], own.public_holidays] == ["school_day", "no_school", True]
    ((span,),) = own.timetables.values()
    assert (span.begins, span.ends, span.period) == (420, 1440, "exam")
    found = {period: (one.armed, one.seconds, one.priority) for (_, period), one in own.orders.items()}
    assert found == {
        Period.DROP_OFF: (False, None, None),
        Period.LESSONS: (True, 45.5, "high"),
        Period.BREAK: (None, 90.0, None),
    }
    page = browser.get(f"/calendar?site={here.site}&scope=loitering", headers=ENGLISH)
    assert 'value="45.5"' in page.text
    for part, more in (("week", {}), ("times", {"kind": "exam_day"}), ("orders", {"scope": "loitering"})):
        assert send(desk, browser, here.site, part, drop="true", **more).status_code == 303
    assert calendars.text_of(said(desk, here.site)) == calendars.text_of(calendars.Calendar())
    assert send(desk, browser, here.site, "end").status_code == 303
    assert said(desk, here.site) is None


def test_two_who_change_it_at_once_do_not_overwrite_each_other(desk, schools):
    here, _ = schools
    browser = desk.browser(Role.ADMINISTRATOR)
    before = known(desk, here.site)
    send(desk, browser, here.site, "start")
    send(desk, browser, here.site, "days", first=["2026-12-01"], last=[""], days_kind=["holiday"], name=["a"])
    late = browser.post(
        f"/calendar/{here.site}", data={"part": "end", "step": "save", "known": before}, headers=ENGLISH
    )
    assert late.status_code == 422
    assert "Somebody else has changed this calendar" in late.text
    assert len(said(desk, here.site).days) == 1


FAULTS = (
    ({"part": "times", "period": ["exam"], "begins": ["7"], "ends": ["08:00"]}, "Write each time"),
    ({"part": "times", "period": ["exam"] * 2, "begins": ["07:00"] * 2, "ends": ["08:00"] * 2}, "overlap"),
    ({"part": "times", "period": ["exam"], "begins": [], "ends": ["08:00"]}, "Write each time"),
    ({"part": "days", "first": ["x"], "last": [""], "days_kind": ["holiday"], "name": [""]}, "Write each date"),
    ({"part": "week", "day": ["holiday"]}, "seven days"),
    ({"part": "orders", "scope": "nothing"}, "not watched any more"),
    (
        {"part": "orders", "scope": "crowd", "mode": ["on"] * 7, "seconds": ["nan"] * 7, "priority": [""] * 7},
        "7200",
    ),
    (
        {"part": "orders", "scope": "crowd", "mode": ["on"] * 7, "seconds": ["x"] * 7, "priority": [""] * 7},
        "number",
    ),
    ({"part": "orders", "scope": "crowd", "mode": ["on"]}, "number"),
)


def test_what_can_not_be_is_told_in_a_sentence_and_changes_nothing(desk, schools):
    here, _ = schools
    browser = desk.browser(Role.ADMINISTRATOR)
    send(desk, browser, here.site, "start")
    for fields, sentence in FAULTS:
        answer = browser.post(f"/calendar/{here.site}", data={"step": "save", **fields}, headers=ENGLISH)
        assert (answer.status_code, sentence in answer.text) == (422, True), fields
    assert calendars.text_of(said(desk, here.site)) == calendars.text_of(calendars.Calendar())


def test_what_no_form_sends_is_refused_and_any_week_can_be_asked_for(desk, schools):
    here, browser = schools[0], desk.browser(Role.ADMINISTRATOR)
    for fields in ({"part": "x"}, {"part": "days", "name": ["a" * (NAME_MOST + 1)]}, {}):
        assert browser.post(f"/calendar/{here.site}", data=fields).status_code == 422, fields
    for week in ("0001-01-01", "9999-12-31", "x", "2026-13-01", "2100-12-31"):
        assert browser.get(f"/calendar?site={here.site}&show={week}").status_code == 200, week


def test_a_school_sees_what_holds_above_it_but_neither_its_name_nor_a_way_to_change_it(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    with desk.console.database.read() as connection:
        province = next(one.id for one in sites.listing(connection) if one.name == "Tỉnh")
    send(desk, boss, province, "start")
    week = {"day": ["school_day"] * 6 + ["no_school"], "public_holidays": "true"}
    send(desk, boss, province, "week", **week)
    day = {"first": ["2026-10-21"], "last": ["2026-10-23"], "days_kind": ["holiday"], "name": ["Nghỉ bão"]}
    send(desk, boss, province, "days", **day)
    browser = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({here.site})), "of here")
    page = browser.get("/calendar", headers=ENGLISH).text
    assert "Nghỉ bão" in page
    assert "from the province" in page
    assert "Tỉnh" not in page
    for place in (province, here.district, other.site):
        assert browser.get(f"/calendar?site={place}").status_code == 404
        assert send(desk, browser, place, "end").status_code == 404
    for role in (Role.GUARD, Role.INSTALLER, Role.POLICE, Role.AUDITOR):
        assert desk.browser(role).get("/calendar").status_code == 403


def test_a_box_gets_its_schedule_until_it_works_by_it_and_is_told_when_there_is_none(desk, schools):
    here, other = schools
    sent, connections = [], [0]

    def publish(node: str, payload: bytes) -> bool:
        sent.append((node, codec.decode(topics.SCHEDULE.of(node), payload).message))
        return True

    database = desk.console.database
    sender = ScheduleSender(database, "Asia/Ho_Chi_Minh", desk.clock, publish, lambda: connections[0])
    boss = desk.browser(Role.ADMINISTRATOR)
    send(desk, boss, here.district, "start")
    zone = {"scope": f"intrusion/{here.box}/gate/yard", "mode": ["on"] + ["inherit"] * 6}
    zone |= {"seconds": ["9"] + [""] * 6, "priority": ["box"] * 7}
    report(desk, here.box, "")
    send(desk, boss, here.site, "orders", **zone)
    sender.turn()
    assert sent == []  # the broker was never reached
    connections[0] = 1
    sender.turn()
    sender.turn()
    ((box, schedule),) = sent  # once, and to nobody without a calendar
    assert box == here.box
    plan = next(one for one in schedule.plans if one.name == "drop_off")
    assert [(one.camera, one.zone, one.seconds) for one in plan.orders if one.rule == "intrusion"] == [
        ("gate", "yard", 9)
    ]
    connections[0] = 2  # a broker that may have been set up anew
    sender.turn()
    assert len(sent) == 2
    report(desk, here.box, schedule.revision)
    connections[0] = 3
    sender.turn()
    assert len(sent) == 2  # it works by it
    page = boss.get(f"/calendar?site={here.site}", headers=ENGLISH).text
    assert "works by this calendar" in page
    assert NodeProblem("calendar_ends", "warning").for_the_wall
    desk.clock.now_s += 7 * 86_400
    boss = desk.browser(Role.ADMINISTRATOR)
    sender.turn()
    assert len(sent) == 3  # a week later it reaches further
    assert sent[-1][1].until_at_s == schedule.until_at_s + 7 * 86_400
    send(desk, boss, here.site, "end")
    send(desk, boss, here.district, "end")
    sender.turn()
    assert (sent[-1][0], sent[-1][1].revision, sent[-1][1].spans) == (here.box, "", ())
    with database.read() as connection:
        assert nodes.find(connection, other.box) is not None
    assert {box for box, _ in sent} == {here.box}


def test_a_preview_warns_of_what_is_left_open_and_begins_where_the_change_shows(desk, schools):
    here, _ = schools
    report(desk, here.box)
    browser = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({here.site})))
    warned = "No rule is armed in hours that are after hours"
    assert warned not in browser.get("/calendar", headers=ENGLISH).text  # without a calendar there are no such hours
    send(desk, browser, here.site, "start")
    assert warned not in browser.get(f"/calendar?site={here.site}", headers=ENGLISH).text
    nothing = {"seconds": [""] * 7, "priority": ["box"] * 7}
    by_night = {"scope": "intrusion", "mode": ["on"] + ["inherit"] * 5 + ["off"], **nothing}
    shown = send(desk, browser, here.site, "orders", "preview", **by_night).text
    assert f"{warned}, nights or holidays among them: <strong>Cổng: Sân" in " ".join(shown.split())
    always = {"scope": "intrusion", "mode": ["off"] * 7, **nothing}
    shown = send(desk, browser, here.site, "orders", "preview", **always).text
    assert "No rule is armed at any time of this week" in shown
    send(desk, browser, here.site, "orders", **always)
    assert "No rule is armed at any time of this week" in browser.get("/calendar", headers=ENGLISH).text
    send(desk, browser, here.site, "orders", **always | {"drop": True})
    lessons = {"kind": "holiday", "period": ["lessons"], "begins": ["00:00"], "ends": ["00:00"]}
    shown = send(desk, browser, here.site, "times", "preview", **lessons).text  # this week has no holiday
    assert "What is marked is armed otherwise than now" in shown


def test_an_alert_says_in_which_period_it_rang(desk, schools):
    here, browser = schools[0], desk.browser(Role.ADMINISTRATOR)
    told = {"after_hours": "It was after hours.", "clock_wrong": "The clock of the box was wrong", "siesta": ""}
    for number, (period, sentence) in enumerate(told.items(), 901):
        event_id = f"00000000-0000-0000-0000-{number:012d}"
        places = {"rule": "intrusion", "camera": "gate", "zone": "yard", "period": period}
        times = {"opened_at_s": desk.clock(), "captured_at_s": desk.clock()}
        event = EventMessage(event_id=event_id, revision=1, state="open", **places, **times)
        sent = codec.encode(topics.EVENT, here.box, event, desk.clock(), "x", number)
        desk.intake.take(topics.EVENT.of(here.box), sent)
        page = browser.get(f"/alerts/{event_id}", headers=ENGLISH)
        assert page.status_code == 200
        assert sentence in page.text
    assert "siesta" not in page.text  # of a newer box


def test_a_box_with_a_wrong_clock_is_told_the_time_again_and_again(desk, schools):
    here, _ = schools
    sent = []
    sender = ScheduleSender(
        desk.console.database, "Asia/Ho_Chi_Minh", desk.clock, lambda node, _: not sent.append(node), lambda: 1
    )
    slow_s = 7200.0
    report(desk, here.box, "", desk.clock() - slow_s)
    desk.clock.now_s += 15.0
    report(desk, here.box, "", desk.clock() - slow_s)  # the second one shows that it was not on its way so long
    for later_s, told in ((0.0, 1), (0.0, 1), (AGAIN_S, 2)):  # even one that needs no calendar
        desk.clock.now_s += later_s
        sender.turn()
        assert sent == [here.box] * told
    report(desk, here.box, "")  # it is set
    sender.turn()
    assert len(sent) == 2


def test_a_calendar_of_a_newer_console_holds_up_no_other(desk, schools):
    here, other = schools
    with desk.console.database.write() as connection:
        for place in (here.site, other.site):
            calendars.save(connection, place, calendars.Calendar(), desk.clock())
        newer = {"content_json": calendars.text_of(calendars.Calendar()).replace("null", '["siesta"]', 1)}
        connection.execute(update(calendar).where(calendar.c.site_id == here.site).values(**newer))
    sent = []
    publish = lambda node, _payload: sent.append(node) is None  # noqa: E731
    sender = ScheduleSender(desk.console.database, "Asia/Ho_Chi_Minh", desk.clock, publish, lambda: 1)
    sender.turn()
    sender.turn()
    assert sent == [other.box]
    page = desk.browser(Role.ADMINISTRATOR).get(f"/calendar?site={here.site}", headers=ENGLISH)
    assert page.status_code == 409
    fights = calendars.Calendar(orders={(Scope("fighting"), Period.BREAK): Order(True)})  # a rule of a newer console
    with desk.console.database.write() as connection:
        calendars.save(connection, here.site, fights, desk.clock())
    sender.turn()
    assert sent == [other.box, here.box]


def test_orders_for_a_zone_that_is_gone_can_still_be_taken_out(desk, schools):
    here, _ = schools
    with desk.console.database.write() as connection:
        gone = Scope("crowd", here.box, "gate", "no more")
        own = calendars.Calendar(orders={(gone, Period.BREAK): calendars.Order(True)})
        calendars.save(connection, here.site, own, desk.clock())
    browser = desk.browser(Role.ADMINISTRATOR)
    key = f"crowd/{here.box}/gate/no more"
    assert "no more" in browser.get(f"/calendar?site={here.site}&scope={key}").text
    send(desk, browser, here.site, "orders", scope=key, drop="true")
    assert said(desk, here.site).orders == {}


def test_a_site_with_a_calendar_can_be_removed(desk):
    browser = desk.browser(Role.ADMINISTRATOR)
    browser.post("/sites", data={"name": "Trường mới", "kind": "school"})
    with desk.console.database.read() as connection:
        site_id = next(one.id for one in sites.listing(connection) if one.name == "Trường mới")
    send(desk, browser, site_id, "start")
    assert browser.post(f"/sites/{site_id}/remove").status_code == 303
