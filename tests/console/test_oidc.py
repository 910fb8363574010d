"""Signing in through a provider of identities: a real one in a thread, asked by the real console."""

import base64
import dataclasses
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from oidc_provider_mock import run_server_in_thread
from ports import free_port

from console.app.factory import Console, build
from console.app.settings import Settings
from console.domain.access import Role
from console.domain.throttle import MOST
from console.store import audit, provider_links, second_factors, users
from console.web.auth import new_link
from console.web.identity_provider import BACK, REST_S, Begun, IdentityProvider, ProviderAwayError, ProviderRefusedError
from console.web.oidc import FLOW_COOKIE

pytestmark = pytest.mark.system
PASSWORD = "mat-khau-dai"
CLIENT, ADDRESS = "gatehouse", "http://testserver"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HASHED = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)


class Now:
    """The provider's clock is the machine's; ours may be moved from it."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass
class Town:
    """A console, its clock, and the provider's address."""

    console: Console
    clock: Now
    issuer: str

    @property
    def provider(self) -> IdentityProvider:
        return self.console.web.state.context.provider

    def browser(self, name: str = "", address: str = "10.0.0.1") -> TestClient:
        """Of somebody who has signed in with the password; of a stranger without a name."""
        headers = {"Origin": ADDRESS, "Accept": "text/html", "Accept-Language": "en"}
        found = TestClient(self.console.web, headers=headers, follow_redirects=False, client=(address, 50000))
        if name:
            assert found.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303
        return found

    def person(self, name: str, subject: str = "", role: Role = Role.GUARD) -> int:
        with self.console.database.write() as connection:
            user = users.add(connection, name, HASHED, role, self.clock())
            if subject:
                provider_links.link(connection, user.id, self.issuer, subject, self.clock())
        return user.id

    def linked(self, user_id: int) -> str:
        with self.console.database.read() as connection:
            found = provider_links.of_user(connection, user_id)
        return found.subject if found else ""

    def acts(self, name: str) -> list[str]:
        with self.console.database.read() as connection:
            return [one.action for one in audit.of_subject(connection, name)]


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    (folder / "secret").write_text("of the client\n")
    with run_server_in_thread() as server:
        issuer = f"http://localhost:{server.server_port}"
        named = {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_name": "Đà Nẵng ID"}
        settings = Settings(
            folder=folder, public_url=ADDRESS, oidc_client_secret_file=folder / "secret", **named, timezone="UTC"
        )
        clock = Now()
        console = build(settings, clock)
        yield Town(console, clock, issuer)
        console.database.close()


@pytest.fixture(autouse=True)
def right_time(town) -> Iterator[None]:
    yield
    town.clock.ahead_s = 0.0


def leads_to(answer) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def at_provider(address: str, subject: str, **changed: str) -> str:
    """Somebody signs in there. Returns the path to which the provider sends them back. changed: of what it is asked."""
    parts = urlsplit(address)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
    back = httpx.post(urlunsplit(parts._replace(query=urlencode(asked))), data={"sub": subject})
    assert back.headers["location"].startswith(ADDRESS + BACK + "?code=")
    return back.headers["location"].removeprefix(ADDRESS)


def plant(browser: TestClient, flow: str) -> None:
    browser.cookies.set(FLOW_COOKIE, flow, domain="testserver.local", path=BACK)


def test_who_is_linked_comes_in_and_nobody_else_whatever_name_is_told(town):
    town.person("Lan", "sub-of-lan")
    browser = town.browser()
    assert 'href="/sign-in/provider">Sign in with Đà Nẵng ID' in browser.get("/sign-in").text
    begun = browser.get("/sign-in/provider")
    address, cookie = leads_to(begun), begun.headers["set-cookie"]
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(town.issuer)
    assert (asked["scope"], asked["code_challenge_method"], asked["response_type"]) == (["openid"], ["S256"], ["code"])
    assert asked["redirect_uri"] == [ADDRESS + BACK]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Max-Age=600", f"Path={BACK}"))
    done = browser.get(at_provider(address, "sub-of-lan"))
    assert leads_to(done) == "/"
    assert f'{FLOW_COOKIE}=""' in done.headers["set-cookie"]
    assert browser.get("/").status_code == 200
    assert town.acts("Lan") == ["provider_sign_in"]
    other = town.browser()
    unknown = other.get(at_provider(leads_to(other.get("/sign-in/provider")), "Lan"))
    assert unknown.status_code == 401
    assert "linked to nobody here" in unknown.text
    assert 'name="password"' in unknown.text
    assert other.get("/").status_code == 303


def test_an_ended_account_stays_ended_and_its_link_goes(town):
    town.person("Sếp", role=Role.ADMINISTRATOR)
    gone = town.person("Cũ", "sub-of-old")
    boss = town.browser("Sếp")
    assert "sub-of-old" in boss.get(f"/people/{gone}").text
    with town.console.database.write() as connection:  # whatever way it was ended
        connection.exec_driver_sql(f"UPDATE user_account SET disabled_at_s = 1 WHERE id = {gone}")
    browser = town.browser()
    assert browser.get(at_provider(leads_to(browser.get("/sign-in/provider")), "sub-of-old")).status_code == 401
    assert boss.post(f"/people/{gone}/end").status_code == 303
    assert town.linked(gone) == ""


def test_what_was_not_begun_here_or_is_used_up_or_altered_opens_nothing(town):
    town.person("Mai", "sub-of-mai")
    browser = town.browser(address="10.0.0.2")
    back = at_provider(leads_to(browser.get("/sign-in/provider")), "sub-of-mai")
    stranger = town.browser(address="10.0.0.2")
    assert "begin again" in stranger.get(back).text  # another browser
    assert "begin again" in browser.get(back.replace("state=", "state=x")).text
    back = at_provider(leads_to(browser.get("/sign-in/provider")), "sub-of-mai", nonce="another")
    assert browser.get(back).status_code == 401
    back = at_provider(leads_to(browser.get("/sign-in/provider")), "sub-of-mai")
    flow = browser.cookies[FLOW_COOKIE]
    assert leads_to(browser.get(back)) == "/"
    again = town.browser(address="10.0.0.2")
    plant(again, flow)
    assert "did not confirm" in again.get(back).text  # the code was used
    back = at_provider(leads_to(again.get("/sign-in/provider")), "sub-of-mai")
    town.clock.ahead_s = 2 * 3600.0
    late = again.get(back)
    assert (late.status_code, "did not confirm" in late.text) == (401, True)
    denied = again.get("/sign-in/provider")
    state = parse_qs(urlsplit(leads_to(denied)).query)["state"][0]
    assert "did not confirm" in again.get(f"{BACK}?error=access_denied&state={state}").text
    assert again.get("/").status_code == 303


@pytest.mark.parametrize(
    "kept", [b"", b"{", b"[" * 20_000, b"[]", b'{"state": "x"}', json.dumps({"state": "\ud800", "nonce": "n"}).encode()]
)
def test_a_browser_that_keeps_nonsense_begins_again(town, kept):
    browser = town.browser(address="10.0.0.5")
    kept = kept.replace(b'"n"', b'"n", "verifier": "v", "key": "\\udfff", "purpose": "welcome"')
    plant(browser, base64.urlsafe_b64encode(kept).decode())
    assert "begin again" in browser.get(f"{BACK}?state=x&code=x").text


def test_tries_are_counted_and_a_right_one_is_no_try(town):
    town.person("Tú", "sub-of-tu")
    browser = town.browser(address="10.0.0.3")
    for _ in range(3):
        assert leads_to(browser.get(at_provider(leads_to(browser.get("/sign-in/provider")), "sub-of-tu"))) == "/"
    flow = dict.fromkeys(("state", "nonce", "verifier"), "x") | {"purpose": "sign_in", "key": ""}
    guess = town.browser(address="10.0.0.4")
    cookie = base64.urlsafe_b64encode(json.dumps(flow).encode()).decode()

    def tried() -> int:
        plant(guess, cookie)
        return guess.get(f"{BACK}?code=guess&state=x").status_code

    assert [tried() for _ in range(MOST["address"] + 1)] == [401] * MOST["address"] + [429]


def test_the_second_factor_is_still_asked_for(town):
    user_id = town.person("Hoa", "sub-of-hoa")
    with town.console.database.write() as connection:
        sealed = town.console.web.state.context.seal.seal(SECRET)
        second_factors.set_up(connection, user_id, sealed, 1, ["A"], "")
    browser = town.browser()
    assert leads_to(browser.get(at_provider(leads_to(browser.get("/sign-in/provider")), "sub-of-hoa"))) == "/"
    assert leads_to(browser.get("/sign-in")) == "/sign-in/code"
    assert browser.get("/account").status_code == 303
    assert browser.post("/sign-in/code", data={"code": pyotp.TOTP(SECRET).at(town.clock())}).status_code == 303
    assert browser.get("/account").status_code == 200


def test_a_person_links_and_unlinks_with_the_password(town):
    mine, _ = town.person("Bảo"), town.person("Đạt", "sub-of-dat")
    browser = town.browser("Bảo")

    def go(subject: str, other: TestClient | None = None) -> str:
        page = browser.post("/account/provider", data={"password": PASSWORD})
        assert page.status_code == 200
        address = page.text.split('primary wide" href="')[1].split('"')[0].replace("&amp;", "&")
        back = at_provider(address, subject)
        if other is not None:
            plant(other, browser.cookies[FLOW_COOKIE])
        return leads_to((other or browser).get(back))

    assert leads_to(browser.post("/account/provider", data={"password": "guess"})).endswith("wrong_password#provider")
    assert "provider_taken" in go("sub-of-dat")
    assert "linked to somebody else" in browser.get("/account?provider=provider_taken").text
    assert "<b>" not in browser.get("/account?provider=<b>").text
    assert "provider_again" in go("sub-of-bao", town.browser("Đạt"))  # what one began another can't end
    assert town.linked(mine) == ""
    assert go("sub-of-bao") == "/account?done=linked"
    assert town.linked(mine) == "sub-of-bao"
    assert browser.post("/account/provider/remove", data={"password": "guess"}).status_code == 303
    assert town.linked(mine) == "sub-of-bao"
    assert leads_to(browser.post("/account/provider/remove", data={"password": PASSWORD})) == "/account?done=unlinked"
    assert town.linked(mine) == ""
    assert town.acts("Bảo") == ["provider_unlinked", "provider_linked"]


def test_an_invitation_is_completed_at_the_provider_and_an_administrator_takes_the_link_away(town):
    town.person("Chị Cả", role=Role.ADMINISTRATOR)
    town.person("Khác", "sub-of-else")
    token = new_link(town.console.database, Role.GUARD, "Khách", town.clock())
    browser = town.browser()
    assert f'href="/welcome/{token}/provider"' in browser.get(f"/welcome/{token}").text
    taken = browser.get(at_provider(leads_to(browser.get(f"/welcome/{token}/provider")), "sub-of-else"))
    assert (taken.status_code, "linked to somebody else" in taken.text) == (409, True)
    assert f'action="/welcome/{token}"' in taken.text
    assert leads_to(browser.get(at_provider(leads_to(browser.get(f"/welcome/{token}/provider")), "sub-new"))) == "/"
    assert browser.get("/").status_code == 200
    assert browser.get(f"/welcome/{token}/provider").status_code == 404
    with town.console.database.read() as connection:
        guest = users.find(connection, "Khách")
    assert (guest.role, town.linked(guest.id)) == (Role.GUARD, "sub-new")
    boss = town.browser("Chị Cả")
    assert leads_to(boss.post(f"/people/{guest.id}/provider/remove")) == f"/people/{guest.id}"
    assert boss.post(f"/people/{guest.id}/provider/remove").status_code == 409
    assert browser.get("/").status_code == 303
    assert town.acts("Khách") == ["provider_unlinked", "provider_linked"]
    first = new_link(town.console.database, Role.ADMINISTRATOR, "", town.clock())
    assert browser.get(f"/welcome/{first}/provider").status_code == 404


def test_a_provider_that_is_away_is_told_and_the_password_goes_on(town):
    away = f"http://localhost:{free_port()}"
    provider = IdentityProvider(away, CLIENT, "x", "Đà Nẵng ID", ADDRESS)
    state = town.console.web.state
    before, state.context = state.context, dataclasses.replace(state.context, provider=provider)
    try:
        town.person("Hùng")
        browser = town.browser()
        for _ in range(2):
            told = browser.get("/sign-in/provider")
            assert (told.status_code, "out of reach" in told.text, 'name="password"' in told.text) == (503, True, True)
        assert provider._rests_until_s > town.clock() > provider._rests_until_s - REST_S
        assert town.browser("Hùng").get("/").status_code == 200
    finally:
        state.context = before


def test_a_provider_that_calls_itself_otherwise_is_none(town, caplog):
    provider = IdentityProvider(town.issuer.replace("localhost", "127.0.0.1") + "/", CLIENT, "x", "x", ADDRESS)
    with pytest.raises(ProviderAwayError):
        provider.begin(town.clock())
    assert "set GATEHOUSE_CONSOLE_OIDC_ISSUER to that" in caplog.text


KEY, OTHER_KEY = RSAKey.generate_key(parameters={"kid": "k"}), RSAKey.generate_key(parameters={"kid": "k"})
SHARED = OctKey.import_key("x" * 32, {"kid": "k"})


@pytest.mark.parametrize(
    ("claims", "key", "algorithm"),
    [
        ({}, KEY, "RS256"),
        ({"iss": "http://localhost:1"}, KEY, "RS256"),
        ({"aud": "another"}, KEY, "RS256"),
        ({"aud": ["another"], "azp": CLIENT}, KEY, "RS256"),
        ({"aud": [CLIENT, "another"]}, KEY, "RS256"),
        ({"nonce": "another"}, KEY, "RS256"),
        ({"nonce": None}, KEY, "RS256"),
        ({"exp": 0}, KEY, "RS256"),
        ({"exp": None}, KEY, "RS256"),
        ({"sub": ""}, KEY, "RS256"),
        ({"sub": "a\nb"}, KEY, "RS256"),
        ({"at_hash": "x"}, KEY, "RS256"),
        ({}, OTHER_KEY, "RS256"),
        ({}, SHARED, "HS256"),
        ({}, KEY, "none"),
    ],
)
def test_a_word_is_believed_where_all_of_it_is_right(town, claims, key, algorithm):
    now_s, begun = town.clock(), Begun("s", "n", "v")
    provider = IdentityProvider(town.issuer, CLIENT, "x", "x", ADDRESS)
    told = provider._told(now_s)
    facts = told.facts | {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    provider._known = dataclasses.replace(told, facts=facts, keys=KeySet([KEY]))
    right = {"iss": town.issuer, "aud": CLIENT, "sub": "me", "nonce": "n", "iat": int(now_s), "exp": int(now_s) + 60}
    said = {name: value for name, value in (right | claims).items() if value is not None}
    word = jwt.encode({"alg": algorithm, "kid": "k"}, said, key, algorithms=[algorithm])
    answer = {"id_token": word, "access_token": "a"}
    if not claims and key is KEY and algorithm == "RS256":
        assert provider.believed(answer, begun, now_s) == "me"
    else:
        with pytest.raises(ProviderRefusedError):
            provider.believed(answer, begun, now_s)


def test_a_key_that_the_provider_has_made_since_is_fetched(town):
    town.person("Sơn", "sub-of-son")
    town.provider._known = dataclasses.replace(town.provider._told(town.clock()), keys=KeySet([KEY]))
    browser = town.browser()
    assert leads_to(browser.get(at_provider(leads_to(browser.get("/sign-in/provider")), "sub-of-son"))) == "/"
