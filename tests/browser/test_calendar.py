"""The calendar in a real Chromium: what a supervisor types is previewed, then saved; it fits a phone."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from termtime import province_of, tells_rules

from console.domain.access import Role

pytestmark = pytest.mark.browser


def test_a_fair_is_entered_looked_at_and_saved_on_a_phone(window, school):
    tells_rules(school)
    _, below = province_of(school)
    page = window(Role.SUPERVISOR, viewport={"width": 360, "height": 740}).new_page()
    page.goto(f"{school.address}/calendar?site={below}")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fair = (datetime.now(UTC).date() + timedelta(days=40)).isoformat()
    entry = page.locator("#days fieldset").last
    entry.locator("[name=first]").fill(fair)
    entry.locator("select").select_option("special_day")
    entry.locator("[name=name]").fill("Ngày hội đọc sách")
    page.locator("#days .primary").click()
    expect(page.locator(".verdict.changes")).to_be_visible()
    expect(page.locator(".day.differs")).to_contain_text("Ngày hội đọc sách")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".weeks button").last.click()  # a week without it, and still nothing is saved
    expect(page.locator(".day.differs")).to_have_count(0)
    page.locator(".decide .primary").click()
    expect(page.locator(".saved")).to_be_visible()
    expect(page.locator(f"#days [name=first][value='{fair}']")).to_have_count(1)
    page.goto(f"{school.address}/audit")
    expect(page.locator(".sums")).to_contain_text("Ngày hội đọc sách")
