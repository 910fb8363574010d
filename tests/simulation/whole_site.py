"""A whole Gatehouse as processes, for campaigns of faults: broker, console, a node's supervisor and workers.

What systemd does for them (start again what has died) is done by whoever drives the campaign.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "system"))

from made_network import make_bright_network
from node_site import Site, wait_for
from ports import free_port

from console.domain.access import Role
from console.store import sessions, users
from console.store.database import Database, open_database
from console.web.access import COOKIE, session_hash
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.digest import Account
from edge.virtual_camera.rtsp_server import RunningServer, VirtualCamera, serve_cameras

NODE = "box"
# A campaign kills every few seconds what dies once in months: a worker counts as sound at once, not after a minute.
HURRIED_NODE = """
import gatehouse
from edge.app import supervisor
supervisor.SOUND_AFTER_S = 0.0
gatehouse.main()
"""
CAMERA_ACCOUNT = Account("gatehouse", "a password: öß")
_EVERYWHERE = {"name": "all", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
_RULES = [
    {"kind": "loitering", "zone": "all", "dwell_s": 2},
    {"kind": "intrusion", "zone": "all", "confirm_s": 0.5},
]


class WholeSite(Site):
    """A node, its broker and its console below one folder, all on loopback."""

    def __init__(self, folder: Path, network: Path, cameras: dict[str, str], program: str = HURRIED_NODE) -> None:
        """network: an ONNX file. cameras: address of each by name. program: what runs a node."""
        super().__init__(folder, network)
        self.metrics_port, self.console_port = free_port(), free_port()
        self._program = program
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        words = ("console", "add-node", NODE, "--site", "Kim Đồng", "--token-file", str(folder / "token"))
        if self.start(*words).wait(60) != 0:
            raise RuntimeError((folder / "console.log").read_text())
        self._configure(cameras)
        self.database: Database = open_database(f"sqlite:///{folder / 'console' / 'console.sqlite'}")

    def _configure(self, cameras: dict[str, str]) -> None:
        (self.folder / "camera.password").write_text(CAMERA_ACCOUNT.password)
        secret = str(self.folder / "broker/secrets" / f"{NODE}.password")
        document = {
            "node": {"name": NODE, "state_dir": str(self.folder / "state"), "workers": len(cameras)},
            "broker": {"host": "127.0.0.1", "port": self.port, "tls": False, "password_file": secret},
            "console": {"url": f"http://127.0.0.1:{self.console_port}", "token_file": str(self.folder / "token")},
            "detector": {"model": "default", "provider": "cpu"},
            "metrics": {"port": self.metrics_port},
            "cameras": [
                {
                    "name": name,
                    "url": url,
                    "username": CAMERA_ACCOUNT.username,
                    "password_file": str(self.folder / "camera.password"),
                    "analysed_fps": 5,
                    "recording": {"pre_s": 1, "post_s": 1},
                    "zones": [_EVERYWHERE],
                    "rules": _RULES,
                }
                for name, url in cameras.items()
            ],
        }
        (self.folder / "edge.yaml").write_text(yaml.safe_dump(document))

    def environment(self, part: str) -> dict[str, str]:
        """Of every process of this site. part: "broker", "console", "edge"."""
        settings = {
            "FOLDER": str(self.folder / "console"),
            "PORT": str(self.console_port),
            "BROKER_PORT": str(self.port),
            "BROKER_TLS": "false",
            "BROKER_PASSWORD_FILE": str(self.folder / "broker/secrets/console.password"),
        }
        return {f"GATEHOUSE_CONSOLE_{name}": value for name, value in settings.items()}

    def start_part(self, part: str) -> None:
        """Starts broker, console or supervisor as systemd would, and returns at once."""
        if part == "broker":
            process = self.start("broker", "run", str(self.folder / "broker"))
        elif part == "console":
            process = self.start("console", "serve")
        else:
            process = self.start("edge", "run", "--config", str(self.folder / "edge.yaml"), program=self._program)
        self._running[part] = process

    def start_all(self) -> None:
        """Starts everything and waits until all cameras are watched and the console hears of it."""
        for part in ("broker", "console", "supervisor"):
            self.start_part(part)
        wait_for(self.watching, 90, "a node that watches")
        wait_for(lambda: self.heard_since(0.0), 60, "a console that hears it")
        wait_for(self._cameras_are_told, 60, "the console's word of its cameras")

    def pids(self, part: str) -> list[int]:
        """Processes of a part now: "broker", "console", "supervisor", "workers"."""
        if part != "workers":
            return [self._running[part].pid] if self._running[part].poll() is None else []
        return self.workers(self._running["supervisor"]) if self._running["supervisor"].poll() is None else []

    def kill(self, pids: list[int]) -> None:
        """SIGKILL to all of them at once; returns when those that this process started are gone."""
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for process in self._running.values():
            if process.pid in pids:
                process.wait(10)

    def end_part(self, part: str) -> None:
        """Asks a part to stop, as systemd does; returns when it has."""
        self._running[part].terminate()
        self._running[part].wait(15)

    def figures(self) -> dict[str, dict[str, float]] | None:
        """The node's figures by camera: sees, recording, last_frame_timestamp_seconds; None where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=2) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        found: dict[str, dict[str, float]] = {}
        for name, camera, value in re.findall(r'^gatehouse_camera_(\w+)\{camera="([^"]+)"\} (\S+)$', text, re.M):
            found.setdefault(camera, {})[name] = float(value)
        return found

    def watching(self) -> bool:
        """Whether every camera is recorded and seen."""
        figures = self.figures()
        return bool(figures) and all(one["sees"] == 1.0 and one["recording"] == 1.0 for one in figures.values())

    def heard_since(self, at_s: float) -> bool:
        """Whether the console serves its page, and has heard the node later than `at_s` (UTC seconds)."""
        from console.store import nodes

        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.console_port}/sign-in", timeout=2) as answer:
                answer.read()
        except OSError:
            return False
        with self.database.read() as connection:
            node = nodes.find(connection, NODE)
        return node is not None and node.status == "online" and (node.last_seen_at_s or 0.0) > at_s

    def _cameras_are_told(self) -> bool:
        from console.store import cameras

        with self.database.read() as connection:
            return bool(cameras.listing(connection))

    def sign_in(self) -> str:
        """Makes a guard; returns the cookie of their session."""
        now_s = time.time()
        with self.database.write() as connection:
            user = users.add(connection, "Lan", "x", Role.GUARD, now_s)
            sessions.begin(connection, session_hash("a guard"), user.id, now_s)
        return f"{COOKIE}=a guard"

    def page(self, path: str, cookie: str) -> str:
        """A page of the console in English."""
        headers = {"Cookie": cookie, "Accept-Language": "en"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.console_port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def stop(self) -> None:
        super().stop()
        self.database.close()


OneSite = TypeVar("OneSite", bound=WholeSite)


@contextmanager
def watched_site(
    folder: Path,
    cameras: list[VirtualCamera],
    door: Callable[[str], str] = lambda url: url,
    site_kind: type[OneSite] = WholeSite,
) -> Iterator[tuple[OneSite, RunningServer]]:
    """A whole site in an empty folder that watches virtual cameras, while the block runs.

    door: what lies between a camera and the node; a camera's address to the one that the node is given.
    """
    network = folder / "bright.onnx"
    make_bright_network(network)
    with serve_cameras(cameras, SystemClock()) as server:
        site = site_kind(folder, network, {camera.name: door(server.url(camera.name)) for camera in cameras})
        try:
            site.start_all()
            yield site, server
        finally:
            site.stop()


class Progress:
    """A line that says how far it is, at most every `every_s`; whole lines, so that a log can hold them."""

    def __init__(self, every_s: float = 15.0) -> None:
        self._every_s, self._due_s = every_s, 0.0
        self._lock = threading.Lock()

    def say(self, told: str, *, now: bool = False) -> None:
        """Prints `told`, if it is time or `now`."""
        with self._lock:
            if now or time.monotonic() >= self._due_s:
                self._due_s = time.monotonic() + self._every_s
                print(f"{time.strftime('%H:%M:%S')} {told}", file=sys.stderr, flush=True)


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of `values` lies; NaN for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
