"""Every route stands in the one table, and the table is what happens."""

import re
import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.messages import EventMessage
from console.domain.access import Action, Role, may
from console.web.access import NODE, OPEN, PUBLIC, ROUTES
from console.web.i18n import FOLDER

pytestmark = pytest.mark.system
EVENT_ID = str(uuid.UUID(int=7))


def concrete(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: {"code": "vi", "name": "console.css"}.get(match[1], "x"), path)


def test_every_route_is_in_the_table_and_the_other_way_round(desk):
    there = {(method, route.path) for route in desk.console.web.state.routes for method in route.methods}
    assert there == set(ROUTES)


@pytest.mark.parametrize("role", [None, *Role])
def test_everyone_gets_what_the_table_says_and_nothing_more(desk, role):
    browser = desk.browser(role)
    for (method, path), rule in sorted(ROUTES.items(), key=lambda entry: entry[0][1] == "/sign-out"):
        if path == "/api/stream" and role is not None:
            assert may(role, Action(rule))
            continue  # it never ends: test_stream.py listens to it
        status = browser.request(method, concrete(path)).status_code
        if rule in (OPEN, PUBLIC):
            assert status not in (401, 403), (method, path)
        elif rule == NODE or role is None:
            assert status == 401, (method, path)
        else:
            assert (status == 403) == (not may(role, Action(rule))), (role, method, path, status)


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
