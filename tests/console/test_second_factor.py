"""The second factor: set up, asked for, lost; guesses at it count like guesses at a password."""

import re

import pyotp
import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet

from console.app.factory import build
from console.app.settings import Settings
from console.domain.access import Role
from console.domain.throttle import MOST, WINDOW_S
from console.store import second_factors, sessions, users
from console.store.sealed import SealError
from console.web.access import COOKIE, session_hash
from console.web.factor_pages import RECOVERY_CODES, new_recovery_codes, step_of

pytestmark = pytest.mark.system
PASSWORD = "mat-khau-dai"
ENGLISH = {"Accept-Language": "en", "Accept": "text/html"}
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def person(desk, role: Role = Role.GUARD) -> int:
    hashed = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
    with desk.console.database.write() as connection:
        return users.add(connection, "Lan", hashed, role, desk.clock()).id


def sign_in(browser, **more):
    return browser.post("/sign-in", data={"name": "lan", "password": PASSWORD, **more})


def set_up(desk, browser) -> tuple[str, list[str]]:
    """The secret and the recovery codes of somebody who is signed in."""
    shown = browser.post("/second-factor", data={"password": PASSWORD}, headers=ENGLISH).text
    assert "<svg" in shown
    secret = re.search(r'class="secret">([A-Z2-7]+)<', shown)[1]
    told = browser.post("/second-factor", data={"code": pyotp.TOTP(secret).at(desk.clock())}, headers=ENGLISH)
    assert told.status_code == 200
    return secret, re.findall(r"<li>([A-Z2-9-]{19})</li>", told.text)


def test_it_is_set_up_once_and_asked_for_from_then_on(desk):
    person(desk)
    browser, elsewhere = desk.browser(), desk.browser()
    assert [sign_in(one).status_code for one in (browser, elsewhere)] == [303, 303]
    secret, codes = set_up(desk, browser)
    assert len(set(codes)) == RECOVERY_CODES
    assert secret not in browser.get("/account").text + browser.get("/second-factor").text
    assert browser.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 401  # a session from before is out
    desk.clock.now_s += 30
    again = desk.browser()
    assert sign_in(again).headers["location"] == "/"
    for path in ("/", "/account", "/api/alerts", "/api/stream"):
        assert again.get(path).status_code == 401, path
    assert again.get("/sign-in").headers["location"] == "/sign-in/code"
    assert again.post("/sign-in/code", data={"code": "000000"}).status_code == 401
    half = again.cookies[COOKIE]
    code = pyotp.TOTP(secret).at(desk.clock())
    assert again.post("/sign-in/code", data={"code": f"{code[:3]} {code[3:]}"}).status_code == 303
    assert again.cookies[COOKIE] != half  # whoever knew the half session has nothing
    assert again.get("/").status_code == 200
    third = desk.browser()
    sign_in(third)
    assert third.post("/sign-in/code", data={"code": code}).status_code == 401  # it was used
    assert third.get("/").status_code == 401


def test_with_a_password_alone_nobody_replaces_or_removes_it(desk):
    person(desk)
    browser = desk.browser()
    sign_in(browser)
    set_up(desk, browser)
    thief = desk.browser()
    sign_in(thief)
    assert thief.post("/second-factor", data={"password": PASSWORD}).status_code == 409
    assert thief.post("/account/second-factor/remove", data={"password": PASSWORD}).status_code == 401
    assert thief.post("/account/recovery-codes", data={"password": PASSWORD}).status_code == 401
    assert browser.post("/account/second-factor/remove", data={"password": "a guess"}).status_code == 422
    assert browser.post("/account/second-factor/remove", data={"password": PASSWORD}).status_code == 303
    assert sign_in(desk.browser()).status_code == 303


def test_a_recovery_code_opens_once_and_is_kept_as_a_hash(desk):
    user_id = person(desk)
    browser = desk.browser()
    sign_in(browser)
    _, codes = set_up(desk, browser)
    with desk.console.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT code_sha256 FROM recovery_code").scalars().all()
    assert not {code.replace("-", "") for code in codes} & set(kept)
    for status in (303, 401):
        again = desk.browser()
        sign_in(again)
        assert again.post("/sign-in/code", data={"code": codes[0].lower()}).status_code == status
    with desk.console.database.read() as connection:
        assert second_factors.codes_left(connection, user_id) == RECOVERY_CODES - 1
    assert "used a recovery code of" in desk.browser(Role.AUDITOR).get("/audit", headers=ENGLISH).text
    fresh = browser.post("/account/recovery-codes", data={"password": PASSWORD}).text
    last = desk.browser()
    sign_in(last)
    assert last.post("/sign-in/code", data={"code": codes[1]}).status_code == 401
    new = re.search(r"<li>([A-Z2-9-]{19})</li>", fresh)[1]
    assert last.post("/sign-in/code", data={"code": new}).status_code == 303


def test_guesses_at_the_code_are_counted_with_those_at_the_password(desk):
    person(desk)
    browser = desk.browser()
    sign_in(browser)
    secret, _ = set_up(desk, browser)
    desk.clock.now_s += 30
    thief = desk.browser()
    sign_in(thief)
    answers = [thief.post("/sign-in/code", data={"code": f"{n:06}"}).status_code for n in range(MOST["name"] + 1)]
    assert answers == [401] * MOST["name"] + [429]
    right = {"code": pyotp.TOTP(secret).at(desk.clock())}
    assert thief.post("/sign-in/code", data=right).status_code == 429
    assert desk.browser().post("/sign-in", data={"name": "lan", "password": PASSWORD}).status_code == 429
    desk.clock.now_s += WINDOW_S
    right = {"code": pyotp.TOTP(secret).at(desk.clock())}
    assert thief.post("/sign-in/code", data=right).status_code == 303


def test_a_role_that_must_have_it_goes_nowhere_without(desk, tmp_path):
    settings = Settings(folder=tmp_path / "other", totp_roles="administrator, police")
    strict = type(desk)(build(settings, desk.clock), desk.clock, "", "", desk.intake)
    person(strict, Role.ADMINISTRATOR)
    browser = strict.browser()
    sign_in(browser)
    assert browser.get("/people", headers=ENGLISH).headers["location"] == "/sign-in"
    assert browser.get("/sign-in").headers["location"] == "/second-factor"
    assert "without it you can&#39;t go on" in browser.get("/second-factor", headers=ENGLISH).text
    set_up(strict, browser)
    assert browser.get("/people").status_code == 200
    assert strict.browser(Role.GUARD).get("/").status_code == 200  # not for guards
    assert strict.browser(Role.POLICE).get("/").status_code == 401
    strict.console.database.close()


def test_a_setting_that_names_no_role_is_told():
    with pytest.raises(ValueError, match="'pope' is no role"):
        Settings(totp_roles="guard,pope")


def test_its_secret_stands_sealed_and_is_worth_nothing_without_the_key(desk, tmp_path):
    user_id = person(desk)
    browser = desk.browser()
    sign_in(browser)
    shown = browser.post("/second-factor", data={"password": PASSWORD}, headers=ENGLISH).text
    secret = re.search(r'class="secret">([A-Z2-7]+)<', shown)[1]

    def kept() -> str:
        with desk.console.database.read() as connection:
            rows = [connection.exec_driver_sql(f"SELECT * FROM {one}").all() for one in ("session", "user_account")]
        return str(rows)

    assert secret not in kept()
    browser.post("/second-factor", data={"code": pyotp.TOTP(secret).at(desk.clock())})
    assert secret not in kept()
    key, settings = tmp_path / "secrets.key", Settings(folder=tmp_path, database=str(desk.console.database.engine.url))
    right = key.read_bytes()
    key.unlink()
    with pytest.raises(SealError, match=r"secrets\.key is missing.*reset-second-factor"):
        build(settings, desk.clock)
    assert not key.exists()  # none is made that would be in the way of the right one
    key.write_bytes(Fernet.generate_key())
    with pytest.raises(SealError, match=r"not the key .* 1 account\(s\) are sealed \(Lan\)"):
        build(settings, desk.clock)
    key.write_bytes(right)
    with desk.console.database.write() as connection:  # as a version before had it
        connection.exec_driver_sql(f"UPDATE user_account SET totp_sealed = '{secret}' WHERE id = {user_id}")
    again = build(settings, desk.clock)
    assert secret not in kept()
    desk.clock.now_s += 30
    door = desk.browser()
    sign_in(door)
    assert door.post("/sign-in/code", data={"code": pyotp.TOTP(secret).at(desk.clock())}).status_code == 303
    with desk.console.database.write() as connection:
        assert second_factors.take_away(connection, user_id)
    key.unlink()
    build(settings, desk.clock).database.close()  # nothing is sealed any more: it makes a key
    again.database.close()


def test_an_administrator_takes_it_away_from_who_lost_everything(desk):
    user_id = person(desk)
    browser = desk.browser()
    sign_in(browser)
    set_up(desk, browser)
    boss = desk.browser(Role.ADMINISTRATOR)
    assert boss.post(f"/people/{user_id}/second-factor/remove").status_code == 303
    assert browser.get("/").status_code == 401
    assert sign_in(browser).status_code == 303
    assert browser.get("/").status_code == 200


def test_a_code_of_half_a_minute_ago_passes_and_an_older_one_does_not():
    now_s = 1_792_000_000.0
    step = int(now_s / 30)
    for seconds, found in ((0, step), (30, step + 1), (-30, step - 1), (60, None), (-60, None)):
        assert step_of(SECRET, pyotp.TOTP(SECRET).at(now_s + seconds), now_s) == found
    for code in ("", "abc", "１２３４５６", "12345", "1234567"):
        assert step_of(SECRET, code, now_s) is None


def test_recovery_codes_are_many_bits_each_and_differ():
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    assert {len(code.replace("-", "")) for code in codes} == {16}


def test_two_with_the_same_code_at_once_are_one(desk):
    user_id = person(desk)
    with desk.console.database.write() as connection:
        sessions.begin(connection, session_hash("a"), user_id, desk.clock())
        second_factors.set_up(connection, user_id, SECRET, 5, ["AAAA"], session_hash("a"))
        assert [second_factors.use_step(connection, user_id, step) for step in (5, 6, 6, 4)] == [
            False,
            True,
            False,
            False,
        ]


def test_whoever_has_the_password_gets_no_more_guesses_at_the_code_by_signing_in_anew(desk):
    person(desk)
    browser = desk.browser()
    sign_in(browser)
    set_up(desk, browser)
    desk.clock.now_s += 30
    answers = []
    for number in range(MOST["name"] + 1):
        thief = desk.browser()  # each time as a browser that nobody has seen
        sign_in(thief)
        answers.append(thief.post("/sign-in/code", data={"code": f"{number:06}"}).status_code)
    assert answers == [401] * MOST["name"] + [401]  # the last one did not even get to the code
    assert sign_in(desk.browser()).status_code == 429
    assert sign_in(browser).status_code == 303  # a browser in which both were given goes on at work
