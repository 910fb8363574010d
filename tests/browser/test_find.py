"""Search, the way through what was found, and the printed handover, by keyboard in a real Chromium."""

import re

import pytest
from found import LAN, busiest_shift, known, month
from playwright.sync_api import expect
from school import NODE

from console.domain.access import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_from_a_question_to_the_alert_and_on_by_keyboard_and_the_shift_on_one_sheet(window, school):
    school.sign_in(LAN, Role.SUPERVISOR)
    known(school)
    month(school)
    context = window(None)
    context.add_cookies([school.sign_in(LAN, Role.SUPERVISOR)])
    page = context.new_page()
    page.goto(f"{school.address}/search?days=30&of={NODE}%2Ffence&around=16:30&give=60")
    rows = page.locator("#found a.row")
    expect(rows.first).to_be_visible()
    ids = rows.evaluate_all("all => all.map(one => one.id.slice(2))")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/alerts/{ids[1]}?found=*")
    expect(page.locator(".way")).to_contain_text(f"2 trên {len(ids)}")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/alerts/{ids[2]}?found=*")
    expect(page.locator("#story li.rang")).to_contain_text("chuông báo động")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/alerts/{ids[1]}?found=*")
    page.keyboard.press("Escape")
    page.wait_for_url("**/search?*")
    expect(page.locator(f"#a-{ids[1]}")).to_be_focused()

    page.goto(school.address + "/statistics")
    expect(page.locator(".advice")).to_contain_text("cứ 5 cảnh báo thì 4 là phụ huynh")
    assert page.locator(".by-hour rect").count() > 12

    busiest_shift(school)
    page.goto(school.address + "/handover?hours=24")
    expect(page.locator(".paper footer")).to_contain_text("Người nhận ca")
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1
