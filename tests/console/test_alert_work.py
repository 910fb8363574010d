"""Alerts as work, on both databases: steps, history, incidents, and two people at the same moment."""

import threading
import uuid

import pytest
from sqlalchemy import select

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, EventMessage, HealthMessage
from console.domain.access import Role
from console.domain.alert import CloseReason, Severity
from console.domain.alert_work import Act, Step
from console.domain.site_tree import Grants
from console.store import alert_work, alerts, changes, nodes, site_setup, users
from console.store.tables import event

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}


def event_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def tell(desk, number: int, ago_s: float = 0.0, node: str = "n1", **changes_) -> None:
    at_s = desk.clock() - ago_s
    facts = {"event_id": event_id(number), "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    message = EventMessage(**{**facts, "opened_at_s": at_s, "captured_at_s": at_s, **changes_})
    desk.intake.take(topics.EVENT.of(node), codec.encode(topics.EVENT, node, message, desk.clock(), "box", number))


def found(desk, number: int) -> alerts.Alert:
    with desk.console.database.read() as connection:
        one = alerts.find(connection, event_id(number))
    assert one is not None
    return one


def step(browser, number: int, name: str, **form):
    return browser.post(f"/alerts/{event_id(number)}/{name}", data=form, headers=ENGLISH)


def told_of(desk, number: int) -> list[tuple[str, str, str, str]]:
    with desk.console.database.read() as connection:
        return [(one.user, one.step, one.was, one.became) for one in alert_work.history(connection, event_id(number))]


def person(desk, name: str) -> int:
    with desk.console.database.write() as connection:
        return users.add(connection, name, "x", Role.GUARD, desk.clock()).id


def test_every_step_stands_in_the_history_with_who_and_when(desk):
    tell(desk, 1)
    guard, administrator = desk.browser(Role.GUARD), desk.browser(Role.ADMINISTRATOR)
    for browser, name, form in (
        (guard, "acknowledge", {}),
        (guard, "start", {}),
        (administrator, "note", {"note": " Gọi cô Hạnh "}),
        (guard, "hold", {}),
        (administrator, "take_over", {}),
        (administrator, "start", {}),
        (administrator, "prioritise", {"priority": "critical"}),
        (administrator, "close", {"reason": "pupil", "note": "lớp 2B"}),
    ):
        desk.clock.now_s += 60
        assert step(browser, 1, name, **form).status_code == 204, name
        assert step(browser, 1, name, **form).status_code == (409 if name == "close" else 204), name
    assert told_of(desk, 1) == [
        ("guard", "acknowledge", "new", "acknowledged"),
        ("guard", "start", "acknowledged", "in_progress"),
        ("administrator", "note", "in_progress", "in_progress"),
        ("administrator", "note", "in_progress", "in_progress"),  # a note twice is two notes
        ("guard", "hold", "in_progress", "on_hold"),
        ("administrator", "take_over", "guard", "administrator"),
        ("administrator", "start", "on_hold", "in_progress"),
        ("administrator", "prioritise", "medium", "critical"),
        ("administrator", "close", "in_progress", "pupil"),
    ]
    alert = found(desk, 1)
    assert (alert.state, alert.owner, alert.acknowledged_by, alert.closed_by) == (
        "closed",
        "administrator",
        "guard",
        "administrator",
    )
    assert (alert.priority, alert.close_reason, alert.close_note) == ("critical", "pupil", "lớp 2B")
    facts = guard.get(f"/api/alerts/{event_id(1)}/facts.json").json()
    assert [one["step"] for one in facts["history"]][-1] == "close"
    assert facts["history"][2]["text"] == "Gọi cô Hạnh"
    assert facts["history"][0]["at_s"] == desk.clock() - 7 * 60
    page = guard.get(f"/alerts/{event_id(1)}", headers=ENGLISH).text
    assert "took it over from guard" in page
    assert "set the priority from Medium to Urgent" in page


def test_what_a_step_lacks_is_told(desk):
    tell(desk, 1)
    guard, administrator = desk.browser(Role.GUARD), desk.browser(Role.ADMINISTRATOR)
    assert step(guard, 1, "start").json() == {"error": "not_acknowledged"}
    step(guard, 1, "acknowledge")
    for name, form, status, code in (
        ("close", {}, 422, "reason_missing"),
        ("close", {"reason": "tampering"}, 422, "reason_missing"),  # of a camera only
        ("note", {"note": " "}, 422, "note_missing"),
        ("prioritise", {"priority": "very"}, 422, "priority_missing"),
        ("note", {"note": "x" * 1001}, 422, "malformed"),
        ("note", {"note": "a\x00b"}, 422, "malformed"),
        ("dance", {}, 422, "malformed"),
    ):
        answer = step(guard, 1, name, **form)
        assert (answer.status_code, answer.json()) == (status, {"error": code}), name
    taken = step(administrator, 1, "hold")
    assert (taken.status_code, taken.json()["by"]) == (409, "guard")
    assert told_of(desk, 1) == [("guard", "acknowledge", "new", "acknowledged")]
    page = administrator.post(f"/alerts/{event_id(1)}/close", data={}, headers={"Accept": "text/html"})
    assert page.status_code == 303  # it is the guard's: the page says so
    assert "guard took it on at 00:46." in administrator.get(page.headers["location"], headers=ENGLISH).text


def at_once(desk, what) -> list[alert_work.Outcome]:
    """What came of these acts, all begun in the same moment by people of their own."""
    ready, came_of = threading.Barrier(len(what)), {}

    def run(number: int, event_ids, act: Act) -> None:
        ready.wait()
        with desk.console.database.write() as connection:
            came_of[number] = alert_work.act(connection, event_ids, act, desk.clock())

    threads = [threading.Thread(target=run, args=(number, *one)) for number, one in enumerate(what)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(came_of) == len(what), "somebody is still waiting or failed"
    return [came_of[number] for number in range(len(what))]


def test_of_many_people_at_once_one_gets_the_alert_and_the_others_hear_who(desk):
    people = [person(desk, f"Bảo vệ {number}") for number in range(8)]
    for number in range(1, 6):
        tell(desk, number, zone=f"zone-{number}")
        ids = [event_id(number)]
        came_of = [one for (one,) in at_once(desk, [(ids, Act(Step.ACKNOWLEDGE, who)) for who in people])]
        refused = [one for one in came_of if one.refused]
        assert [one.refused for one in refused] == ["taken"] * 7
        assert {one.owner for one in refused} == {found(desk, number).owner}
        assert len(told_of(desk, number)) == 1


def test_two_people_with_the_same_incident_never_wait_for_each_other(desk):
    lan, hung = person(desk, "Lan"), person(desk, "Hùng")
    for round_ in range(5):
        ids = [event_id(100 * round_ + number) for number in range(1, 9)]
        for number in range(1, 9):
            tell(desk, 100 * round_ + number, zone=f"zone-{round_}")
        what = [(ids, Act(Step.TAKE_OVER, lan)), (ids[::-1], Act(Step.CLOSE, hung, CloseReason.STAFF))]
        taken_over, closed = at_once(desk, what)
        first = "taken" if not any(one.refused for one in taken_over) else "already_closed"
        refused = {one.refused for one in (*taken_over, *closed)}
        assert refused == {first, ""}


def test_a_step_and_news_of_the_box_at_once_lose_neither(desk):
    lan = person(desk, "Lan")
    tell(desk, 1)
    stop, faults = threading.Event(), []

    def news() -> None:
        number = 2
        while not stop.is_set():
            try:
                tell(desk, number)
            except Exception as error:  # the thread must tell of anything
                faults.append(error)
                return
            number += 1

    thread = threading.Thread(target=news)
    thread.start()
    try:
        for number in range(40):
            name = (Step.ACKNOWLEDGE, Step.START, Step.HOLD)[number % 3]
            with desk.console.database.write() as connection:
                alert_work.act(connection, [event_id(1)], Act(name, lan), desk.clock())
    finally:
        stop.set()
        thread.join(30)
    assert not faults
    assert found(desk, 1).owner == "Lan"
    assert len(told_of(desk, 1)) == 27  # to acknowledge again changes nothing


def test_several_alerts_of_a_card_each_take_the_step_for_which_it_is_time(desk):
    for number in (1, 2, 3):
        tell(desk, number)
    guard, administrator = desk.browser(Role.GUARD), desk.browser(Role.ADMINISTRATOR)
    step(administrator, 2, "acknowledge")
    step(guard, 3, "acknowledge")
    assert step(guard, 1, "start", also=[event_id(3)]).status_code == 204  # the new one is not acknowledged yet
    assert [found(desk, number).state for number in (1, 2, 3)] == ["new", "acknowledged", "in_progress"]
    answer = step(guard, 1, "close", reason="staff", also=[event_id(2), event_id(3)])
    assert answer.json() == {"error": "taken", "by": "administrator", "at": "00:46", "done": 2}
    assert [found(desk, number).state for number in (1, 2, 3)] == ["closed", "acknowledged", "closed"]


def test_others_may_be_meant_of_the_same_site_only(desk):
    with desk.console.database.write() as connection:
        nodes.add(connection, "far", "Lê Lợi", "", desk.clock())
    tell(desk, 1)
    tell(desk, 2, node="far")
    guard = desk.browser(Role.GUARD)
    assert step(guard, 1, "acknowledge", also=[event_id(2)]).status_code == 404
    assert step(guard, 1, "acknowledge", also=[event_id(3)]).status_code == 404
    assert found(desk, 1).state == "new"
    assert step(guard, 1, "acknowledge", also=[event_id(2)] * 100).json() == {"error": "malformed"}


def incidents_of(desk) -> dict[str, str]:
    with desk.console.database.read() as connection:
        rows = connection.execute(select(event.c.event_id, event.c.incident_id)).all()
    return {row.event_id: row.incident_id for row in rows}


TIMES = ((1, 900.0), (2, 800.0), (3, 700.0), (4, 540.0), (5, 430.0), (6, 330.0), (7, 200.0), (8, 100.0), (9, 10.0))


@pytest.mark.parametrize("order", ["as it was", "backwards", "the middle last", "the first last"])
def test_incidents_are_the_same_in_whatever_order_alerts_come(desk, order):
    told = {
        "as it was": TIMES,
        "backwards": TIMES[::-1],
        "the middle last": (*TIMES[:4], *TIMES[6:], *TIMES[4:6]),
        "the first last": (*TIMES[1:], TIMES[0]),
    }[order]
    for number, ago_s in told:
        tell(desk, number, ago_s)
    names = {int(uuid.UUID(one)): int(uuid.UUID(incident)) for one, incident in incidents_of(desk).items()}
    assert names == {1: 1, 2: 1, 3: 1, 4: 4, 5: 4, 6: 4, 7: 7, 8: 7, 9: 7}


def test_an_incident_that_goes_on_too_long_ends_and_a_chain_is_followed_however_far(desk):
    for number in range(40):  # an hour of one alert every 90 s, told from the end
        tell(desk, 40 - number, 90.0 * number)
    found_ = incidents_of(desk)
    sizes = [list(found_.values()).count(one) for one in dict.fromkeys(found_[event_id(n)] for n in range(1, 41))]
    assert sizes == [7, 7, 7, 7, 7, 5]


def test_a_second_one_rings_again_also_in_an_incident_that_is_closed(desk):
    tell(desk, 1, 50)
    guard = desk.browser(Role.GUARD)
    step(guard, 1, "close", reason="staff")
    assert 'data-rings="0"' in guard.get("/wall").text
    tell(desk, 2, 5)
    wall = guard.get("/wall", headers=ENGLISH).text
    assert 'data-rings="1"' in wall
    assert wall.count('<li class="alert ') == 1
    assert f'data-new="{event_id(2)}"' in wall
    assert "2 alerts · 1 new" in wall
    assert found(desk, 2).incident_id == event_id(1)


def test_a_flood_at_one_place_is_one_card_that_speaks_of_as_many_as_one_key_can_act_on(desk):
    for number in range(1, alerts.MOST_EACH + 11):
        tell(desk, number, 0.1 * number)
    guard = desk.browser(Role.GUARD)
    wall = guard.get("/wall", headers=ENGLISH).text
    assert wall.count('<li class="alert ') == 1
    assert f"{alerts.MOST_EACH}+ alerts" in wall
    assert "More new alerts: 10." in wall
    first, *also = wall.split('data-new="')[1].split('"')[0].split()
    note = "ờ" * 1000  # nine bytes each in a form
    assert guard.post(f"/alerts/{first}/close", data={"reason": "staff", "note": note, "also": also}).status_code == 204
    wall = guard.get("/wall", headers=ENGLISH).text
    assert 'data-rings="10"' in wall
    assert len(wall.split('data-new="')[1].split('"')[0].split()) == 10


def test_neighbours_by_area_are_one_place_and_stand_on_the_alerts_page(desk):
    reports = tuple(
        CameraHealth(camera=name, label=f"Camera {name}", state="sees", since_at_s=1.0)
        for name in ("gate", "yard", "hall")
    )
    health = HealthMessage(at_s=desk.clock(), started_at_s=1.0, version="1", state="ok", cameras=reports)
    desk.intake.take(topics.HEALTH.of("n1"), codec.encode(topics.HEALTH, "n1", health, desk.clock()))
    tell(desk, 1)
    tell(desk, 2, camera="yard")
    assert found(desk, 2).incident_id == event_id(2)
    guard, page = desk.browser(Role.GUARD), f"/alerts/{event_id(1)}"
    near = guard.get(page).text.split('id="related"')[1]
    assert ("Camera yard" in near, "Camera hall" in near) == (True, True)  # nobody said who is whose neighbour
    with desk.console.database.write() as connection:
        areas = {one.id: "Mặt  trước " for one in site_setup.cameras(connection, 1) if one.name != "hall"}
        site_setup.set_areas(connection, 1, areas)
        site_setup.set_areas(connection, 2, dict.fromkeys(areas, "of another site"))
    near = guard.get(page).text.split('id="related"')[1]
    assert ("Camera yard" in near, "Camera hall" in near) == (True, False)
    desk.clock.now_s += 600
    tell(desk, 3)
    tell(desk, 5, camera="yard")
    assert {found(desk, number).incident_id for number in (3, 5)} == {event_id(3)}
    tell(desk, 4, camera="yard", rule="camera_covered")
    assert found(desk, 4).incident_id == event_id(4)
    with desk.console.database.read() as connection:
        told = [(one.key, one.what) for one in changes.after(connection, 0) if one.kind == "alert"]
        box = nodes.find(connection, "n1").id
    assert (event_id(3), "incident") in told  # open pages of the first one look again
    yard = desk.browser(Role.GUARD, Grants(cameras=frozenset({(box, "yard")})), "limited")
    pages = [yard.get(path).text for path in ("/wall", "/api/alerts", f"/alerts/{event_id(5)}")]
    pages.append(yard.get(f"/api/alerts/{event_id(5)}/facts.json").text)
    for seen in pages:
        assert event_id(5) in seen
        assert event_id(3) not in seen  # of another camera, though the incident has its name


def test_a_box_that_reports_worse_overrules_a_lower_priority(desk):
    tell(desk, 1, severity="medium")
    tell(desk, 2, severity="medium", zone="other")
    guard = desk.browser(Role.GUARD)
    step(guard, 1, "prioritise", priority="low")
    with desk.console.database.read() as connection:
        order = [int(uuid.UUID(one.event_id)) for one in alerts.of_state(connection, "new", 9)]
    assert (order, found(desk, 1).priority) == ([2, 1], Severity.LOW)
    tell(desk, 1, severity="high", revision=2, state="updated")
    with desk.console.database.read() as connection:
        order = [int(uuid.UUID(one.event_id)) for one in alerts.of_state(connection, "new", 9)]
    assert (order, found(desk, 1).priority) == ([1, 2], Severity.HIGH)
    step(guard, 1, "prioritise", priority="critical")
    tell(desk, 1, severity="medium", revision=3, state="updated")
    assert found(desk, 1).priority == Severity.CRITICAL


def test_instructions_are_an_administrators_to_write_and_stand_in_the_audit(desk):
    administrator, guard = desk.browser(Role.ADMINISTRATOR), desk.browser(Role.GUARD)
    assert guard.get("/instructions").status_code == 403
    told = administrator.post("/instructions/1", data={"kind": "loitering", "text": "Ra cổng hỏi.\r\n<b>Gọi</b>"})
    assert told.headers["location"] == "/instructions?site=1&saved=true#loitering"
    tell(desk, 1)
    page = guard.get(f"/alerts/{event_id(1)}").text
    assert "Ra cổng hỏi.\n&lt;b&gt;Gọi" in page
    for data, status in (
        ({"kind": "dance", "text": "x"}, 422),
        ({"camera": ["1"], "area": []}, 422),
        ({"kind": "loitering", "text": "a\x00"}, 422),
    ):
        assert administrator.post("/instructions/1", data=data).status_code == status, data
    assert administrator.post("/instructions/99", data={"kind": "crowd", "text": "x"}).status_code == 404
    assert administrator.get("/instructions?site=99").status_code == 404
    administrator.post("/instructions/1", data={"kind": "loitering", "text": " "})
    with desk.console.database.read() as connection:
        assert site_setup.instructions(connection, 1) == {}
        acts = connection.exec_driver_sql(
            "SELECT action, subject, detail FROM audit_entry WHERE action = 'instructions'"
        )
        assert [tuple(row) for row in acts] == [("instructions", "Kim Đồng", "loitering")] * 2
