"""When cameras saw nothing, read in a real Chromium: on a phone, by an officer, as a table."""

import csv
import re

import pytest
from playwright.sync_api import expect
from school import NODE
from sight import many_schools, seen_badly

from console.domain.access import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PLACES = ("", f"?of={NODE}/gate&days=3", f"?of={NODE}/street&days=30", f"?of={NODE}/fence/fence-zone", "?from=x")


@pytest.mark.parametrize("locale", ["vi-VN", "en-GB"])
def test_it_fits_a_small_phone_and_a_finger(window, school, locale):
    school.sign_in("guard", Role.GUARD)
    seen_badly(school)
    page = window(Role.ADMINISTRATOR, locale, viewport={"width": 320, "height": 640}, has_touch=True).new_page()
    for path in PLACES:
        page.goto(f"{school.address}/blind-times{path}")
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 320, path
        small = page.evaluate(
            """() => [...document.querySelectorAll("main :is(a, button, select, input)")]
                .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
                .map((one) => `${one.tagName} ${one.textContent.trim()}`)"""
        )
        assert small == [], path


def test_an_officer_asks_for_a_camera_and_an_hour_reads_on_and_takes_the_table_along(window, school):
    seen_badly(school)
    page = window(Role.POLICE, "en-GB").new_page()
    page.goto(school.address)
    page.click("nav a[href='/blind-times']")
    expect(page.locator(".sums tbody tr")).to_have_count(4)
    page.select_option("select[name=of]", f"{NODE}/gate/gate-zone")
    begin = page.input_value("[name=to]")
    page.click(".ask button")
    expect(page.locator("#told")).to_contain_text("Cổng chính, Vỉa hè trước cổng was watched from")
    expect(page.locator("#told")).to_contain_text("(the lens is covered or sprayed)")
    expect(page.locator("#told .sentence")).to_contain_text("no alert does not mean that nothing happened")
    assert page.input_value("[name=to]") >= begin
    page.click(".sums th a")  # the whole camera
    expect(page.locator(".times li")).to_have_count(3)
    page.select_option("select[name=of]", "")
    page.click(".ask button")
    page.click(".lately a:has-text('30 days')")
    expect(page.locator(".times li")).to_have_count(50)
    first = page.locator(".times li").first.inner_text()
    page.click("text=Older ones")
    expect(page.locator(".times li")).not_to_have_count(50)
    shown = 50 + page.locator(".times li").count()
    with page.expect_download() as download:
        page.click("a.table")
    with open(download.value.path(), encoding="utf-8-sig", newline="") as table:
        assert len(list(csv.DictReader(table))) == shown
    page.click("text=Back to the latest")
    expect(page.locator(".times li").first).to_contain_text(first.split("\n")[-1])


def test_among_many_cameras_one_is_searched_and_it_fits_a_small_phone(window, school):
    school.sign_in("guard", Role.GUARD)
    seen_badly(school)
    many_schools(school)
    page = window(Role.GUARD, "vi-VN", viewport={"width": 320, "height": 640}, has_touch=True).new_page()
    page.goto(f"{school.address}/blind-times")
    expect(page.locator(".sums tbody tr")).to_have_count(100)
    page.click("text=Trang sau")
    expect(page.locator(".more").first).to_contain_text("trang 2/")
    page.fill("[name=find]", "so 61")
    page.press("[name=find]", "Enter")
    expect(page.locator(".sums tbody tr")).to_have_count(4)
    page.click(".sums th a >> nth=0")
    expect(page.locator("#told")).to_be_visible()
    shown = page.url
    page.click(".ask button")  # another time of the same camera
    expect(page.locator("#told")).to_be_visible()
    for address in (shown, f"{school.address}/blind-times"):
        page.goto(address)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 320
        small = page.evaluate(
            """() => [...document.querySelectorAll("main :is(a, button, select, input)")]
                .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
                .map((one) => `${one.tagName} ${one.textContent.trim()}`)"""
        )
        assert small == []


def test_a_wrong_time_is_told_beside_the_form(window, school):
    seen_badly(school, 0)
    page = window(Role.POLICE).new_page()
    page.goto(f"{school.address}/blind-times?from=2026-11-02T00:00&to=2026-11-01T00:00")
    expect(page.locator(".ask .problem")).to_contain_text("Lúc cuối phải sau lúc đầu")
    expect(page.locator(".sums tbody tr")).to_have_count(4)


@pytest.mark.parametrize("browser_speaks", ["vi-VN", "en-US"])
def test_times_are_written_as_the_page_shows_them_whatever_the_browser_speaks(window, school, browser_speaks):
    seen_badly(school, 0)
    page = window(Role.POLICE, browser_speaks).new_page()
    page.context.add_cookies([{"name": "gatehouse_language", "value": "vi", "url": school.address}])
    page.goto(f"{school.address}/blind-times")
    shown = page.input_value("[name=from]")
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d", shown)
    page.fill("[name=from]", "hôm qua")
    page.click(".ask button")
    expect(page.locator("#time-problem")).to_contain_text("Hãy ghi ngày và giờ như sau:")
    assert page.input_value("[name=from]") == "hôm qua"
    expect(page.locator("[name=from][aria-invalid=true]")).to_have_count(1)
    page.fill("[name=from]", shown)
    page.click(".ask button")
    expect(page.locator("#time-problem")).to_have_count(0)
    assert page.input_value("[name=from]") == shown
