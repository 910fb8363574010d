"""A province whose calendar a school inherits, with rules that its box tells; for pictures and tests."""

from datetime import UTC, date, datetime, timedelta

from school import LABELS, NODE, School
from waiting import until

from broker.contract.messages import CameraHealth, HealthMessage, RuleHours, RuleSetting, ZoneShape
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.alert import Severity
from console.domain.calendar import Calendar, DayKind, Order, OwnDays, Period, Scope
from console.domain.site_tree import SiteKind
from console.store import calendars, sites
from console.web.preferences import THEME_COOKIE

SQUARE = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NIGHT = (RuleHours(days=DAYS, begins="19:00", ends="05:00"),)
RULES = {
    "gate": (
        ("pavement", "Vỉa hè", (RuleSetting(rule="loitering", seconds=120.0), RuleSetting(rule="crowd", seconds=30.0))),
    ),
    "fence": (("back-fence", "Hàng rào", (RuleSetting(rule="loitering", seconds=60.0, severity="high"),)),),
    "yard": (
        ("yard", "Sân trường", (RuleSetting(rule="intrusion", seconds=1.0, severity="high", hours=NIGHT),)),
        ("roof", "Mái nhà", (RuleSetting(rule="intrusion", seconds=1.0, severity="critical", follows_calendar=False),)),
    ),
}


def tells_rules(
    school: School, revision: str | None = "", until_at_s: float | None = None, without: tuple[str, ...] = ()
) -> None:
    """The box reports its cameras with their rules, and the calendar that it works by. without: these cameras."""
    now_s = wall_s()
    cameras = tuple(
        CameraHealth(
            camera=name,
            label=LABELS[name],
            state="sees",
            since_at_s=now_s - 7200,
            zones=tuple(
                ZoneShape(
                    zone=zone,
                    label=label,
                    polygon=SQUARE,
                    rules=tuple(one.rule for one in settings),
                    settings=settings,
                )
                for zone, label, settings in zones
            ),
        )
        for name, zones in RULES.items()
        if name not in without
    )
    told = {"at_s": now_s, "started_at_s": now_s - 9000, "version": "1", "state": "ok", "cameras": cameras}
    school.last_health = HealthMessage(**told, schedule_revision=revision, schedule_until_at_s=until_at_s)
    school.beat()


def province_of(school: School, *, with_calendar: bool = True) -> tuple[int, int]:
    """Puts the school below a province; returns the ids of both."""
    with school.console.database.write() as connection:
        province = sites.add(connection, "Thành phố Đà Nẵng", SiteKind.PROVINCE, None)
        below = next(one for one in sites.listing(connection) if one.kind == SiteKind.SCHOOL)
        sites.change(connection, below.id, below.name, below.kind, province)
        if with_calendar:
            today = datetime.fromtimestamp(wall_s(), UTC).date()
            winter = OwnDays(date(today.year, 12, 24), date(today.year, 12, 26), DayKind.HOLIDAY, "Nghỉ đông")
            night = {(Scope("loitering"), Period.AFTER_HOURS): Order(True, 60.0, Severity.HIGH)}
            calendars.save(connection, province, Calendar(days=(winter,), orders=night), wall_s())
            monday = today - timedelta(days=today.weekday())
            fair = OwnDays(monday + timedelta(2), monday + timedelta(2), DayKind.SPECIAL_DAY, "Hội chợ xuân")
            exams = OwnDays(monday + timedelta(17), monday + timedelta(18), DayKind.EXAM_DAY, "Thi học kỳ I")
            fence = {(Scope("loitering", NODE, "fence", "back-fence"), Period.LESSONS): Order(True, 45.0)}
            calendars.save(connection, below.id, Calendar(days=(fair, exams), orders=fence), wall_s())
    return province, below.id


def calendar_pictures(browser, out, school: School, sizes, languages) -> None:
    """No calendar yet, the suggestion, a calendar with all its forms, a preview, a fault; by day and by night."""
    tells_rules(school)
    province, below = province_of(school, with_calendar=False)
    for theme in ("dark", "light"):
        for size, (width, height) in sizes.items():
            for code, locale in languages.items():
                context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
                theme_cookie = {"name": THEME_COOKIE, "value": theme, "url": school.address}
                context.add_cookies([school.sign_in("Nguyễn Thị Lan", Role.ADMINISTRATOR), theme_cookie])
                page = context.new_page()

                def shot(name: str, page=page, mark=f"{theme}-{size}-{code}") -> None:
                    until(page, "document.readyState === 'complete'")
                    page.screenshot(path=out / f"calendar-{name}-{mark}.png", full_page=True)

                page.goto(f"{school.address}/calendar?site={below}")
                shot("none")
                page.locator(".start button").click()
                shot("suggested")
                context.close()
    province, below = _with_a_calendar(school, province, below)
    for theme in ("dark", "light"):
        for size, (width, height) in sizes.items():
            for code, locale in languages.items():
                context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
                theme_cookie = {"name": THEME_COOKIE, "value": theme, "url": school.address}
                context.add_cookies([school.sign_in("Nguyễn Thị Lan", Role.ADMINISTRATOR), theme_cookie])
                page = context.new_page()
                page.goto(f"{school.address}/calendar?site={below}")
                page.screenshot(path=out / f"calendar-week-{theme}-{size}-{code}.png", full_page=True)
                page.evaluate("for (const one of document.querySelectorAll('details.card')) one.open = true")
                page.screenshot(path=out / f"calendar-forms-{theme}-{size}-{code}.png", full_page=True)
                entry = page.locator("#days fieldset").last
                entry.locator("[name=first]").fill((datetime.now(UTC).date() + timedelta(days=9)).isoformat())
                entry.locator("[name=name]").fill("Đại hội phụ huynh")
                page.locator("#days .primary").click()
                page.screenshot(path=out / f"calendar-preview-{theme}-{size}-{code}.png", full_page=True)
                page.go_back()
                page.evaluate("document.querySelector('#times-school_day').open = true")
                page.locator("#times-school_day [name=ends]").first.fill("08:00")
                page.locator("#times-school_day .primary").click()
                page.screenshot(path=out / f"calendar-fault-{theme}-{size}-{code}.png", full_page=True)
                page.goto(f"{school.address}/calendar?site={province}")
                page.screenshot(path=out / f"calendar-province-{theme}-{size}-{code}.png", full_page=True)
                context.close()


def _with_a_calendar(school: School, province: int, below: int) -> tuple[int, int]:
    with school.console.database.write() as connection:
        sites.change(connection, below, "Trường Tiểu học Hoa Sen", SiteKind.SCHOOL, None)
        sites.remove(connection, province)
    return province_of(school)
