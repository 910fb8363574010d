"""Every page by the rules of axe-core (WCAG 2.2 AA and good practice): nothing serious, in both languages, on a desktop
and on a phone; and the wall as it hangs."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from plan import planned
from playwright.sync_api import Page
from school import NODE, failing, full
from waiting import until

from console.domain.access import Role
from console.web.preferences import THEME_COOKIE
from console.web.route_table import ROUTES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
NO_PAGES = ("/wall", "/second-factor")  # the inside of one; one that leads on where there is a second factor
PAGES = sorted(
    path
    for method, path in ROUTES
    if method == "GET" and "{" not in path and not path.startswith("/api/") and "." not in path and path not in NO_PAGES
)
DESKTOP, PHONE, AFAR = ({"width": width, "height": height} for width, height in ((1280, 800), (390, 844), (1920, 1080)))
DIALOGS = {"c": "closing", "n": "noting", "p": "rating", "?": "help"}


def found(axe: Axe, page: Page, where: str, sizes=(DESKTOP,)) -> list[str]:
    """What is serious on a page as wide as that, with where it stands."""
    faults = []
    for size in sizes:
        page.set_viewport_size(size)
        faults += found_now(axe, page, f"{where} at {size['width']}")
    return faults


def found_now(axe: Axe, page: Page, where: str) -> list[str]:
    """The same as wide as it is."""
    told = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [one for one in told if one["impact"] in ("serious", "critical")]
    return [
        f"{where}: {one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in serious
    ]


@pytest.mark.parametrize(("locale", "theme"), [("vi-VN", "dark"), ("en-GB", "light")])
def test_nothing_serious_is_found(window, school, locale, theme):
    sizes = (PHONE, DESKTOP) if theme == "light" else (DESKTOP,)  # each takes a minute
    school.sign_in("administrator", Role.ADMINISTRATOR)
    failing(school)
    event, closed = full(school)
    planned(school)
    context = window(Role.ADMINISTRATOR, locale)
    context.add_cookies([{"name": THEME_COOKIE, "value": theme, "url": school.address}])
    page, axe, faults = context.new_page(), Axe(), []
    more = ("/plan?edit=true", f"/blind-times?of={NODE}/gate", "/people/1", "/nothing")
    for path in (*PAGES, f"/alerts/{event.event_id}", f"/alerts/{closed.event_id}", *more):
        page.goto(school.address + path)
        faults += found(axe, page, path, sizes)
    page.goto(school.address)
    for key, name in DIALOGS.items():
        page.keyboard.press(key)
        until(page, f"document.querySelector('#{name}').open")
        faults += found(axe, page, name, sizes)
        page.keyboard.press("Escape")
    page.click("[data-sounds]")
    faults += found(axe, page, "sounds")
    page.keyboard.press("Escape")
    page.set_viewport_size(AFAR)
    for path in ("/", "/pictures"):
        page.goto(school.address + path)
        page.keyboard.press("f")
        until(page, "document.documentElement.classList.contains('full')")
        faults += found_now(axe, page, f"{path} in full screen")
        page.keyboard.press("f")
    stranger = window(None, locale).new_page()
    stranger.goto(f"{school.address}/sign-in")
    faults += found(axe, stranger, "/sign-in")
    assert not faults, "\n".join(faults)
