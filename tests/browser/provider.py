"""A provider of identities beside a school: a real one, at another site for the browser, as providers are."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser, Page
from school import School

from console.app.system_clock import wall_s
from console.domain.access import Role
from console.store import provider_links, users
from console.web.auth import hash_password, new_link
from console.web.identity_provider import IdentityProvider
from console.web.pages import Pages

NAME, PASSWORD = "Đà Nẵng ID", "mat-khau-dai"
PEOPLE = {"lan.nguyen": "Nguyễn Thị Lan", "bao.pham": "Phạm Quốc Bảo", "hung.tran": "Trần Văn Hùng"}


@contextlib.contextmanager
def provided(school: School) -> Iterator[str]:
    """Lets the school's console believe a provider that runs within; yields its address."""
    with run_server_in_thread(user_claims=[User(sub=one) for one in PEOPLE]) as server:
        issuer = f"http://localhost:{server.server_port}"
        believe(school, issuer)
        yield issuer


def believe(school: School, issuer: str) -> None:
    """Names another provider to the console."""
    state = school.console.web.state
    state.context = replace(state.context, provider=IdentityProvider(issuer, "gatehouse", "x", NAME, school.address))
    state.pages = Pages(state.context)


def add(school: School, name: str, issuer: str = "", subject: str = "", role: Role = Role.GUARD) -> int:
    """Somebody with a password, and an account at the provider where one is named."""
    with school.console.database.write() as connection:
        user = users.find(connection, name) or users.add(connection, name, hash_password(PASSWORD), role, wall_s())
        if subject:
            provider_links.link(connection, user.id, issuer, subject, wall_s())
    return user.id


def choose(page: Page, subject: str) -> None:
    """Signs in at the provider."""
    page.wait_for_url("http://localhost*/**")
    page.get_by_role("button", name=subject, exact=True).click()


def sign_in(page: Page, school: School, name: str) -> None:
    """Signs in with the password."""
    page.goto(school.address + "/sign-in")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(school.address + "/")


def shoot_provider(
    browser: Browser, school: School, out, sizes: dict[str, tuple[int, int]], languages: dict[str, str]
) -> None:
    """Every page that knows of a provider, and the ones that say what went wrong."""
    with provided(school) as issuer:
        for size, (width, height) in sizes.items():
            for code, locale in languages.items():
                context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
                page = context.new_page()

                def shot(name: str, page=page, size=size, code=code) -> None:
                    page.screenshot(path=out / f"provider-{name}-{size}-{code}.png", full_page=True)

                page.goto(school.address + "/sign-in")
                shot("sign-in")
                page.click("a[href='/sign-in/provider']")
                choose(page, "hung.tran")
                page.wait_for_url(school.address + "/**")
                shot("unknown")
                guest = new_link(school.console.database, Role.GUARD, f"Khách {size} {code}", wall_s())
                page.goto(f"{school.address}/welcome/{guest}")
                shot("welcome")
                person = add(school, "Phạm Quốc Bảo")
                sign_in(page, school, "Phạm Quốc Bảo")
                page.goto(school.address + "/account")
                shot("account")
                page.click("#provider summary")
                page.fill("#provider [name=password]", "guess")
                page.click("#provider button")
                page.wait_for_selector("#provider .problem")
                shot("wrong")
                page.fill("#provider [name=password]", PASSWORD)
                page.click("#provider button")
                page.wait_for_selector(".card.narrow a.primary")
                shot("go-on")
                page.click("a.primary")
                choose(page, "bao.pham")
                page.wait_for_selector(".done-note")
                shot("linked")
                page.evaluate("document.querySelector('#provider details').open = true")
                shot("unlink")
                add(school, "Trần Thị Cả", role=Role.ADMINISTRATOR)
                context.clear_cookies()
                sign_in(page, school, "Trần Thị Cả")
                page.goto(f"{school.address}/people/{person}")
                shot("person")
                page.goto(school.address + "/audit")
                shot("audit")
                with school.console.database.write() as connection:
                    provider_links.take_away(connection, person)
                context.close()
    away(browser, school, out, sizes, languages, issuer)


def away(browser: Browser, school: School, out, sizes, languages, issuer: str) -> None:
    """The door while the provider does not answer."""
    believe(school, issuer)  # afresh: it does not know the addresses yet
    for size, (width, height) in sizes.items():
        for code, locale in languages.items():
            context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
            page = context.new_page()
            page.goto(school.address + "/sign-in/provider")
            page.screenshot(path=out / f"provider-away-{size}-{code}.png", full_page=True)
            context.close()
