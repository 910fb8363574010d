"""What a wall costs its browser after thousands of alerts: heap, nodes and listeners must not grow.

`.venv/bin/python tests/browser/wall_memory.py --events 5000`. Each alert opens, rings, is acknowledged and closed: what
a wall lives through in weeks. After each tenth of them Chromium is told to collect what nobody uses, and is asked.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import sync_playwright
from school import School, running
from waiting import until

from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.alert import CloseReason
from console.domain.alert_work import Act, Step
from console.store import alert_work

AT_ONCE = 10
COUNTS = ("JSHeapUsedSize", "Nodes", "JSEventListeners", "Documents")
MOST_GROWTH = 1.15  # of the heap, from the second tenth to the last


def live_through(school: School, number: int, user: int) -> None:
    """Some alerts come and are handled."""
    events = [school.event("gate", zone=f"z{number % 7}", severity="high") for _ in range(AT_ONCE)]
    ids = [event.event_id for event in events]
    with school.console.database.write() as connection:
        for act in (Act(Step.ACKNOWLEDGE, user), Act(Step.CLOSE, user, CloseReason.TEST)):
            alert_work.act(connection, ids, act, wall_s())


def main(events: Annotated[int, typer.Option(help="alerts to live through")] = 5000) -> None:
    """Prints heap, nodes and listeners after each tenth; ends with 1 where they grew."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder, running(Path(folder)) as school:
        arguments = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        context = browser.new_context(viewport={"width": 1920, "height": 1080})
        context.add_cookies([school.sign_in("guard", Role.GUARD)])
        page = context.new_page()
        page.goto(school.address)
        page.click("#sound")
        told = context.new_cdp_session(page)
        told.send("Performance.enable")
        seen: list[dict[str, float]] = []
        for number in range(1, events // AT_ONCE + 1):
            live_through(school, number, 1)
            page.wait_for_timeout(250)  # the page sees each of them come and go
            if number % max(1, events // AT_ONCE // 10) == 0:
                last = school.event("gate", zone=f"last{number}")
                until(page, f"document.querySelector('[data-id=\"{last.event_id}\"]') !== null")
                school.handle(last, CloseReason.TEST)
                until(page, "document.querySelectorAll('.alert.new').length === 0")
                told.send("HeapProfiler.collectGarbage")
                found = {one["name"]: one["value"] for one in told.send("Performance.getMetrics")["metrics"]}
                seen.append({name: found[name] for name in COUNTS})
                typer.echo(f"{number * AT_ONCE}: " + ", ".join(f"{name} {found[name]:,.0f}" for name in COUNTS))
        rung = page.get_attribute("#sound", "data-rung")
        typer.echo(f"rung {rung} times")
        browser.close()
    grown = seen[-1]["JSHeapUsedSize"] / seen[1]["JSHeapUsedSize"]
    raise typer.Exit(int(grown > MOST_GROWTH or seen[-1]["Nodes"] > MOST_GROWTH * seen[1]["Nodes"]))


if __name__ == "__main__":
    typer.run(main)
