"""A provider of identities in a real Chromium: another site leads back, and the pages' policy lets people go there."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from provider import PASSWORD, add, choose, provided, sign_in

from console.domain.access import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def serious(page) -> list[str]:
    told = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [one["help"] for one in told if one["impact"] in ("serious", "critical")]


def test_an_account_is_linked_and_opens_the_console_from_then_on(window, school):
    with provided(school):
        add(school, "Lan", role=Role.GUARD)
        page = window(None).new_page()
        sign_in(page, school, "Lan")
        page.goto(school.address + "/account")
        page.click("#provider summary")
        faults = serious(page)
        page.fill("#provider [name=password]", PASSWORD)
        page.click("#provider button")
        page.wait_for_selector("main a.primary")
        faults += serious(page)
        page.click("main a.primary")
        choose(page, "lan.nguyen")
        expect(page.locator(".done-note")).to_contain_text("Đã liên kết")
        page.click(".menu summary")
        page.click("text=Đăng xuất")
        faults += serious(page)
        assert not faults
        page.click("a[href='/sign-in/provider']")
        choose(page, "lan.nguyen")
        page.wait_for_url(school.address + "/")
        expect(page.locator(".menu summary")).to_contain_text("Lan")
