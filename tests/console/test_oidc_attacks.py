"""What somebody with bad intentions tries at signing in through a provider, against one that checks PKCE itself."""

import base64
import json
import logging
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from strict_provider import CLIENT, SECRET, StrictProvider, strict_provider

from console.app.factory import Console, build
from console.app.settings import Settings
from console.domain.access import Role
from console.store import provider_links, users
from console.web import identity_provider
from console.web.identity_provider import BACK
from console.web.oidc import FLOW_COOKIE

pytestmark = pytest.mark.system
ADDRESS, PASSWORD = "http://testserver", "mat-khau-dai"
HASHED = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)


class Town:
    """A console whose roles of administrators must have a second factor, and its strict provider."""

    def __init__(self, folder, there: StrictProvider) -> None:
        (folder / "secret").write_text(SECRET + "\n")
        named = {"oidc_issuer": there.issuer, "oidc_client_id": CLIENT, "oidc_name": "Đà Nẵng ID"}
        named |= {"public_url": ADDRESS, "oidc_client_secret_file": folder / "secret", "totp_roles": "administrator"}
        self.there = there
        self.console: Console = build(Settings(folder=folder, **named), time.time)
        self.address = 0

    def browser(self) -> TestClient:
        self.address += 1  # tries are counted by it
        headers = {"Origin": ADDRESS, "Accept": "text/html", "Accept-Language": "en"}
        where = (f"10.0.1.{self.address}", 50000)
        return TestClient(self.console.web, headers=headers, follow_redirects=False, client=where)

    def person(self, name: str, role: Role = Role.GUARD) -> int:
        with self.console.database.write() as connection:
            user = users.add(connection, name, HASHED, role, time.time())
            provider_links.link(connection, user.id, self.there.issuer, f"sub-of-{name}", time.time())
        return user.id

    def back(self, browser: TestClient, name: str) -> str:
        """Somebody begins with a browser and signs in there; where they are sent back to."""
        begun = browser.get("/sign-in/provider")
        assert begun.status_code == 303
        return f"{BACK}?{self.there.sign_in(begun.headers['location'], f'sub-of-{name}')}"


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Iterator[Town]:
    with strict_provider() as there:
        town = Town(tmp_path_factory.mktemp("strict"), there)
        yield town
        town.console.database.close()


def flow_of(browser: TestClient) -> dict[str, str]:
    return json.loads(base64.urlsafe_b64decode(browser.cookies[FLOW_COOKIE]))


def plant(browser: TestClient, flow: dict[str, str]) -> None:
    browser.cookies.delete(FLOW_COOKIE)
    value = base64.urlsafe_b64encode(json.dumps(flow).encode()).decode()
    browser.cookies.set(FLOW_COOKIE, value, domain="testserver.local", path=BACK)


def test_the_provider_itself_refuses_another_verifier_and_a_used_code(town):
    town.person("Lan")
    browser = town.browser()
    back = town.back(browser, "Lan")
    right = flow_of(browser)
    plant(browser, right | {"verifier": "x" * 64})
    assert "did not confirm" in browser.get(back).text
    assert town.there.refused == [["verifier"]]
    back = town.back(browser, "Lan")
    kept = flow_of(browser)
    assert browser.get(back).headers["location"] == "/"
    assert "begin again" in browser.get(back).text or browser.get(back).status_code == 303
    thief = town.browser()
    plant(thief, kept)  # with everything that the browser had, the code is gone
    assert "did not confirm" in thief.get(back).text
    assert town.there.refused[1:] == [["code"]]
    assert thief.get("/").status_code == 303


def test_a_code_of_somebody_else_is_worth_nothing_in_a_thiefs_browser(town):
    town.person("Mai")
    victim, thief = town.browser(), town.browser()
    stolen = parse_qs(urlsplit(town.back(victim, "Mai")).query)["code"][0]
    own = parse_qs(urlsplit(town.back(thief, "Nobody")).query)
    before = len(town.there.refused)
    told = thief.get(f"{BACK}?code={stolen}&state={own['state'][0]}")
    assert (told.status_code, "did not confirm" in told.text) == (401, True)
    assert town.there.refused[before:] == [["verifier"]]
    forged = flow_of(victim) | {"verifier": "y" * 64}
    plant(thief, forged)
    assert "did not confirm" in thief.get(f"{BACK}?code={stolen}&state={forged['state']}").text
    assert thief.get("/").status_code == 303


def test_the_word_of_another_issuer_and_a_place_to_go_on_to_change_nothing(town):
    town.person("Tú")
    browser = town.browser()
    back = town.back(browser, "Tú").split("&iss=")[0]
    assert "did not confirm" in browser.get(f"{back}&iss=https://evil.example").text
    back = town.back(browser, "Tú")
    done = browser.get(f"{back}&next=https://evil.example&redirect_uri=https://evil.example")
    assert done.headers["location"] == "/"
    assert browser.get("/sign-in/provider?next=//evil.example").headers["location"].startswith(town.there.issuer)


def test_who_signs_in_anew_gets_a_session_of_their_own(town):
    town.person("Hoa")
    browser = town.browser()
    browser.cookies.set("gatehouse_session", "fixed", domain="testserver.local")
    assert browser.get(town.back(browser, "Hoa")).headers["location"] == "/"
    first = browser.cookies.get("gatehouse_session", path="/", domain="testserver.local")
    assert first != "fixed"
    fixed = town.browser()
    fixed.cookies.set("gatehouse_session", "fixed")
    assert fixed.get("/").status_code == 303


def test_who_is_ended_meanwhile_or_must_have_a_second_factor_is_not_in(town):
    gone = town.person("Cũ")
    town.person("Sếp", Role.ADMINISTRATOR)
    browser = town.browser()
    back = town.back(browser, "Cũ")
    with town.console.database.write() as connection:
        users.disable(connection, gone, time.time())
    assert browser.get(back).status_code == 401
    boss = town.browser()
    assert boss.get(town.back(boss, "Sếp")).headers["location"] == "/"
    assert boss.get("/people").status_code == 303  # to the second factor
    assert boss.get("/sign-in").headers["location"] == "/second-factor"


def test_a_provider_that_hangs_holds_up_nobody_who_has_a_password(town, monkeypatch):
    town.person("Hùng")
    monkeypatch.setattr(identity_provider, "WAIT_S", (0.5, 1.0))
    waiting = [(browser, town.back(browser, "Hùng")) for browser in (town.browser() for _ in range(6))]
    town.there.quick.clear()
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(one[0].get(one[1]).status_code)) for one in waiting
    ]
    for thread in threads:
        thread.start()
    begun_s = time.monotonic()
    for _ in range(3):
        browser = town.browser()
        assert browser.post("/sign-in", data={"name": "Hùng", "password": PASSWORD}).status_code == 303
        assert browser.get("/account").status_code == 200
    assert any(thread.is_alive() for thread in threads), time.monotonic() - begun_s
    for thread in threads:
        thread.join(20)
    town.there.quick.set()
    assert answers == [503] * 6


def test_new_keys_are_taken_and_odd_ones_beside_them_disturb_nobody(town):
    town.person("Sơn")
    odd = [{"kty": "EC", "crv": "P-0", "x": "AA", "y": "AA"}, {"kty": "RSA", "n": "!", "e": "!"}, {"kid": "x"}, "x"]
    town.there.odd_keys[:] = [*odd, {"kty": "LMS", "pub": "AA"}, {"kty": ["RSA"]}]
    for _ in range(2):
        town.there.rotate()
        browser = town.browser()
        assert browser.get(town.back(browser, "Sơn")).headers["location"] == "/"


def test_what_opens_anything_is_in_no_log_and_no_page(town, caplog):
    town.person("Bảo")
    browser = town.browser()
    with caplog.at_level(logging.DEBUG):
        back = town.back(browser, "Bảo")
        flow = flow_of(browser)
        plant(browser, flow | {"verifier": "z" * 64})
        page = browser.get(back).text
        done = browser.get(town.back(browser, "Bảo"))
    code = parse_qs(urlsplit(back).query)["code"][0]
    ours = [one.getMessage() for one in caplog.records if one.name.startswith(("console", "authlib"))]
    told = "".join(ours) + page + done.headers["location"]
    assert not [secret for secret in (SECRET, code, flow["verifier"], "z" * 64, flow["nonce"]) if secret in told]


def test_who_shares_a_screen_is_asked_who_they_are_and_signs_out_there_too(town):
    town.person("Đạt")
    browser = town.browser()
    asked = parse_qs(urlsplit(browser.get("/sign-in/provider").headers["location"]).query)
    assert asked["prompt"] == ["login"]
    assert browser.get(town.back(browser, "Đạt")).headers["location"] == "/"
    left = browser.post("/sign-out").headers["location"]
    assert left == "/sign-in?left=provider"
    assert 'href="/sign-out/provider">Sign out at Đà Nẵng ID, too' in browser.get(left).text
    way_out = urlsplit(browser.get("/sign-out/provider").headers["location"])
    assert way_out._replace(query="").geturl() == f"{town.there.issuer}/out"
    assert parse_qs(way_out.query) == {"client_id": [CLIENT], "post_logout_redirect_uri": [ADDRESS + BACK]}
    assert browser.get(BACK).headers["location"] == "/sign-in"  # where one comes back from there


def test_a_provider_without_a_way_out_says_so_and_asks_for_the_account(town, monkeypatch):
    facts = {name: value for name, value in town.there.facts().items() if name != "end_session_endpoint"}
    monkeypatch.setattr(town.there, "facts", lambda: facts)
    provider = town.console.web.state.context.provider
    monkeypatch.setattr(provider, "_known", None)
    browser = town.browser()
    asked = parse_qs(urlsplit(browser.get("/sign-in/provider").headers["location"]).query)
    assert asked["prompt"] == ["select_account"]
    told = browser.get("/sign-out/provider", headers={"Accept-Language": "vi"})
    assert (told.status_code, "không cho đăng xuất từ đây" in told.text) == (409, True)
