"""A province with people for the pictures: districts, schools, guards and officers, tokens, an invitation, a record."""

import pyotp
from playwright.sync_api import Browser
from school import NODE, School, full

from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.site_tree import WHOLE_TREE, Grants, SiteKind
from console.store import api_tokens, audit, grants, nodes, second_factors, sessions, sites, users
from console.web.access import session_hash
from console.web.auth import hash_password, new_link

SCHOOLS = {
    "Phường Hải Châu": ("Trường THCS Nguyễn Huệ", "Trường Tiểu học Phù Đổng", "Trường Mầm non 20/10"),
    "Phường An Khê": ("Trường Tiểu học Lê Quang Sung", "Trường THPT Thái Phiên"),
    "Xã Hòa Vang": ("Trường Tiểu học Hòa Nhơn", "Trường THCS Trần Quang Khải", "Trường Mầm non Hòa Phong"),
}
PHONE = "Mozilla/5.0 (Linux; Android 15; Mobile) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"
PASSWORD = "mat-khau-dai"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def peopled(school: School) -> int:
    """Fills the console; returns the number of a person with everything."""
    urgent, _ = full(school)
    now_s = wall_s()
    with school.console.database.write() as connection:
        boss = users.find(connection, "Nguyễn Thị Lan")
        province = sites.add(connection, "Thành phố Đà Nẵng", SiteKind.PROVINCE, None)
        first = next(one for one in sites.listing(connection) if one.kind == SiteKind.SCHOOL)
        places = {}
        for district, names in SCHOOLS.items():
            places[district] = sites.add(connection, district, SiteKind.DISTRICT, province)
            for name in names:
                places[name] = sites.add(connection, name, SiteKind.SCHOOL, places[district])
        sites.change(connection, first.id, first.name, first.kind, places["Phường Hải Châu"])
        box = nodes.find(connection, NODE)
        people = {
            "Trần Văn Hùng": (Role.POLICE, Grants(sites=frozenset({province}))),
            "Lê Thị Hoa": (Role.SUPERVISOR, Grants(sites=frozenset({places["Phường Hải Châu"]}))),
            "Phạm Quốc Bảo": (Role.GUARD, Grants(sites=frozenset({first.id}))),
            "Đỗ Minh Tú": (Role.GUARD, Grants(cameras=frozenset({(box.id, "gate"), (box.id, "fence")}))),
            "Vũ Thành Đạt": (Role.INSTALLER, Grants(sites=frozenset(places.values()))),
            "Thanh tra Sở": (Role.AUDITOR, WHOLE_TREE),
            "Ngô Văn Cũ": (Role.GUARD, Grants()),
        }
        ids = {n: users.add(connection, n, "x", role, now_s - 9e6, at).id for n, (role, at) in people.items()}
        users.disable(connection, ids["Ngô Văn Cũ"], now_s - 1e5)
        grants.give(connection, ids["Ngô Văn Cũ"], Grants(sites=frozenset({first.id})))
        hoa = ids["Lê Thị Hoa"]
        for number, (user, told, age_s) in enumerate(
            ((hoa, DESK, 9000), (hoa, PHONE, 200_000), (boss.id, PHONE, 7000))
        ):
            where = {"browser": told, "address": f"10.20.0.{30 + number}", "code_given": True}
            sessions.begin(connection, session_hash(f"old {number}"), user, now_s - min(age_s, 30_000), **where)
        second_factors.set_up(connection, hoa, SECRET, 1, ["A", "B"], session_hash("old 0"))
        sessions.begin(connection, session_hash("more"), hoa, now_s - 600, browser=PHONE, address="10.20.0.9")
        for user in (hoa, boss.id):
            for name, ended in (("Thống kê của Sở", False), ("Bảng điện tử phòng bảo vệ", True)):
                ends_at_s = now_s + (-86_400 if ended else 60 * 86_400)
                site = places["Phường Hải Châu"] if ended else None
                wanted = (0, user, name, Role.SUPERVISOR, not ended, site, None, now_s - 4e6, ends_at_s, now_s - 400)
                api_tokens.add(connection, session_hash(f"{name} {user}"), api_tokens.ApiToken(*wanted))
                if not ended:
                    api_tokens.touch(connection, session_hash(f"{name} {user}"), now_s - 400)
        for n, (action, subject) in enumerate((("rights", "Lê Thị Hoa"), ("site_added", "Xã Hòa Vang"))):
            about = audit.About(user_id=hoa) if n == 0 else audit.About(site_id=places["Xã Hòa Vang"])
            detail = "supervisor: Phường Hải Châu" if n == 0 else ""
            audit.write_about(connection, audit.By(boss.id), action, subject, detail, now_s - 3000 + n, about)
        audit.write(connection, audit.By(ids["Trần Văn Hùng"]), "view", urgent.event_id, "", now_s - 500)
        audit.write(
            connection, audit.By(ids["Trần Văn Hùng"]), "download", urgent.event_id, "clip.mp4 9f2c…", now_s - 400
        )
        users.set_password_hash(connection, hoa, hash_password(PASSWORD))
    new_link(school.console.database, Role.GUARD, "Bùi Thị Mai", now_s, Grants(sites=frozenset({first.id})))
    return hoa


def doors(browser: Browser, school: School, out, sizes: dict[str, tuple[int, int]], languages: dict[str, str]) -> None:
    """What is shown once: code at the door, QR code, recovery codes, a link, a token."""
    for size, (width, height) in sizes.items():
        for code, locale in languages.items():
            context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
            page = context.new_page()

            def shot(name: str, page=page, size=size, code=code) -> None:
                page.screenshot(path=out / f"people-{name}-{size}-{code}.png", full_page=True)

            page.goto(school.address + "/sign-in")
            page.fill("[name=name]", "Lê Thị Hoa")
            page.fill("[name=password]", PASSWORD)
            page.click("button.primary")
            page.wait_for_url("**/sign-in/code")
            page.fill("[name=code]", "123456")
            page.click("button.primary")
            shot("code")
            context.clear_cookies()
            name = f"Trực ca {size} {code}"
            with school.console.database.write() as connection:
                users.add(connection, name, hash_password(PASSWORD), Role.ADMINISTRATOR, wall_s())
            page.goto(school.address + "/sign-in")
            page.fill("[name=name]", name)
            page.fill("[name=password]", PASSWORD)
            page.click("button.primary")
            page.wait_for_url(school.address + "/")
            page.goto(school.address + "/second-factor")
            shot("factor")
            page.fill("[name=password]", PASSWORD)
            page.click("button.primary")
            page.wait_for_selector(".qr svg")
            shot("qr")
            secret = page.locator(".secret").text_content() or ""
            page.fill("[name=code]", pyotp.TOTP(secret).at(wall_s()))
            page.click("button.primary")
            page.wait_for_selector(".codes")
            shot("codes")
            page.goto(school.address + "/people")
            page.fill("[name=name]", f"Khách {size} {code}")
            page.locator("[name=everywhere]").check()
            page.click(".people-form button.primary")
            page.wait_for_selector(".once")
            shot("invited")
            page.goto(school.address + "/account")
            page.click("#tokens details summary")
            shot("token-form")
            page.fill("#tokens [name=name]", "Thống kê")
            page.click("#tokens button.primary")
            page.wait_for_selector(".once")
            shot("token")
            page.click(".menu summary")
            page.screenshot(path=out / f"people-menu-{size}-{code}.png")
            context.close()
