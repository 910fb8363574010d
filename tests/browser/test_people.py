"""People and rights in a real Chromium: an invitation, a second factor, rights that are taken away before open eyes."""

import re
import time

import pyotp
import pytest
from playwright.sync_api import expect
from school import NODE
from waiting import until

from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.site_tree import Grants, SiteKind
from console.store import grants, nodes, sites, users

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PASSWORD = "mat-khau-dai"


def test_somebody_is_invited_and_sets_up_a_second_factor(window, school):
    school.health()
    boss = window(Role.ADMINISTRATOR).new_page()
    boss.goto(school.address)
    boss.click(".menu summary")
    boss.click(".menu a[href='/people']")
    boss.fill("[name=name]", "Mai")
    boss.get_by_role("radio", name="Bảo vệ xem").check()
    everywhere = boss.locator("[name=everywhere]")
    everywhere.check()
    expect(boss.locator("[name=site]").first).to_be_disabled()
    everywhere.uncheck()
    boss.get_by_label("Trường Tiểu học Hoa Sen").check()
    boss.click(".people-form button.primary")
    link = boss.locator(".once input").input_value()
    assert link.startswith(f"{school.address}/welcome/")
    page = window(None).new_page()
    page.goto(link)
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(school.address + "/")
    page.click(".menu summary")
    page.click(".menu a[href='/account']")
    page.click("a[href='/second-factor']")
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    expect(page.locator(".qr svg")).to_be_visible()
    secret = page.locator(".secret").text_content() or ""
    page.fill("[name=code]", pyotp.TOTP(secret).at(wall_s()))
    page.click("button.primary")
    codes = page.locator(".codes li").all_text_contents()
    assert len(codes) == 10
    page.click("text=Tôi đã cất giữ")
    page.click(".menu summary")
    page.click("text=Đăng xuất")
    page.fill("[name=name]", "mai")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code")
    page.fill("[name=code]", codes[3].lower())
    page.keyboard.press("Enter")
    page.wait_for_url(school.address + "/")


def test_a_wall_that_is_open_shows_nothing_of_a_place_that_is_taken_away(window, school):
    school.health()
    school.event("gate", 30)
    page = window(Role.GUARD).new_page()
    page.goto(school.address)
    expect(page.locator("li.alert")).to_have_count(1)
    deadline_s = time.monotonic() + 15
    while not school.streams():  # it hears
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(50)
    with school.console.database.write() as connection:
        user_id = users.find(connection, "guard").id
        box = nodes.find(connection, NODE)
        grants.give(connection, user_id, Grants(cameras=frozenset({(box.id, "fence")})))
    school.event("gate", 5, severity="critical")
    seen = school.event("fence", 4, severity="high")
    until(
        page,
        f"document.getElementById('a-{seen.event_id}') !== null && document.querySelectorAll('li.alert').length == 1",
    )
    expect(page.locator("#wall")).not_to_contain_text("Cổng chính")


def test_whoever_may_see_alerts_no_more_is_led_away_from_those_that_are_open(window, school):
    school.health()
    event = school.event()
    context = window(Role.GUARD)
    wall, alert = context.new_page(), context.new_page()
    wall.goto(school.address)
    alert.goto(f"{school.address}/alerts/{event.event_id}")
    for page in (wall, alert):
        expect(page.locator("main")).to_contain_text("Cổng chính")
    with school.console.database.write() as connection:
        users.set_role(connection, users.find(connection, "guard").id, Role.INSTALLER)
    for page in (wall, alert):
        page.wait_for_url(school.address + "/cameras", timeout=15000)


def test_a_long_list_of_sites_is_searched_without_marks(window, school):
    with school.console.database.write() as connection:
        for name in ("Đống Đa", "Hải Châu", "Phù Đổng", *(f"Số {n}" for n in range(12))):
            sites.add(connection, f"Trường {name}", SiteKind.SCHOOL, None)
    page = window(Role.ADMINISTRATOR).new_page()
    page.goto(school.address + "/people")
    page.fill("[data-filter]", "dong")
    shown = page.locator(".tree li:visible")
    expect(shown).to_have_count(2)
    assert [re.sub(r"\s+", " ", one).strip() for one in shown.all_text_contents()] == [
        "Trường Phù Đổng",
        "Trường Đống Đa",
    ]
    page.keyboard.press("Enter")
    expect(page).to_have_url(school.address + "/people")
    expect(page.locator(".problem")).to_have_count(0)


@pytest.mark.parametrize("path", ["/people", "/account", "/sites", "/audit"])
def test_pages_fit_a_phone(window, school, path):
    page = window(Role.ADMINISTRATOR, viewport={"width": 360, "height": 740}).new_page()
    page.goto(school.address + path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
