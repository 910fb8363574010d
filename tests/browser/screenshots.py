"""Every page as a picture: phone and desktop, Vietnamese and English, in every condition.

`make screenshots` writes them to var/screenshots; `make screenshots SHOTS=--readme` the README's to docs/pictures, too.
They show the time of day, so that each run makes others: whoever only looks leaves what is tracked alone.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import cv2
import typer
from armed_pictures import armed_pictures
from at_work import at_work
from found import busiest_shift, tonight_and_month
from kept import kept
from lens import blinded
from plan import planned
from playwright.sync_api import Browser, Page, sync_playwright
from provider import shoot_provider
from province import doors, peopled
from school import NODE, School, deaf, failing, flood, full, running
from sight import known_for, many_schools, seen_badly
from telling import told
from termtime import calendar_pictures
from waiting import until

from console.app.factory import first_link
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.web.preferences import THEME_COOKIE, THEMES

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}
LANGUAGES = {"vi": "vi-VN", "en": "en-GB"}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PEOPLE = {Role.ADMINISTRATOR: "Nguyễn Thị Lan", Role.POLICE: "Trần Văn Hùng"}
PEOPLE_PAGES = {"all": "/people", "account": "/account", "sites": "/sites", "audit": "/audit"}
CONDITIONS = ("nothing", "quiet", "busy", "work", "failing", "lens", "unseen", "many", "deaf", "people", "flood")
CONDITIONS += ("calendar", "armed", "told", "find", "provider", "kept")
README = {"busy-wall-desktop-vi": "wall", "busy-alert-desktop-vi": "alert", "busy-wall-phone-en": "wall-phone"}


def launch(playwright) -> Browser:
    """The system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


def settle(page: Page, address: str, path: str) -> None:
    """Opens a page and waits until what it shows is there."""
    page.goto(address + path)
    assert page.url == address + path, f"{path} led to {page.url}"
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    until(page, "[...document.images].every(image => image.complete)")
    if page.locator("#player video").count():
        until(
            page, "document.querySelector('video').currentTime > 4.9 || document.querySelector('video').error != null"
        )
        page.evaluate("document.querySelector('video').pause()")
    page.wait_for_timeout(500)


def shoot(browser: Browser, school: School, out: Path, prefix: str, paths: dict[str, str], role: Role | None) -> None:
    """Pictures of `paths` (name -> path) in every size and language."""
    for size, (width, height) in SIZES.items():
        for code, locale in LANGUAGES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
            if role is not None:
                context.add_cookies([school.sign_in(PEOPLE[role], role)])
            page = context.new_page()
            for name, path in paths.items():
                school.beat()
                settle(page, school.address, path)
                page.screenshot(path=out / f"{prefix}{name}-{size}-{code}.png", full_page=True)
            context.close()


def strangers(browser: Browser, school: School, out: Path) -> None:
    """What people see who are not signed in, or guess, or come with a used link."""
    link = first_link(school.console.database, "", wall_s) or ""
    paths = {"sign-in": "/sign-in", "welcome": link, "used-up": "/welcome/used"}
    shoot(browser, school, out, "", paths, None)
    for size, (width, height) in SIZES.items():
        for code, locale in LANGUAGES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
            page = context.new_page()
            page.goto(school.address + "/sign-in")
            page.fill("[name=name]", f"{size} {code}")
            page.fill("[name=password]", "guess")
            page.click("button.primary")
            page.screenshot(path=out / f"wrong-password-{size}-{code}.png")
            context.close()


def cut(browser: Browser, school: School, out: Path) -> None:
    """The wall after the console has gone, its sound on; and the same by day. Ends the console."""
    pages: list[tuple[Page, str]] = []
    for size, (width, height) in SIZES.items():
        for code, locale in LANGUAGES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
            context.add_cookies([school.sign_in("Nguyễn Thị Lan", Role.ADMINISTRATOR)])
            page = context.new_page()
            school.beat()
            settle(page, school.address, "/")
            page.click("#sound")
            page.locator(".menu summary").click()
            page.locator(".menu button").first.click()
            page.wait_for_load_state()
            page.screenshot(path=out / f"light-wall-{size}-{code}.png", full_page=True)
            pages.append((page, f"cut-wall-{size}-{code}.png"))
    school.shut()
    for page, name in pages:
        until(page, "document.querySelector('#stale').hidden === false", 30)
        page.screenshot(path=out / name)
        page.context.close()


def unwatched(school: School, condition: str) -> dict[str, str]:
    """Pages of when cameras saw nothing."""
    seen_badly(school)
    paths = {"sight": "/blind-times", "sight-gate": f"/blind-times?of={NODE}%2Fgate&days=3"}
    if condition == "many":
        many_schools(school)
        return paths | {"sight-find": "/blind-times?find=so+7", "sight-none": "/blind-times?find=x"}
    paths |= {"sight-street": f"/blind-times?of={NODE}%2Fstreet&days=30", "sight-wrong": "/blind-times?from=x"}
    return paths | {"cameras": "/cameras"}


def working(browser: Browser, school: School, out: Path, condition: str) -> None:
    """Alerts in every state, instructions, what the wall asks after a key, and its help; by night and by day."""
    paths = {name: f"/alerts/{event.event_id}" for name, event in at_work(school).items()}
    shoot(browser, school, out, f"{condition}-", {**paths, "instructions": "/instructions"}, Role.ADMINISTRATOR)
    for size, (width, height) in SIZES.items():
        for code, locale in LANGUAGES.items():
            for theme in THEMES:
                context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
                theme_cookie = {"name": THEME_COOKIE, "value": theme, "url": school.address}
                context.add_cookies([school.sign_in("Nguyễn Thị Lan", Role.ADMINISTRATOR), theme_cookie])
                page = context.new_page()
                settle(page, school.address, "/")
                page.screenshot(path=out / f"work-wall-{theme}-{size}-{code}.png", full_page=True)
                asked(page, out, f"{theme}-{size}-{code}", {"c": "closing", "n": "noting", "p": "rating", "?": "help"})
                settle(page, school.address, paths["closed"])
                asked(page, out, f"{theme}-{size}-{code}", {"e": "correcting", "r": "reopening"})
                context.close()


def asked(page: Page, out: Path, suffix: str, keys: dict[str, str]) -> None:
    """What a page asks after each of these keys (key -> dialog)."""
    for key, name in keys.items():
        page.keyboard.press(key)
        until(page, f"document.querySelector('#{name}').open")
        page.screenshot(path=out / f"work-{name}-{suffix}.png")
        page.keyboard.press("Escape")
        until(page, "document.querySelector('dialog[open]') === null")


def looked_at(school: School, condition: str) -> dict[str, str]:
    """The pictures of all cameras, and the plan: before anybody brought one, and with what lights up on it."""
    if condition not in ("nothing", "busy", "failing"):
        return {}
    paths = {"pictures": "/pictures", "plan": "/plan"}
    if condition == "nothing":
        return paths
    planned(school)
    return paths | {"plan-arranged": "/plan?edit=true"}


def take(browser: Browser, school: School, out: Path, condition: str) -> None:
    """All pages in one condition."""
    if condition == "nothing":
        strangers(browser, school, out)
    school.sign_in("Nguyễn Thị Lan", Role.ADMINISTRATOR)
    paths = {"wall": "/", "cameras": "/cameras", "sight": "/blind-times"} | (
        PEOPLE_PAGES if condition == "nothing" else {}
    )
    gate = f"/blind-times?of={NODE}%2Fgate&days="
    if condition == "quiet":
        school.health()
        known_for(school, 40)
        school.stills()
        paths |= {"sight-gate": gate + "1"}
    elif condition == "busy":
        urgent, closed = full(school)
        paths |= {"alert": f"/alerts/{urgent.event_id}", "closed": f"/alerts/{closed.event_id}"}
        bare = school.event("yard", 3, severity="low")
        seen = {"waiting": f"/alerts/{bare.event_id}", "police": f"/alerts/{urgent.event_id}"}
        shoot(browser, school, out, f"{condition}-", seen, Role.POLICE)
    elif condition == "failing":
        paths |= {"alert": f"/alerts/{failing(school).event_id}", "unknown": "/alerts/nothing"}
    elif condition == "lens":
        paths |= {"alert": f"/alerts/{blinded(school).event_id}"}
    elif condition == "deaf":
        paths |= {"alert": f"/alerts/{deaf(school).event_id}", "sight-gate": gate + "1"}
    elif condition in ("unseen", "many"):
        paths = unwatched(school, condition)
    elif condition == "flood":
        flood(school)
        paths = {"wall": "/"}
    paths |= looked_at(school, condition)
    shoot(browser, school, out, f"{condition}-", paths, Role.ADMINISTRATOR)
    if condition == "busy":
        cut(browser, school, out)


def finding(browser: Browser, school: School, out: Path, condition: str) -> None:
    """Search, statistics and the handover of a month, of nothing, and of what can't be read."""
    school.sign_in(PEOPLE[Role.ADMINISTRATOR], Role.ADMINISTRATOR)
    school.health()
    empty = {"search-empty": "/search", "statistics-empty": "/statistics", "handover-empty": "/handover"}
    shoot(browser, school, out, f"{condition}-", empty, Role.ADMINISTRATOR)
    alert = tonight_and_month(school)
    fence = f"/search?days=30&of={NODE}%2Ffence&around=16:30&give=60"
    paths = {"search": "/search?days=30", "search-fence": fence, "search-wrong": "/search?around=25h&least=x"}
    paths |= {"search-none": "/search?days=30&reason=animal&least=20+min", "statistics": "/statistics"}
    way = f"/alerts/{alert.event_id}?found=days%3D30"
    shoot(browser, school, out, f"{condition}-", {**paths, "handover": "/handover", "alert": way}, Role.ADMINISTRATOR)
    busiest_shift(school)
    shoot(browser, school, out, f"{condition}-", {"handover-full": "/handover"}, Role.ADMINISTRATOR)
    for name in ("statistics", "handover"):
        context = browser.new_context(locale="vi-VN")
        context.add_cookies([school.sign_in(PEOPLE[Role.ADMINISTRATOR], Role.ADMINISTRATOR)])
        page = context.new_page()
        settle(page, school.address, f"/{name}")
        page.pdf(path=out / f"{condition}-{name}.pdf", prefer_css_page_size=True)
        context.close()


def take_people(browser: Browser, school: School, out: Path, condition: str) -> None:
    """The pages about people and rights, and what is shown once."""
    school.sign_in(PEOPLE[Role.ADMINISTRATOR], Role.ADMINISTRATOR)
    paths = {**PEOPLE_PAGES, "one": f"/people/{peopled(school)}", "site": "/sites?edit=3"}
    shoot(browser, school, out, f"{condition}-", paths, Role.ADMINISTRATOR)
    doors(browser, school, out, SIZES, LANGUAGES)


def take_provider(browser: Browser, school: School, out: Path, _condition: str) -> None:
    """The pages that know of a provider of identities."""
    shoot_provider(browser, school, out, SIZES, LANGUAGES)


def take_calendar(browser: Browser, school: School, out: Path, _condition: str) -> None:
    """The calendar of a school."""
    school.sign_in(PEOPLE[Role.ADMINISTRATOR], Role.ADMINISTRATOR)
    calendar_pictures(browser, out, school, SIZES, LANGUAGES)


def take_armed(browser: Browser, school: School, out: Path, _condition: str) -> None:
    """What is armed now."""
    armed_pictures(browser, school, out, SIZES, LANGUAGES)


def telling(browser: Browser, school: School, out: Path, condition: str) -> None:
    """Who is told: nobody yet, then a whole ladder, what came of it, the card to read out, and a watch nobody keeps."""
    school.sign_in(PEOPLE[Role.ADMINISTRATOR], Role.ADMINISTRATOR)
    shoot(browser, school, out, f"{condition}-", {"none": "/escalation"}, Role.ADMINISTRATOR)
    alert = f"/alerts/{told(school).event_id}"
    paths = {"all": "/escalation", "alert": alert, "card": f"{alert}/call-card", "wall": "/"}
    shoot(browser, school, out, f"{condition}-", paths, Role.ADMINISTRATOR)


def keeping(browser: Browser, school: School, out: Path, condition: str) -> None:
    """What boxes are asked to keep: nothing yet, then in every state, and on the page of an alert."""
    school.sign_in(PEOPLE[Role.ADMINISTRATOR], Role.ADMINISTRATOR)
    shoot(browser, school, out, f"{condition}-", {"none": "/holds"}, Role.POLICE)
    alert = kept(school)
    paths = {"all": "/holds", "alert": f"/alerts/{alert.event_id}", "audit": "/audit"}
    shoot(browser, school, out, f"{condition}-", paths, Role.ADMINISTRATOR)
    shoot(browser, school, out, f"{condition}-police-", {"asked": f"/holds?of={NODE}%2Fgate&done=asked"}, Role.POLICE)


def main(
    out: Annotated[Path, typer.Option(help="where the pictures go")] = ROOT / "var" / "screenshots",
    only: Annotated[str, typer.Option(help="one condition")] = "",
    readme: Annotated[bool, typer.Option("--readme", help="also replace the README's pictures")] = False,
) -> None:
    """Write every page x size x language x condition."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        for condition in (only,) if only else CONDITIONS:
            (Path(folder) / condition).mkdir()
            with running(Path(folder) / condition) as school:
                takers = {"people": take_people, "work": working, "calendar": take_calendar, "armed": take_armed}
                takers |= {"kept": keeping, "told": telling, "find": finding, "provider": take_provider}
                takers.get(condition, take)(browser, school, out, condition)
        browser.close()
    if readme:
        for name, target in README.items():
            picture = cv2.imread(str(out / f"{name}.png"))[:1100]
            path = ROOT / "docs" / "pictures" / f"{target}.jpg"
            cv2.imwrite(str(path), picture, (cv2.IMWRITE_JPEG_QUALITY, 82))
    typer.echo(f"{len(list(out.glob('*.png')))} pictures in {out}")


if __name__ == "__main__":
    typer.run(main)
