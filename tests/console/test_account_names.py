"""Names of accounts: one person, one name, however it is typed."""

import unicodedata

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from console.app.factory import build
from console.app.settings import Settings
from console.domain.access import Role
from console.domain.account_name import folded, is_name, spelled
from console.domain.throttle import MOST
from console.store import schema, tables, users
from console.store.database import open_database
from console.web.auth import new_link

NAMES = [
    "guard1",
    "Nguyễn Văn Ánh",
    "Đặng Thị Huệ",
    "lan.tran@example.org",
    "vàng-a_pó",
    "O'Brien",
    "Đội 2",
    "守卫",
    "Yơ̆ng Êđê",
    "Ƀing",
    "ស្រីញ៉ាំ",
]
FORMS = ("NFC", "NFD", "NFKC", "NFKD")


@pytest.mark.parametrize("name", NAMES)
def test_all_spellings_of_a_name_are_one(name):
    assert is_name(name)
    wide = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in name)
    for form in FORMS:
        for typed in (name, name.upper(), name.lower(), f"  {name} ".replace(" ", "  "), wide):
            assert folded(unicodedata.normalize(form, typed)) == folded(name)
            assert spelled(unicodedata.normalize(form, name)) == name


def test_other_names_stay_others():
    assert len({folded(name) for name in [*NAMES, "guard2", "Nguyễn Văn Anh", "Đang Thị Huệ", "Doi 2"]}) == 15


NO_NAMES = ["", " ", "x y<b>", "a\nb", "a\0b", " lan", "lan  anh", "-lan", "@", "a/b", "😀", "½", "ﬁ", "x" * 65]
UNSEEN = ["gu\u0430rd1", "lan\u200b", "lan\ufe0f", "a\u0334\u20dd", "lan\u202egnal", "\u3164", "Hu\u00ea\u0323"]


# Others' twins: a Latin alpha, a dotless i, a struck a, letters hidden under marks, a second dot, a struck d, digits.
TWINS = ["\u0251dmin", "adm\u0131n", "a" + 20 * "\u0338", "a\u0301\u0302\u0303", "admi\u0307n", "d\u0335ang", "a\u0338"]
TWINS += ["\u0142an", "lan\u09ea", "\u1d00dmin", "ad\u0271in", "か" + 5 * "\u3099", "1\u0301"]


@pytest.mark.parametrize("name", [*NO_NAMES, *UNSEEN, *TWINS], ids=ascii)
def test_what_is_no_name(name):
    assert not is_name(name)


def test_latin_letters_are_those_that_are_claimed():
    """Of all letters that Unicode has, behind an a: without marks a Latin one is a-z, đ or ƀ."""
    fit = {one for one in map(chr, range(0x110000)) if unicodedata.category(one)[0] == "L" and is_name("a" + one)}
    assert {unicodedata.normalize("NFD", one.casefold())[0] for one in fit} == set("abcdefghijklmnopqrstuvwxyzđƀ")


@settings(max_examples=500, derandomize=True)
@given(st.text(max_size=70))
def test_any_text_folds_to_something_that_stands_still(text):
    assert folded(folded(text)) == folded(text)
    assert spelled(spelled(text)) == spelled(text)
    for form in FORMS:
        assert folded(unicodedata.normalize(form, text)) == folded(text)
    if is_name(text):
        assert 0 < len(folded(text)) <= 64


@pytest.mark.system
def test_a_person_signs_in_however_the_name_is_typed_and_guesses_count_together(desk):
    password = "mat-khau-dai"
    hashed = PasswordHasher(time_cost=1, memory_cost=64).hash(password)
    with desk.console.database.write() as connection:
        users.add(connection, "Huệ", hashed, Role.GUARD, desk.clock())
        with pytest.raises(users.NameTakenError):
            users.add(connection, unicodedata.normalize("NFD", "HUỆ"), hashed, Role.GUARD, desk.clock())
    typed = [unicodedata.normalize(form, name) for form in FORMS for name in ("Huệ", "HUỆ")]

    def answer(name, secret, address):
        browser = TestClient(
            desk.console.web, headers={"Origin": "http://testserver"}, follow_redirects=False, client=(address, 1)
        )
        return browser.post("/sign-in", data={"name": name, "password": secret}).status_code

    assert {answer(name, password, "10.0.0.1") for name in typed} == {303}
    guesses = [answer(typed[i % len(typed)], "wrong", f"10.0.1.{i}") for i in range(MOST["name"] + 1)]
    assert guesses == [401] * MOST["name"] + [429]


@pytest.mark.system
def test_an_account_whose_name_could_not_be_made_today_is_still_its_persons(desk):
    hashed = PasswordHasher(time_cost=1, memory_cost=64).hash("mat-khau-dai")
    for number, name in enumerate(TWINS[:4]):
        with desk.console.database.write() as connection:
            users.add(connection, name, hashed, Role.GUARD, desk.clock())
        origin, client = {"Origin": "http://testserver"}, (f"10.0.0.{number}", 1)
        browser = TestClient(desk.console.web, headers=origin, follow_redirects=False, client=client)
        assert browser.post("/sign-in", data={"name": name, "password": "mat-khau-dai"}).status_code == 303
        form = {"password": "another long one", "again": "another long one"}
        link = new_link(desk.console.database, Role.GUARD, name, desk.clock())
        assert browser.post(f"/welcome/{link}", data=form).status_code == 303
        assert browser.post("/sign-in", data={"name": name, "password": "another long one"}).status_code == 303


@pytest.mark.system
def test_accounts_from_before_sign_in_as_they_did(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'console.db'}")
    steps = Config()
    steps.set_main_option("script_location", str(schema.__file__).replace("schema.py", "migrations"))
    steps.attributes["database"] = database
    command.upgrade(steps, "0003")
    decomposed = unicodedata.normalize("NFD", "Hà")
    made = [decomposed, "x y<b>", "Lan", "Mai", unicodedata.normalize("NFD", "Mái"), "Mái", "\ufdfa" * 10]
    with database.write() as connection:
        for name in made:
            row = {"name": name, "name_folded": name.casefold(), "password_hash": "x", "role": "guard"}
            connection.execute(sa.insert(tables.user_account).values(**row, created_at_s=1.0))
    database.close()

    console = build(Settings(folder=tmp_path, database=f"sqlite:///{tmp_path / 'console.db'}"), lambda: 2.0)
    with console.database.read() as connection:
        for name in made:
            assert users.credentials(connection, name)[0].name == name
        assert users.find(connection, "HÀ").name == decomposed
        assert users.find(connection, "X Y<B>").name == "x y<b>"
        assert len(users.listing(connection)) == len(made)
    console.database.close()
