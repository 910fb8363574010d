"""Police have a time kept, at the console: through broker and node onto a disk that then fills to the last byte."""

import shutil
import socket
import subprocess
import sys
import time
import uuid
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "edge" / "app"))
sys.path.insert(0, str(Path(__file__).parents[1] / "simulation"))

from node_folder import fill
from node_site import wait_for
from whole_site import WholeSite

from broker.contract.messages import CameraHealth
from console.domain.access import Role
from console.store import holds, sessions, users
from console.web.access import COOKIE, session_hash
from edge.adapters.system_clock import SystemClock
from edge.app import housekeeping
from edge.app.delivery import Delivery
from edge.config.load import load_config

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
MINUTE_S, MINUTES = 60, 10
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")  # of a console that was told no other


@pytest.fixture
def site(tmp_path, bright_network):
    """Broker and console as processes, and a disk of 32 MB with ten minutes that a camera recorded two hours ago."""
    disk = tmp_path / "state"
    disk.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    site = WholeSite(tmp_path, bright_network, {"gate": "rtsp://127.0.0.1:9/gate"})
    for part, port in (("broker", site.port), ("console", site.console_port)):
        site.start_part(part)
        wait_for(lambda port=port: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60, part)
    yield site
    site.stop()
    site.database.close()
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def box(site, monkeypatch):
    """The node's delivery and housekeeping, begun anew with each call."""
    monkeypatch.setattr(housekeeping, "HURRIED_S", 1.0)
    running: list[Delivery] = []

    def begin() -> Delivery:
        for one in running:
            one.end()
        config = load_config(site.folder / "edge.yaml")
        running[:] = [Delivery(config, "test", SystemClock(), lambda _: None, lambda: None)]
        running[0].start()
        return running[0]

    yield begin
    for one in running:
        one.end()


def recorded(site) -> list[float]:
    """When the segments begin that are still there, UTC seconds."""
    return sorted(int(path.name.split("-")[0]) / 1000 for path in (site.folder / "state/recordings/gate").iterdir())


def crowded_out(site) -> list[float]:
    """What is still there, on a disk of which others take each byte that the node frees."""
    state = site.folder / "state"
    if shutil.disk_usage(state).free > 0:
        fill(state / f"foreign-{len(list(state.glob('foreign-*')))}")
    return recorded(site)


def police(site) -> httpx.Client:
    """Somebody of the police, signed in."""
    with site.database.write() as connection:
        user = users.add(connection, "police", "x", Role.POLICE, time.time())
        sessions.begin(connection, session_hash("a session"), user.id, time.time())
    address = f"http://127.0.0.1:{site.console_port}"
    headers = {"Origin": address, "Accept-Language": "en", "Accept": "text/html"}
    return httpx.Client(base_url=address, cookies={COOKIE: "a session"}, headers=headers, timeout=20)


def state_of(site) -> str:
    with site.database.read() as connection:
        return str(holds.listing(connection, 1)[0].state)


def test_what_police_ask_for_outlives_a_full_disk_and_a_restart_until_they_let_go_of_it(site, box):
    began_s = (time.time() // MINUTE_S - 120) * MINUTE_S
    folder = site.folder / "state/recordings/gate"
    folder.mkdir(parents=True)
    for number in range(MINUTES):
        begin_s = began_s + number * MINUTE_S
        path = folder / f"{begin_s * 1000:.0f}-{(begin_s + MINUTE_S) * 1000:.0f}.mp4"
        path.write_bytes(bytes(1_000_000))
    gate = CameraHealth(camera="gate", label="Cổng chính", state="sees", since_at_s=began_s)
    delivery = box()
    delivery.tell_health([gate], 0, worker_down=False)
    browser = police(site)
    wait_for(lambda: "Cổng chính" in browser.get("/holds").text, 60, "the camera at the console")

    begin, end = (datetime.fromtimestamp(began_s + at_s, ZONE) for at_s in (2 * MINUTE_S, 4 * MINUTE_S))
    form = {"from": f"{begin:%d/%m/%Y %H:%M}", "to": f"{end:%d/%m/%Y %H:%M}", "reason": "theft, case 12"}
    asked = browser.post("/holds", data={"id": str(uuid.uuid4()), "of": "box/gate", **form})
    assert asked.status_code == 303, asked.text
    wait_for(lambda: state_of(site) == "kept", 30, "the word of the box")
    assert "The box keeps 2 min of 2 min" in browser.get("/holds").text

    held = [began_s + number * MINUTE_S for number in range(2, 4)]
    newest = [began_s + number * MINUTE_S for number in range(MINUTES - 3, MINUTES)]  # what the next clip may need
    touching = [began_s + MINUTE_S, began_s + 4 * MINUTE_S]
    wait_for(lambda: set(crowded_out(site)) <= {*held, *touching, *newest}, 60, "room on the disk")
    box()  # it comes back with what it wrote down, and hears the same again
    time_s = time.time()
    wait_for(lambda: answered_since(site, time_s), 30, "its word after the restart")
    assert set(held) <= set(recorded(site))
    assert state_of(site) == "kept"

    with site.database.read() as connection:
        hold_id = holds.listing(connection, 1)[0].id
    assert browser.post(f"/holds/{hold_id}/release", data={"reason": "case closed"}).status_code == 303
    wait_for(lambda: state_of(site) == "released", 30, "the box to let go")
    wait_for(lambda: not set(held) & set(crowded_out(site)), 60, "room on the disk")


def answered_since(site, at_s: float) -> bool:
    with site.database.read() as connection:
        answer = holds.listing(connection, 1)[0].answer
    return answer is not None and answer.told_at_s > at_s
