"""Every route stands in the one table, and the table is what happens."""

import re

import pytest

from console.domain.access import Action, Role, may
from console.web.access import NODE, OPEN, PUBLIC, ROUTES
from console.web.i18n import FOLDER

pytestmark = pytest.mark.system


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
