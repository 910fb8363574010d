"""Every route stands in the one table, and the table is what happens."""

import re
import uuid
from typing import get_args

import pytest
from opened_event import open_event

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.domain.access import NOWHERE, Action, Role, may, rights_of
from console.domain.site_tree import WHOLE_TREE, Grants
from console.store import alerts, holds, nodes
from console.store.changes import Kind
from console.web.access import FREE_NAMES
from console.web.i18n import FOLDER
from console.web.route_table import NODE, OPEN, PUBLIC, ROUTES, SIGNED_IN, STREAM

pytestmark = pytest.mark.system
EVENT_ID = str(uuid.UUID(int=7))


PLACED = re.compile(r"\{(event_id|node|site_id|user_id|link|hold_id)\}")
LAST = {"/people/{user_id}/end": 1, "/sign-out": 2}
IN_ORDER = sorted(ROUTES.items(), key=lambda entry: LAST.get(entry[0][1], 0))


def concrete(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: {"code": "vi", "name": "console.css"}.get(match[1], "x"), path)


def test_every_route_is_in_the_table_and_the_other_way_round(desk):
    there = {(method, route.path) for route in desk.console.web.state.routes for method in route.methods}
    assert there == set(ROUTES)
    assert set(get_args(Kind)) == set(STREAM)


def test_whatever_an_address_names_is_looked_up_before_anybody_gets_there():
    for (_, path), rule in ROUTES.items():
        if isinstance(rule, Action):
            names = set(re.findall(r"\{(\w+)\}", path))
            assert (
                not names
                - FREE_NAMES
                - {
                    "event_id",
                    "node",
                    "camera",
                    "site_id",
                    "user_id",
                    "link",
                    "hold_id",
                }
            ), path


@pytest.mark.parametrize("role", [None, *Role])
def test_everyone_gets_what_the_table_says_and_nothing_more(desk, schools, role):
    """A walk through the whole table by four people of the same role, who differ in where they may: not here first."""
    here, other = schools
    with desk.console.database.write() as connection:
        for school in schools:
            box = nodes.find(connection, school.box)
            asked = holds.Asked(school.hold_id, box.id, "gate", None, 1.0, 2.0, 0.0, f"of {school.box}")
            holds.ask(connection, asked, school.guard, desk.clock(), 9)
    walk(desk, here, role, "elsewhere", Grants(sites=frozenset({other.district})))
    walk(desk, here, role, "nowhere", Grants())
    for number, where in enumerate(("everywhere", "district")):
        # A walk ends sessions and accounts: the second one is at the other school.
        there = schools[number]
        walk(desk, there, role, where, Grants(sites=frozenset({there.district})) if number else WHOLE_TREE)


def walk(desk, here, role, where, granted) -> None:
    outside = where in ("elsewhere", "nowhere")
    browser = desk.browser(role, granted, f"{role} {where}")
    for (method, path), rule in IN_ORDER:
        if path == "/api/stream" and role is not None:
            continue  # it never ends: test_stream.py listens to it
        answer = browser.request(method, here.address(path))
        case = (role, where, method, path, answer.status_code)
        if outside:
            assert not [word for word in here.words if word in answer.text], case
        if rule in (OPEN, PUBLIC):
            assert answer.status_code not in (401, 403), case
        elif rule == NODE or role is None:
            assert answer.status_code == 401, case
        elif rule == SIGNED_IN:
            assert answer.status_code in (200, 303, 422), case
        elif not may(rights_of(role, NOWHERE), rule):
            assert answer.status_code == 403, case
        elif PLACED.search(path) and outside:
            assert answer.status_code == 404, case
        else:
            allowed = {404} if path in NOT_HERE else set()
            assert answer.status_code not in {401, 403, 404} - allowed, case


# What a guard passes on to, and is not there: a clip that has not come yet, sessions and tokens of one's own.
NOT_HERE = (
    "/api/alerts/{event_id}/files/{name}",
    "/cameras/{node}/{camera}/still.jpg",
    "/plan/{site_id}/image",
    "/account/sessions/{session}/end",
    "/account/tokens/{token_id}/end",
)


@pytest.mark.parametrize("role", [role for role in Role if may(rights_of(role, NOWHERE), Action.SEE_BLIND_TIMES)])
def test_lists_hold_what_is_of_the_own_sites_and_nothing_else(desk, schools, role):
    """The counterpart of the walk: what it does not find elsewhere is there to be found."""
    here, other = schools
    browser = desk.browser(role, Grants(sites=frozenset({here.district})))
    found = set()
    paths = ("/", "/wall", "/cameras", "/pictures", "/plan", "/blind-times", "/blind-times.csv", "/people", "/sites")
    for path in (*paths, "/api/alerts"):
        text = browser.get(path).text
        assert not [word for word in other.words if word in text], path
        found |= {word for word in here.words if word in text}
    assert here.name in found
    assert (here.event_id in found) == may(rights_of(role, NOWHERE), Action.SEE_ALERTS)


def test_a_single_camera_is_all_that_is_seen_of_its_site(desk, schools):
    here, other = schools
    with desk.console.database.write() as connection:
        box = nodes.find(connection, here.box)
        facts = {"revision": 1, "state": "open", "rule": "loitering", "camera": "yard"}
        event = EventMessage(event_id=EVENT_ID, **facts, opened_at_s=desk.clock(), captured_at_s=desk.clock())
        open_event(connection, box, event, desk.clock())
        problem = {"code": "recording_short", "severity": "warning", "since_at_s": desk.clock(), "subject": "yard"}
        health = {**box.health, "at_s": desk.clock() + 1, "node_problems": [problem]}
        nodes.set_health(connection, box, health, desk.clock())
    whole = desk.browser(Role.GUARD, name="whole").get("/cameras", headers={"Accept-Language": "en"}).text
    assert "The recording of yard reaches" in whole
    browser = desk.browser(Role.GUARD, Grants(cameras=frozenset({(box.id, "gate")})))
    wall, cameras = browser.get("/").text, browser.get("/cameras").text
    assert here.event_id in wall
    assert EVENT_ID not in wall
    assert f"gate of {here.box}" in cameras
    assert "yard" not in cameras + browser.get("/blind-times").text
    assert browser.get(f"/alerts/{here.event_id}").status_code == 200
    for path in (f"/alerts/{EVENT_ID}", f"/alerts/{other.event_id}", f"/api/alerts/{EVENT_ID}/facts.json"):
        assert browser.get(path).status_code == 404
    assert browser.post(f"/cameras/{here.box}/yard/still").status_code == 404
    for beyond in (EVENT_ID, other.event_id):  # on the way, as another alert of an incident
        acts = browser.post(f"/alerts/{here.event_id}/acknowledge", data={"also": [beyond]})
        assert acts.status_code == 404
    with desk.console.database.read() as connection:
        states = {alerts.find(connection, one).state for one in (here.event_id, EVENT_ID, other.event_id)}
    assert states == {"new"}
    assert browser.post(f"/alerts/{here.event_id}/acknowledge").status_code == 204
    assert browser.post(f"/cameras/{here.box}/gate/still").status_code == 503  # no broker: it passed the guard


def test_what_is_elsewhere_and_what_is_not_at_all_can_not_be_told_apart(desk, schools):
    here, other = schools
    browser = desk.browser(Role.ADMINISTRATOR, Grants(sites=frozenset({here.district})))
    for method, path in ROUTES:
        if PLACED.search(path):
            there = browser.request(method, other.address(path))
            gone = browser.request(method, re.sub(r"\{\w+\}", "999999", path))
            assert (there.status_code, there.content) == (gone.status_code, gone.content) == (404, there.content), path


@pytest.mark.parametrize("number", ["0", "-1", "x", "\uff11", "2147483648", "9" * 5000])
def test_what_is_no_number_of_anything_is_not_there(desk, number):
    boss = desk.browser(Role.ADMINISTRATOR)
    for path in (f"/people/{number}", f"/people/{number}/end", f"/sites/{number}", f"/sites/{number}/remove"):
        form = {"name": "x", "kind": "school"} if path.startswith("/sites") else {}
        answer = boss.get(path) if path.endswith(number) and "people" in path else boss.post(path, data=form)
        assert answer.status_code in (404, 422), path
    assert boss.post(f"/account/tokens/{number}/end").status_code in (404, 422)


def test_messages_aside_are_those_of_the_own_boxes(desk, schools):
    here, other = schools
    for school in schools:
        desk.intake.take(topics.EVENT.of(school.box), b"broken")
    limited = desk.browser(Role.INSTALLER, Grants(sites=frozenset({here.site}))).get("/cameras").text
    assert topics.EVENT.of(here.box) in limited
    assert topics.EVENT.of(other.box) not in limited
    assert topics.EVENT.of(other.box) in desk.browser(Role.INSTALLER, name="all").get("/cameras").text


def test_a_path_outside_the_table_is_refused_even_for_an_administrator(desk):
    browser = desk.browser(Role.ADMINISTRATOR)
    for path in ("/docs", "/openapi.json", "/api", "/static/../app/settings.py", "/static/%2e%2e%2fpages.py"):
        assert browser.get(path).status_code == 404


def test_a_request_from_another_page_is_refused(desk):
    browser = desk.browser(Role.GUARD)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": ""}):
        assert browser.post("/alerts/x/acknowledge", headers=headers).status_code == 403


FETCHED = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
LED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FRAMED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_lead_a_person_to_a_page_and_nothing_else(desk, site):
    browser = desk.browser(Role.ADMINISTRATOR)
    for (method, path), rule in ROUTES.items():
        if rule == NODE:
            continue
        for how in (FETCHED, LED, FRAMED, {}):
            status = browser.request(method, concrete(path), headers={"Sec-Fetch-Site": site, **how}).status_code
            page = method == "GET" and how == LED and not path.startswith("/api/")
            assert (status == 403) == (not page), (method, path, how)


def test_what_another_site_fetches_leaves_no_trace_in_the_persons_name(desk):
    tell_of_alert(desk)
    guard = desk.browser(Role.GUARD)
    for how in (FETCHED, LED):
        for path in (f"/api/alerts/{EVENT_ID}/facts.json", f"/api/alerts/{EVENT_ID}/files/x?download=true"):
            assert guard.get(path, headers={"Sec-Fetch-Site": "cross-site", **how}).status_code == 403
    facts = guard.get(f"/api/alerts/{EVENT_ID}/facts.json", headers={"Sec-Fetch-Site": "same-origin"}).json()
    assert len(facts["custody"]) == 1


def test_an_alert_that_is_not_there_can_not_be_handled(desk):
    guard = desk.browser(Role.GUARD)
    tell_of_alert(desk)
    for path, form in (("acknowledge", {}), ("close", {"reason": "test"})):
        answer = guard.post(f"/alerts/{uuid.UUID(int=8)}/{path}", data=form)
        assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})
    assert guard.post(f"/alerts/{EVENT_ID}/close", data={"reason": "test"}).status_code == 204
    for path, form in (("acknowledge", {}), ("close", {"reason": "test"})):
        answer = guard.post(f"/alerts/{EVENT_ID}/{path}", data=form)
        assert (answer.status_code, answer.json()) == (409, {"error": "already_closed"})


def tell_of_alert(desk) -> None:
    facts = {"event_id": EVENT_ID, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=desk.clock(), captured_at_s=desk.clock())
    desk.intake.take(topics.EVENT.of("n1"), codec.encode(topics.EVENT, "n1", event, desk.clock(), "box", 1))


def test_every_answer_carries_the_safe_headers(desk):
    for path in ("/sign-in", "/nothing", "/api/alerts", "/static/console.css"):
        headers = desk.browser().get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy.pop("default-src") == "'none'"
        assert set(policy.values()) <= {"'self'", "'none'"}  # nothing inline, nothing from elsewhere
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_is_fetched_from_elsewhere():
    for path in sorted(FOLDER.parent.glob("templates/*.html")) + sorted(FOLDER.parent.glob("static/*.*")):
        found = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"']*", path.read_text()))
        assert found <= {"http://www.w3.org/2000/svg"}, path


def test_letters_that_no_database_holds_are_refused_plainly(desk):
    browser = desk.browser(Role.GUARD)
    for path in ("/alerts/%00", "/api/alerts/x/files/%00", "/cameras/n1/%00/still.jpg"):
        assert browser.get(path).status_code == 404
    assert browser.post("/sign-in", data={"name": "a\x00", "password": "y"}).status_code == 422


def test_a_demoted_or_disabled_person_loses_the_right_at_once(desk):
    from console.store import users

    browser = desk.browser(Role.GUARD)
    assert browser.get("/").status_code == 200
    with desk.console.database.write() as connection:
        user = users.listing(connection)[0]
        users.set_role(connection, user.id, Role.INSTALLER)
    assert browser.get("/").status_code == 403
    with desk.console.database.write() as connection:
        users.disable(connection, user.id, desk.clock())
    assert browser.get("/").status_code == 401
