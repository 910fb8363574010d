"""Pictures of every page: phone and desktop, Vietnamese and English, empty, full and failing. `make screenshots`."""

import importlib.util
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("pages_under_test", HERE / "test_pages.py")
pages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pages)

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


def fill(served, state: str) -> str:
    """Brings a console into a state; returns an alert's id, empty where there is none."""
    if state == "empty":
        return ""
    served.camera("blind" if state == "failing" else "sees", "stalled" if state == "failing" else "")
    first = served.event(1, severity="critical", dwell_s=184.0)
    if state == "full":
        served.bring(first)
        for number, rule in enumerate(("intrusion", "crowd", "repeated_presence"), 2):
            served.bring(served.event(number, rule=rule, severity="medium", people=14 if rule == "crowd" else 1))
    return first


def main(folder: Path) -> None:
    """Writes all pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=pages.CHROMIUM, args=pages.ARGUMENTS)
        for state in ("empty", "full", "failing"):
            with tempfile.TemporaryDirectory() as scratch:
                served = pages.Served(Path(scratch))
                try:
                    take(browser, served, folder, state, fill(served, state))
                finally:
                    served.stop()
        browser.close()


def take(browser, served, folder: Path, state: str, event_id: str) -> None:
    link = pages.first_link(served.console.database, served.address, time.time)
    cookies = None
    for language in ("vi", "en"):
        for size, (width, height) in SIZES.items():
            options = {"width": width, "height": height}
            context = browser.new_context(locale=f"{language}-VN", viewport=options, color_scheme="dark")
            page = context.new_page()

            def shoot(name: str, page=page, tail=f"{state}-{size}-{language}") -> None:
                page.wait_for_timeout(600)
                page.screenshot(path=folder / f"{name}-{tail}.png", full_page=True)
                print(folder / f"{name}-{tail}.png")

            page.goto(f"{served.address}/sign-in")
            shoot("sign-in")
            if cookies is None:
                page.goto(link)
                shoot("welcome")
                for field, text in (("name", "Lan"), ("password", "mat-khau-dai"), ("again", "mat-khau-dai")):
                    page.fill(f"[name={field}]", text)
                page.click("button.primary")
                cookies = context.cookies()
            context.add_cookies(cookies)
            page.goto(served.address)
            shoot("wall")
            if event_id:
                page.goto(f"{served.address}/alerts/{event_id}")
                page.wait_for_timeout(2500)
                shoot("alert")
            page.goto(f"{served.address}/cameras")
            shoot("cameras")
            context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var/screenshots"))
