"""Tokens of programs: with the rights of their owner or less, for a time, and shown once."""

import re

import pytest
from fastapi.testclient import TestClient

from console.domain.access import EVERYWHERE, NOWHERE, Action, Role, may, rights_of
from console.domain.site_tree import Grants
from console.store import alert_work, audit, grants, provider_links, users
from console.web.auth import hash_password
from console.web.route_table import NODE, ROUTES, SIGNED_IN

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en"}
FORM = {"name": "statistics", "role": "supervisor", "days": "30"}


def make(browser, **more: str) -> str:
    told = browser.post("/account/tokens", data={**FORM, **more}, headers=ENGLISH)
    assert told.status_code == 200, told.text
    return re.search(r'value="(ght_[\w-]{43})"', told.text)[1]


def program(desk, token: str) -> TestClient:
    """A program: no cookies, no word of where it comes from."""
    return TestClient(desk.console.web, headers={"Authorization": f"Bearer {token}"}, follow_redirects=False)


def test_a_token_opens_what_its_role_may_and_nothing_of_the_person(desk, schools):
    boss = desk.browser(Role.ADMINISTRATOR)
    client = program(desk, make(boss))
    supervisor = rights_of(Role.SUPERVISOR, NOWHERE)
    for (method, path), rule in ROUTES.items():
        if path == "/api/stream" or not isinstance(rule, Action):
            continue
        status = client.request(method, schools[0].address(path)).status_code
        personal = rule in (Action.OWN_ACCOUNT, Action.OWN_TOKENS, Action.MANAGE_USERS, Action.MANAGE_SITES)
        assert (status == 403) == (personal or not may(supervisor, rule)), (method, path, status)
        assert status != 401
    for (method, path), rule in ROUTES.items():
        if rule in (SIGNED_IN, NODE):
            wanted = 403 if rule == SIGNED_IN else 401
            assert client.request(method, schools[0].address(path)).status_code == wanted, path


def test_one_that_only_reads_changes_nothing(desk, schools):
    boss = desk.browser(Role.ADMINISTRATOR)
    path = f"/alerts/{schools[0].event_id}/acknowledge"
    assert program(desk, make(boss, reads_only="true")).post(path).status_code == 403
    assert program(desk, make(boss)).post(path).status_code == 204


def test_a_token_is_limited_to_a_part_of_the_tree(desk, schools):
    here, other = schools
    client = program(desk, make(desk.browser(Role.ADMINISTRATOR), site=str(here.district)))
    assert client.get(f"/alerts/{here.event_id}").status_code == 200
    assert client.get(f"/alerts/{other.event_id}").status_code == 404
    told = client.get("/api/alerts").text
    assert here.event_id in told
    assert other.event_id not in told


def test_it_never_reaches_further_than_its_owner_does_now(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    owner = desk.browser(Role.SUPERVISOR)
    client = program(desk, make(owner))
    with desk.console.database.write() as connection:
        user_id = users.find(connection, "supervisor").id
        grants.give(connection, user_id, Grants(sites=frozenset({here.district})))
    assert client.get(f"/alerts/{other.event_id}").status_code == 404
    assert client.get(f"/alerts/{here.event_id}").status_code == 200
    with desk.console.database.write() as connection:
        users.set_role(connection, user_id, Role.AUDITOR)
    assert client.get("/api/alerts").status_code == 403
    assert boss.post(f"/people/{user_id}/end").status_code == 303
    assert client.get("/audit").status_code == 401


def test_nobody_lends_what_they_do_not_have(desk, schools):
    here, other = schools
    limited = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({here.site})))
    assert limited.post("/account/tokens", data={**FORM, "role": "administrator"}).status_code == 422
    assert limited.post("/account/tokens", data={**FORM, "role": "installer"}).status_code == 422
    for site in (other.site, here.district, 999_999):
        assert limited.post("/account/tokens", data={**FORM, "site": str(site)}).status_code == 404
    for more in ({"days": "3650"}, {"name": " "}, {"days": "0"}):
        assert limited.post("/account/tokens", data={**FORM, **more}).status_code == 422
    assert desk.browser(Role.GUARD).post("/account/tokens", data=FORM).status_code == 403


def test_it_ends_on_its_day_and_by_hand_and_tells_when_it_was_used(desk):
    boss = desk.browser(Role.ADMINISTRATOR)
    token = make(boss)
    assert token not in boss.get("/account").text
    assert "never used" in boss.get("/account", headers=ENGLISH).text
    client = program(desk, token)
    assert client.get("/api/alerts").status_code == 200
    assert "never used" not in boss.get("/account", headers=ENGLISH).text
    with desk.console.database.read() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM api_token").all())
    assert token not in rows
    desk.clock.now_s += 31 * 86_400
    assert client.get("/api/alerts").status_code == 401
    boss = desk.browser(Role.ADMINISTRATOR)
    assert "expired" in boss.get("/account", headers=ENGLISH).text
    client = program(desk, make(boss))
    number = max(int(one) for one in re.findall(r"/account/tokens/(\d+)/end", boss.get("/account").text))
    assert desk.browser(Role.GUARD).post(f"/account/tokens/{number}/end").status_code == 404
    assert client.get("/api/alerts").status_code == 200
    assert boss.post(f"/account/tokens/{number}/end").status_code == 303
    assert client.get("/api/alerts").status_code == 401


def test_a_token_wins_over_a_cookie_and_a_wrong_one_is_nobodys(desk):
    boss = desk.browser(Role.ADMINISTRATOR)
    for token in ("ght_wrong", desk.token, "x" * 5000):
        assert boss.get("/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert (
        boss.post("/people", headers={"Authorization": "Bearer x", "Origin": "https://evil.example"}).status_code == 401
    )


def test_what_a_program_does_bears_the_name_of_its_token(desk, schools):
    """Wherever a token comes through and something is written down: the whole table."""
    here, _ = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    client = program(desk, make(boss, role="administrator"))
    with desk.console.database.read() as connection:
        before = audit.listing(connection, EVERYWHERE, (), None, 1)[0].id
    client.post(f"/alerts/{here.event_id}/acknowledge")
    for (method, path), rule in ROUTES.items():
        if isinstance(rule, Action) and path != "/api/stream":
            client.request(method, here.address(path))
    instructions = {"kind": "loitering", "text": "Ra cổng hỏi."}
    client.post(f"/instructions/{here.site}", data=instructions)
    desk.console.web.state.context.notes.flush()
    with desk.console.database.read() as connection:
        acts = [one for one in audit.listing(connection, EVERYWHERE, (), None, 100) if one.id > before]
        steps = alert_work.history(connection, here.event_id)
    assert {"view", "download", "pictures"} <= {one.action for one in acts}
    assert {one.token for one in [*acts, *steps]} == {"statistics"}
    page = boss.get(f"/alerts/{here.event_id}", headers=ENGLISH).text
    assert '<strong>administrator</strong> <span class="soft">(by the token statistics)</span> acknowledged it' in page
    assert "(qua khóa statistics)" in boss.get("/audit", headers={"Accept-Language": "vi"}).text
    facts = boss.get(f"/api/alerts/{here.event_id}/facts.json").json()
    assert [one["token"] for one in facts["history"]] == ["statistics"]
    assert {one["token"] for one in facts["custody"]} == {"", "statistics"}


PASSWORD, NEW = "mat-khau-dai", "mat-khau-khac"


def test_a_new_password_shows_what_goes_on_without_it_and_ends_it_where_asked(desk):
    owner = desk.browser(Role.SUPERVISOR)
    with desk.console.database.write() as connection:
        user = users.find(connection, "supervisor")
        users.set_password_hash(connection, user.id, hash_password(PASSWORD))
        provider_links.link(connection, user.id, "https://id.example.org", "s", desk.clock())
    client = program(desk, make(owner))
    page = owner.get("/account", headers=ENGLISH).text
    for told in ("goes on without your password", "the token statistics", "signing in with the linked account"):
        assert told in page
    form = {"password": PASSWORD, "new": NEW, "again": NEW}
    assert owner.post("/account/password", data=form).status_code == 303
    assert client.get("/api/alerts").status_code == 200
    form = {"password": NEW, "new": PASSWORD, "again": PASSWORD, "end_all": "true"}
    assert owner.post("/account/password", data={**form, "password": "a guess"}).status_code == 422
    assert client.get("/api/alerts").status_code == 200
    assert owner.post("/account/password", data=form).status_code == 303
    assert client.get("/api/alerts").status_code == 401
    assert "goes on without your password" not in owner.get("/account", headers=ENGLISH).text
    with desk.console.database.read() as connection:
        assert provider_links.of_user(connection, user.id) is None
        assert audit.of_subject(connection, "supervisor")[0].action == "ways_ended"


def test_a_link_for_a_new_password_offers_the_same(desk):
    client = program(desk, make(desk.browser(Role.SUPERVISOR)))
    boss = desk.browser(Role.ADMINISTRATOR)
    with desk.console.database.read() as connection:
        user_id = users.find(connection, "supervisor").id
    for end_all, left in ((False, 200), (True, 401)):
        told = boss.post(f"/people/{user_id}/password", headers=ENGLISH).text
        path = re.search(r"/welcome/[\w-]+", told)[0]
        stranger = desk.browser()
        assert "the token statistics" in stranger.get(path, headers=ENGLISH).text
        form = {"password": NEW, "again": NEW} | ({"end_all": "true"} if end_all else {})
        assert stranger.post(path, data=form).status_code == 303
        assert client.get("/api/alerts").status_code == left
