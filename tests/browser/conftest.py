"""A real Chromium and a real console for it to look at."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))  # the drawn school, which the screenshots use too

from school import School, running

from console.domain.access import Role

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def school(tmp_path) -> Iterator[School]:
    with running(tmp_path) as school:
        yield school


@pytest.fixture
def window(school, chromium) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browsers of people; fails where a page threw an error or its policy was broken."""
    faults: list[str] = []
    opened: list[BrowserContext] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda told: faults.append(told.text) if "Security Policy" in told.text else None)

    def open_window(role: Role | None = Role.GUARD, locale: str = "vi-VN", **more) -> BrowserContext:
        size = {"width": 1280, "height": 800}
        context = chromium.new_context(**{"locale": locale, "viewport": size, **more})
        context.on("page", watch)
        if role is not None:
            context.add_cookies([school.sign_in(role.value, role)])
        opened.append(context)
        return context

    yield open_window
    for context in opened:
        context.close()
    assert not faults


@pytest.fixture
def page(window, school) -> Page:
    """A guard's wall."""
    page = window().new_page()
    page.goto(school.address)
    return page
