"""Accounts, sessions, and how guessing is slowed down without locking the guards out."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from console.app.factory import first_link
from console.domain import throttle
from console.domain.access import Role
from console.domain.throttle import MOST, WINDOW_S, keys_of_try
from console.store import one_time_links, users
from console.web import auth
from console.web.access import COOKIE, session_hash
from console.web.auth import BROWSER_COOKIE, new_link
from console.web.turns import AT_ONCE, MOST_WAITING, RETRY_AFTER_S

pytestmark = pytest.mark.system
PASSWORD = "mat-khau-dai"


def browser_at(desk, address: str) -> TestClient:
    """A browser at an address, signed in by nobody."""
    return TestClient(
        desk.console.web, headers={"Origin": "http://testserver"}, follow_redirects=False, client=(address, 50000)
    )


def add_person(desk, name: str = "Lan", role: Role = Role.GUARD) -> None:
    with desk.console.database.write() as connection:
        users.add(connection, name, PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD), role, desk.clock())


def sign_in(browser: TestClient, name: str = "lan", password: str = "wrong") -> int:
    return browser.post("/sign-in", data={"name": name, "password": password}).status_code


def test_the_first_link_works_once_and_the_account_signs_in(desk):
    link = first_link(desk.console.database, "", desk.clock)
    browser = desk.browser()
    form = {"name": "Lan", "password": "mat-khau-dai", "again": "mat-khau-dai"}
    assert browser.post(link, data={**form, "again": "other-words"}).status_code == 422
    assert browser.post(link, data={**form, "password": "short", "again": "short"}).status_code == 422
    assert browser.post(link, data=form).status_code == 303
    assert browser.get("/").status_code == 200
    assert desk.browser().post(link, data={**form, "name": "Mai"}).status_code == 404
    assert first_link(desk.console.database, "", desk.clock) is None
    again = desk.browser()
    assert again.post("/sign-in", data={"name": "lan", "password": "wrong"}).status_code == 401
    assert again.post("/sign-in", data={"name": "LAN", "password": "mat-khau-dai"}).status_code == 303
    assert again.post("/sign-out").status_code == 303
    assert again.get("/").status_code == 401


def test_cookies_can_be_read_by_no_script_and_go_to_no_other_page(desk):
    add_person(desk)
    told = browser_at(desk, "10.0.0.1").post("/sign-in", data={"name": "lan", "password": PASSWORD})
    cookies = told.headers.get_list("set-cookie")
    assert {cookie.split("=")[0] for cookie in cookies} == {COOKIE, BROWSER_COOKIE}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
    assert PASSWORD not in str(told.headers)


def test_a_second_sign_in_ends_the_session_before_it(desk):
    add_person(desk)
    browser = browser_at(desk, "10.0.0.1")
    sign_in(browser, password=PASSWORD)
    first = browser.cookies[COOKIE]
    assert sign_in(browser, password=PASSWORD) == 303
    assert browser.get("/").status_code == 200
    browser.cookies.delete(COOKIE)
    browser.cookies.set(COOKIE, first)
    assert browser.get("/").status_code == 401


def test_a_weakly_hashed_password_is_hashed_anew(desk):
    add_person(desk)
    assert sign_in(browser_at(desk, "10.0.0.1"), password=PASSWORD) == 303
    with desk.console.database.read() as connection:
        _, hashed = users.credentials(connection, "lan")
    assert not PasswordHasher().check_needs_rehash(hashed)
    assert sign_in(browser_at(desk, "10.0.0.1"), password=PASSWORD) == 303


def test_guesses_at_a_name_are_counted_from_whatever_address_they_come(desk):
    add_person(desk)
    answers = [sign_in(browser_at(desk, f"10.0.0.{n}")) for n in range(MOST["name"] + 1)]
    assert answers == [401] * MOST["name"] + [429]
    assert sign_in(browser_at(desk, "10.0.9.9"), password=PASSWORD) == 429
    desk.clock.now_s += WINDOW_S
    assert sign_in(browser_at(desk, "10.0.9.9"), password=PASSWORD) == 303


def test_guesses_from_an_address_are_counted_for_whatever_name(desk):
    answers = [sign_in(browser_at(desk, "10.0.0.1"), f"name {n}") for n in range(MOST["address"] + 1)]
    assert answers == [401] * MOST["address"] + [429]
    assert sign_in(browser_at(desk, "10.0.0.2"), "somebody") == 401


def test_whoever_guesses_cannot_lock_out_a_browser_that_is_known(desk):
    add_person(desk)
    at_work = browser_at(desk, "10.0.0.1")
    assert sign_in(at_work, password=PASSWORD) == 303
    at_work.cookies.delete(COOKIE)
    for n in range(MOST["address"]):
        sign_in(browser_at(desk, "10.0.0.1"), "lan" if n < MOST["name"] else f"name {n}")
    assert sign_in(browser_at(desk, "10.0.0.1"), password=PASSWORD) == 429
    assert sign_in(at_work, password=PASSWORD) == 303
    # The known browser is no open door: it has its own count, and is known for its person only.
    at_work.cookies.delete(COOKIE)
    assert [sign_in(at_work) for _ in range(MOST["browser"] + 1)][-1] == 429
    assert sign_in(at_work, "somebody else") == 429


def test_a_right_password_is_no_guess(desk):
    add_person(desk)
    for n in range(MOST["name"] + 3):
        assert sign_in(browser_at(desk, f"10.0.0.{n}"), password=PASSWORD) == 303


def test_many_tries_at_the_same_moment_do_not_slip_by(desk):
    add_person(desk)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: sign_in(browser_at(desk, f"10.0.1.{n}")), range(2 * MOST["name"])))
    assert sorted(answers) == [401] * MOST["name"] + [429] * MOST["name"]


def test_an_ipv6_subscriber_is_one_address():
    """Whoever has a /64 has 2^64 addresses; the next one is somebody else's."""
    mine = {keys_of_try(address, "x", None)["address"] for address in ("2001:db8::1", "2001:DB8:0:0:ffff::9%eth0")}
    assert len(mine) == 1
    others = {keys_of_try(one, "x", None)["address"] for one in ("2001:db8:0:1::1", "10.0.0.1", "10.0.0.2", "a socket")}
    assert len(mine | others) == 5
    assert keys_of_try("::ffff:10.0.0.1", "x", None) == keys_of_try("10.0.0.1", "x", None)


def test_a_crowd_that_guesses_holds_up_neither_the_wall_nor_browsers_that_are_known(desk, monkeypatch):
    """Each password is looked at only once the gate opens; the wall is asked for while it is shut."""
    add_person(desk)
    with TestClient(desk.console.web, headers={"Origin": "http://testserver"}, follow_redirects=False) as client:
        known = {
            BROWSER_COOKIE: client.post("/sign-in", data={"name": "lan", "password": PASSWORD}).cookies[BROWSER_COOKIE]
        }
        client.cookies.clear()
        with ThreadPoolExecutor(80) as pool:
            gate, is_right = threading.Event(), auth._is_right
            monkeypatch.setattr(auth, "_is_right", lambda *words: gate.wait(60) and is_right(*words))
            monkeypatch.setattr(throttle, "MOST", {"browser": 99, "name": 99, "address": 99})
            form = {"data": {"name": "lan", "password": "wrong"}}
            tries = [pool.submit(client.post, "/sign-in", **form) for _ in range(60)]
            first_done = zip(range(60 - AT_ONCE - MOST_WAITING), as_completed(tries, 60), strict=False)
            away = [one.result() for _, one in first_done]
            try:
                assert {answer.status_code for answer in away} == {503}
                assert {answer.headers["Retry-After"] for answer in away} == {str(RETRY_AFTER_S)}
                guard = desk.browser(Role.ADMINISTRATOR).cookies[COOKIE]
                wall = pool.submit(client.get, "/wall", headers={"Cookie": f"{COOKIE}={guard}"})
                assert wall.result(60).status_code == 200
                cookie = {"Cookie": f"{BROWSER_COOKIE}={known[BROWSER_COOKIE]}"}
                at_work = pool.submit(client.post, "/sign-in", **form, headers=cookie)
                told = client.post("/sign-in", **form, headers={"Accept": "text/html", "Accept-Language": "en"})
                assert (told.status_code, "Please try again in a few seconds" in told.text) == (503, True)
                assert not at_work.done()
            finally:
                gate.set()
            assert at_work.result(60).status_code == 401
            answers = [one.result(60).status_code for one in tries]
    assert sorted(answers) == [401] * (AT_ONCE + MOST_WAITING) + [503] * len(away)


def test_an_account_without_a_usable_hash_signs_nobody_in(desk):
    with desk.console.database.write() as connection:
        users.add(connection, "Lan", "x", Role.GUARD, desk.clock())
    assert sign_in(browser_at(desk, "10.0.0.1"), password="x") == 401


def test_two_who_choose_one_name_at_the_same_moment_are_two_answers(desk):
    links = ["one", "two"]
    with desk.console.database.write() as connection:
        for link in links:
            one_time_links.add(connection, session_hash(link), Role.GUARD, "", desk.clock())
    form = {"name": "Lan", "password": PASSWORD, "again": PASSWORD}

    def choose(link: str) -> int:
        return browser_at(desk, "10.0.0.1").post(f"/welcome/{link}", data=form).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(choose, links)) == [303, 422]


def choose_password(desk, link: str, password: str) -> int:
    form = {"password": password, "again": password}
    return browser_at(desk, "10.0.0.1").post(f"/welcome/{link}", data=form).status_code


def test_a_link_for_a_known_name_gives_another_password_and_role(desk):
    desk.browser(Role.ADMINISTRATOR)
    at_work = desk.browser(Role.GUARD)
    assert at_work.get("/").status_code == 200
    link = new_link(desk.console.database, Role.POLICE, "GUARD", desk.clock())
    assert at_work.get("/").status_code == 200  # nothing changes before the link is used
    assert choose_password(desk, link, PASSWORD) == 303
    assert at_work.get("/").status_code == 401
    assert sign_in(browser_at(desk, "10.0.0.2"), "guard", PASSWORD) == 303
    with desk.console.database.read() as connection:
        assert users.find(connection, "guard").role == Role.POLICE


def test_a_removed_name_can_be_used_again(desk):
    add_person(desk)
    with desk.console.database.write() as connection:
        users.disable(connection, users.find(connection, "lan").id, desk.clock())
    assert sign_in(browser_at(desk, "10.0.0.1"), password=PASSWORD) == 401
    link = new_link(desk.console.database, Role.GUARD, "lan", desk.clock())
    assert choose_password(desk, link, "another long one") == 303
    assert sign_in(browser_at(desk, "10.0.0.1"), password="another long one") == 303


def test_who_chooses_a_name_cannot_choose_that_of_somebody_else(desk):
    add_person(desk)
    link = new_link(desk.console.database, Role.ADMINISTRATOR, "", desk.clock())
    form = {"name": "lan", "password": "a stranger's one", "again": "a stranger's one"}
    assert browser_at(desk, "10.0.0.1").post(f"/welcome/{link}", data=form).status_code == 422
    assert sign_in(browser_at(desk, "10.0.0.1"), password=PASSWORD) == 303


def test_the_last_administrator_keeps_the_role_even_by_an_older_link(desk):
    desk.browser(Role.ADMINISTRATOR)
    with desk.console.database.write() as connection:
        second = users.add(connection, "Lan", "x", Role.ADMINISTRATOR, desk.clock())
    link = new_link(desk.console.database, Role.GUARD, "administrator", desk.clock())
    with desk.console.database.write() as connection:
        users.disable(connection, second.id, desk.clock())
    assert choose_password(desk, link, PASSWORD) == 409
    with pytest.raises(users.LastAdministratorError):
        new_link(desk.console.database, Role.GUARD, "Administrator", desk.clock())


def test_a_used_link_names_who_can_give_another(desk):
    english = {"Accept-Language": "en", "Accept": "text/html"}
    assert "Start the console again" in desk.browser().get("/welcome/none", headers=english).text
    desk.browser(Role.ADMINISTRATOR)
    told = desk.browser().get("/welcome/none", headers=english).text
    assert "Ask an administrator" in told
    assert "Start the console" not in told
