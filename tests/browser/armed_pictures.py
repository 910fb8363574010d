"""What the wall says of what is armed: nothing at all, not in one place, not by the calendar; and of many sites."""

from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser
from school import NODE, School
from sight import many_schools
from termtime import tells_rules
from waiting import until

from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.armed_schedule import monday_of
from console.domain.calendar import RULES, Calendar, Order, Period, Scope
from console.store import calendars
from console.web.preferences import THEME_COOKIE

HERE = ZoneInfo("Asia/Ho_Chi_Minh")
AFAR = {"afar": (1920, 1080)}
OFF = {(Scope(rule), period): Order(armed=False) for rule in RULES for period in Period}
GATE_OFF = {(Scope("loitering", NODE, "fence", "back-fence"), period): Order(armed=False) for period in Period}


def said(school: School, calendar: Calendar) -> str:
    """Saves the calendar of the school; the revision that its box is to tell."""
    with school.console.database.write() as connection:
        calendars.save(connection, 1, calendar, wall_s())
        texts, parents = calendars.all_texts(connection)
    return calendars.revision(calendars.said_at(1, texts, parents), HERE, monday_of(wall_s(), HERE)) or ""


def armed_pictures(browser: Browser, school: School, out: Path, sizes, languages) -> None:
    """The wall in each of these, by night and by day, and from afar; the list of many sites."""
    tells_rules(school, said(school, Calendar(orders=OFF)), without=("yard",))  # it has a rule that follows no calendar
    shoot(browser, school, out, "none", "/", sizes, languages)
    tells_rules(school, said(school, Calendar(orders=GATE_OFF)))
    school.event("gate", severity="high")
    shoot(browser, school, out, "partly", "/", sizes, languages)
    said(school, Calendar())
    shoot(browser, school, out, "late", "/", sizes, languages)
    tells_rules(school, "")
    many_schools(school, 20)
    tells_rules(school, said(school, Calendar(orders=OFF)), without=("yard",))
    shoot(browser, school, out, "many", "/", sizes, languages)
    shoot(browser, school, out, "list", "/armed", sizes, languages)


def shoot(browser: Browser, school: School, out: Path, name: str, path: str, sizes, languages) -> None:
    """Pictures of one page."""
    for theme in ("dark", "light"):
        for size, (width, height) in {**sizes, **(AFAR if path == "/" else {})}.items():
            for code, locale in languages.items():
                context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
                theme_cookie = {"name": THEME_COOKIE, "value": theme, "url": school.address}
                context.add_cookies([school.sign_in("Nguyễn Thị Lan", Role.ADMINISTRATOR), theme_cookie])
                page = context.new_page()
                school.beat()
                page.goto(school.address + path)
                if size in AFAR:
                    page.keyboard.press("f")
                    until(page, "document.documentElement.classList.contains('full')")
                page.wait_for_timeout(300)
                page.screenshot(path=out / f"armed-{name}-{theme}-{size}-{code}.png")
                context.close()
