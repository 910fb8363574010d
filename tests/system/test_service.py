"""The node as a service: what systemd hears of its frame loop, how it ends; and the units."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import av
import httpx
import pytest
from node_site import ListeningConsole, wait_for
from ports import free_port

from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app import delivery, supervisor

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "configs/systemd").glob("*.service"))


@pytest.fixture
def systemd(tmp_path):
    """systemd's end of the socket that a service of `Type=notify` is given, at `notify`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        yield ear


def heard(ear: socket.socket, word: str, within_s: float) -> bool:
    """Whether a line `word` comes within so many seconds."""
    end_s = time.monotonic() + within_s
    while (left_s := end_s - time.monotonic()) > 0:
        ear.settimeout(left_s)
        try:
            if word in ear.recv(4096).decode().splitlines():
                return True
        except TimeoutError:
            return False
    return False


def drain(ear: socket.socket) -> None:
    """Forgets what has come so far."""
    ear.setblocking(False)
    try:
        while ear.recv(4096):
            pass
    except BlockingIOError:
        return


def test_the_frame_loop_alone_feeds_the_watchdog_and_a_stop_closes_all_within_five_seconds(
    systemd, site, patient_camera, monkeypatch
):
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(patient_camera.url("gate"))
    port = free_port()
    file = site.folder / "edge.yaml"
    file.write_text(file.read_text().replace("metrics: {port: 0}", f"metrics: {{port: {port}}}"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(site.folder / "notify"))  # for the node alone: mosquitto would speak, too
    node = site.start_node()
    assert heard(systemd, "READY=1", 60)
    assert heard(systemd, "WATCHDOG=1", 5)
    (worker,) = site.workers(node)
    os.kill(worker, signal.SIGSTOP)  # the supervisor lives on, and its timers with it
    wait_for(lambda: "T (stopped)" in Path(f"/proc/{worker}/status").read_text(), 5, "the worker to stand still")
    drain(systemd)  # a report may still be on its way
    wait_for(lambda: not heard(systemd, "WATCHDOG=1", 3), 10, "silence")
    assert node.poll() is None
    os.kill(worker, signal.SIGCONT)
    assert heard(systemd, "WATCHDOG=1", 10)

    wait_for(console.opened, 60, "an event")
    address = f"http://127.0.0.1:{port}/metrics"
    sees = 'gatehouse_camera_sees{camera="gate"} 1.0'
    wait_for(lambda: sees in httpx.get(address, timeout=5, trust_env=False).text, 20, "a camera that sees")
    drain(systemd)
    began_s, stopped_at_s = time.monotonic(), time.time()
    os.kill(worker, signal.SIGTERM)  # a stop that reaches the whole group: the supervisor alone decides
    node.terminate()
    assert node.wait(10) == 0
    assert time.monotonic() - began_s < 5
    assert heard(systemd, "STOPPING=1", 1)
    assert not Path(f"/proc/{worker}").exists()
    check_closed(site, stopped_at_s)
    wait_for(lambda: console.status[-1].status == "offline", 10, "the goodbye")
    console.close()


def check_closed(site, stopped_at_s: float) -> None:
    """The outbox is whole with nothing open in it; the last segment is whole and ends where the stop came."""
    path = site.folder / "state/outbox.sqlite"
    assert not path.with_name(path.name + "-wal").exists()  # the last one to leave has put everything in its place
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    outbox = SqliteOutbox(path)
    assert outbox.orphans("gate") == []
    outbox.close()
    recordings = site.folder / "state/recordings/gate"
    assert not [path for path in recordings.rglob("*") if path.suffix == ".part"]
    last = max(recordings.rglob("*.mp4"), key=lambda path: path.stat().st_mtime)
    with av.open(str(last)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0
    assert abs(last.stat().st_mtime - stopped_at_s) < 5


def section(unit: Path, name: str) -> dict[str, list[str]]:
    """The settings of one section; each may stand several times."""
    _, _, text = unit.read_text().partition(f"[{name}]\n")
    rows = [line.split("=", 1) for line in text.partition("\n[")[0].splitlines() if re.match(r"\w+=", line)]
    return {key: [value for name, value in rows if name == key] for key, _ in rows}


def account_of(unit: Path) -> str:
    """What stands beside the console works under its account."""
    return unit.stem.removesuffix("-ingest@")


def test_there_is_a_unit_for_each_part():
    parts = ("broker", "console-ingest@", "console", "edge")
    assert [unit.name for unit in UNITS] == [f"gatehouse-{part}.service" for part in parts]
    accounts = (ROOT / "configs/systemd/gatehouse.conf").read_text()
    for unit in UNITS:
        assert re.search(rf"^u {account_of(unit)} ", accounts, re.MULTILINE), unit.stem


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_each_unit_starts_again_for_ever_in_a_sandbox_under_its_own_account(unit):
    service = section(unit, "Service")
    assert service["User"] == service["StateDirectory"] == [account_of(unit)]
    wanted = {"Restart": "always", "ProtectSystem": "strict", "NoNewPrivileges": "yes", "CapabilityBoundingSet": ""}
    for key, value in {**wanted, "PrivateDevices": "yes", "ProtectHome": "yes", "RestrictNamespaces": "yes"}.items():
        assert service[key] == [value], key
    assert service["MemoryMax"]
    assert section(unit, "Unit")["StartLimitIntervalSec"] == ["0"]
    assert section(unit, "Install")["WantedBy"] == ["multi-user.target"]


def test_the_watchdog_waits_for_a_worker_that_starts_after_its_longest_pause():
    service = section(ROOT / "configs/systemd/gatehouse-edge.service", "Service")
    longest_s = supervisor.BEGINNING_S + supervisor.STARTING_S + supervisor.RESTART_LONGEST_S
    assert longest_s < float(service["WatchdogSec"][0]) <= longest_s + 60
    assert float(service["TimeoutStartSec"][0]) > longest_s
    assert float(service["TimeoutStopSec"][0]) > supervisor.STOP_S + delivery.LEAVE_S
    assert (service["Type"], service["KillMode"], service["OOMPolicy"]) == (["notify"], ["process"], ["continue"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_no_fault_in_a_unit_and_little_exposure(unit, tmp_path):
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/gatehouse/bin/gatehouse", "/bin/true"))  # it is not installed here
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (told.returncode, [line for line in told.stderr.splitlines() if unit.stem in line]) == (0, [])
    command = ["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", str(copy)]
    exposed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert exposed.returncode == 0, exposed.stdout


def test_make_puts_units_and_accounts_in_their_places(tmp_path):
    subprocess.run(["make", "-s", "install-units", f"DESTDIR={tmp_path}", "PARTS=edge"], cwd=ROOT, check=True)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"etc/systemd/system/gatehouse-edge.service", "usr/lib/sysusers.d/gatehouse.conf"}
