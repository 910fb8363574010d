"""From the frame that makes an alert ring to the alert on a wall, in seconds: nothing of it is played.

Drawn gates over real RTSP, a node with the network in the box, mosquitto, the console and Chromium with the wall open,
all on this machine, so by one clock. Of each alert: when its frame was captured, when the node had written it down
(its outbox), when the console had it, and when Chromium had painted it.

    nice -n 10 .venv/bin/python tests/bench/edge_to_wall.py --alerts 30
"""

import argparse
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import yaml
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1] / "simulation"))

from whole_site import WholeSite, percentile, watched_site

from console.domain.alert_work import Act, Step
from console.store import alert_work, users
from console.store.tables import event
from edge.app.demo_school import GATES
from edge.virtual_camera.rtsp_server import VirtualCamera
from edge.virtual_camera.sources import open_sources

NETWORK = "person_416_int8"
# Somebody loiters at each gate once in 54 s, at no two of them at once.
SOURCES = {f"gate-{n}": f"drawn:loiterer:day:{n + 1}@{8 + 16 * n}-{22 + 16 * n}/54" for n in range(3)}
DWELL_S = 3.0
LOOK_S = 0.004  # at the outbox: what the console has taken leaves it within a tenth of a second
PATIENCE_S = 60.0  # for each alert

SEEN = """
window.seenAt = {};
const look = () => {
  for (const card of document.querySelectorAll("#new .alert")) {
    for (const id of (card.dataset.new ?? "").split(" ").filter(Boolean)) {
      if (id in window.seenAt) continue;
      window.seenAt[id] = null;
      requestAnimationFrame(() => requestAnimationFrame(() => { window.seenAt[id] = Date.now() / 1000; }));
    }
  }
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
"""


class MeasuredSite(WholeSite):
    """As a school has it: one rule at the gate, the network in the box, pictures and clips."""

    def _configure(self, cameras: dict[str, str]) -> None:
        super()._configure(cameras)
        path = self.folder / "edge.yaml"
        document = yaml.safe_load(path.read_text())
        document["detector"]["model"] = NETWORK
        document["node"]["workers"] = 1
        for camera in document["cameras"]:
            camera["zones"] = [{"name": "gate", "polygon": GATES[0].polygon}]
            camera["rules"] = [{"kind": "loitering", "zone": "gate", "dwell_s": DWELL_S}]
        path.write_text(yaml.safe_dump(document))


class OutboxWatch(threading.Thread):
    """Notes when each opening was written down: UTC seconds by the event's id."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path, self.at_s, self.stop = path, dict[str, float](), threading.Event()

    def run(self) -> None:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)) as outbox:
            while not self.stop.wait(LOOK_S):
                rows = outbox.execute("SELECT event_id, at_s FROM message WHERE state = 'open'").fetchall()
                self.at_s.update(row for row in rows if row[0] not in self.at_s)


def watch_wall(page: Page, site: WholeSite, wanted: int) -> dict[str, float]:
    """When each alert was painted, until there are `wanted`; a guard takes each one on, as one would."""
    found: dict[str, float] = {}
    deadline_s = time.monotonic() + PATIENCE_S * wanted
    while len(found) < wanted and time.monotonic() < deadline_s:
        page.wait_for_timeout(250)
        seen = {one: at_s for one, at_s in page.evaluate("window.seenAt").items() if at_s and one not in found}
        found |= seen
        if seen:
            print(f"\r{len(found)} of {wanted} are on the wall", end="", file=sys.stderr)
            page.wait_for_timeout(2000)
            with site.database.write() as connection:
                guard = users.find(connection, "Lan")
                alert_work.act(connection, list(seen), Act(Step.ACKNOWLEDGE, guard.id), time.time())
    return found


def report(painted_s: dict[str, float], written_s: dict[str, float], site: WholeSite) -> None:
    """Prints the figures of each way."""
    with site.database.read() as connection:
        query = select(event.c.event_id, event.c.opened_at_s, event.c.received_at_s)
        rows = {row.event_id: row for row in connection.execute(query.where(event.c.event_id.in_(painted_s)))}
    known = [one for one in painted_s if one in written_s]
    ways = {
        "frame captured -> alert painted": [at_s - rows[one].opened_at_s for one, at_s in painted_s.items()],
        "event written at the node -> alert painted": [painted_s[one] - written_s[one] for one in known],
        "  frame captured -> event written": [written_s[one] - rows[one].opened_at_s for one in known],
        "  event written -> in the console": [rows[one].received_at_s - written_s[one] for one in known],
        "  in the console -> alert painted": [at_s - rows[one].received_at_s for one, at_s in painted_s.items()],
    }
    for title, took_s in ways.items():
        p50, p95 = percentile(took_s, 0.5), percentile(took_s, 0.95)
        print(f"{title:44} n {len(took_s):3}  p50 {p50:.2f} s  p95 {p95:.2f} s  most {max(took_s):.2f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=30)
    wanted = parser.parse_args().alerts
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("NOT CHECKED: Chromium is not installed")
        return 77
    cameras = [VirtualCamera(name, one) for name, one in zip(SOURCES, open_sources([*SOURCES.values()]), strict=True)]
    with (
        tempfile.TemporaryDirectory() as folder,
        watched_site(Path(folder), cameras, site_kind=MeasuredSite) as (site, _),
        sync_playwright() as playwright,
    ):
        name, _, value = site.sign_in().partition("=")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(locale="vi-VN", viewport={"width": 1920, "height": 1080})
        address = f"http://127.0.0.1:{site.console_port}"
        context.add_cookies([{"name": name, "value": value, "url": address}])
        context.add_init_script(SEEN)
        page = context.new_page()
        page.goto(address)
        outbox = OutboxWatch(site.folder / "state" / "outbox.sqlite")
        outbox.start()
        painted_s = watch_wall(page, site, wanted)
        outbox.stop.set()
        outbox.join()
        browser.close()
        print(file=sys.stderr)
        if not painted_s:
            print("no alert came: see edge.log and console.log")
            return 1
        report(painted_s, outbox.at_s, site)
    return 0 if len(painted_s) >= wanted else 1


if __name__ == "__main__":
    sys.exit(main())
