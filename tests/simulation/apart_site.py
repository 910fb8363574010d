"""The node and the console of an hour without each other: every part is real but the cameras and the clock."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ports import free_port

from broker import installation
from console.app.factory import Console, build
from console.app.server import make_server
from console.app.settings import Settings
from console.store import deliveries, nodes
from edge.adapters.mqtt_publisher import BrokerAddress, MqttPublisher
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.uploader import ConsoleAddress, Uploader
from edge.app.housekeeping import Housekeeper
from edge.app.node_health import NodeHealth
from edge.app.worker import outbox_bounds
from edge.config.load import load_config

BEGINS_S, HOUR_S = 1_790_000_000.0, 3600.0
CLIP_DAYS = 0.3 / 24
CAMERAS = tuple(f"camera-{number}" for number in range(8))
CONFIG = """
node: {{name: box, state_dir: state, timezone: UTC}}
broker: {{host: 127.0.0.1, port: {broker}, tls: false, password_file: broker/secrets/box.password}}
console: {{url: "http://127.0.0.1:{console}", token_file: token}}
outbox: {{max_rows: {max_rows}, max_file_bytes: {max_file_bytes}}}
metrics: {{port: 0}}
cameras:{cameras}
"""
CAMERA = """
  - {{name: {name}, url: "rtsp://192.0.2.1/a", recording: {{clip_days: {clip_days}}}}}"""


class Clock:
    """Seconds of the story: set by it, and running with real ones while messages travel."""

    def __init__(self) -> None:
        self._at_s, self._running_since_s = -2 * HOUR_S, None

    def monotonic_s(self) -> float:
        return self._at_s + (0.0 if self._running_since_s is None else time.monotonic() - self._running_since_s)

    def wall_s(self) -> float:
        return BEGINS_S + self.monotonic_s()

    def set(self, at_s: float) -> None:
        self._at_s, self._running_since_s = max(at_s, self.monotonic_s()), None

    def run(self) -> None:
        self._at_s, self._running_since_s = self.monotonic_s(), time.monotonic()


class ApartSite:
    """A node's delivery, a broker and a console in one folder."""

    def __init__(self, folder: Path, max_rows: int, max_file_bytes: int) -> None:
        self.folder, self.ports, self.clock = folder, (free_port(), free_port()), Clock()
        limits = {"max_rows": max_rows, "max_file_bytes": max_file_bytes}
        installation.make_folder(folder / "broker", "127.0.0.1", self.ports[0], loopback=True)
        installation.add_account(folder / "broker", "box")
        cameras = "".join(CAMERA.format(name=name, clip_days=CLIP_DAYS) for name in CAMERAS)
        text = CONFIG.format(broker=self.ports[0], console=self.ports[1], cameras=cameras, **limits)
        (folder / "edge.yaml").write_text(text)
        self._add_node()
        self.config = load_config(folder / "edge.yaml")
        self.state = self.config.node.state_dir
        self.state.mkdir()
        self.outbox = SqliteOutbox(self.state / "outbox.sqlite", outbox_bounds(self.config))
        self.housekeeper = Housekeeper(self.config, self.outbox, self.clock)
        self.health = NodeHealth(self.config, "test", self.outbox, self.clock)
        self.stop, self.threads = threading.Event(), []
        self.broker: subprocess.Popen[bytes] | None = None
        self.console: Console | None = None

    def _add_node(self) -> None:
        console = build(self._settings(), self.clock.wall_s)
        with console.database.write() as connection:
            (self.folder / "token").write_text(nodes.add(connection, "box", "Kim Đồng", "Cổng", self.clock.wall_s()))
        console.database.close()

    def _settings(self) -> Settings:
        secret = self.folder / "broker/secrets/console.password"
        broker = {"broker_port": self.ports[0], "broker_tls": False, "broker_password_file": secret}
        return Settings(folder=self.folder / "console", port=self.ports[1], **broker)

    def start_services(self) -> None:
        """Broker and console come up."""
        self.clock.run()
        command = [sys.executable, "-m", "gatehouse", "broker", "run", str(self.folder / "broker")]
        with (self.folder / "broker.log").open("ab") as log:
            self.broker = subprocess.Popen(command, stdout=log, stderr=log)
        self.console = build(self._settings(), self.clock.wall_s)
        self.console.start()
        self.server, door = make_server(self._settings(), self.console.web)
        self.web = threading.Thread(target=self.server.run, kwargs={"sockets": [door]}, daemon=True)
        self.web.start()

    def end_services(self) -> None:
        """Broker and console go."""
        self.server.should_exit = True
        self.web.join(20)
        self.console.stop()
        self.broker.terminate()
        self.broker.wait(20)

    def deliver(self) -> None:
        """Publisher and uploader begin; they go on while nobody hears them."""
        password = self.folder / "broker/secrets/box.password"
        address = BrokerAddress("127.0.0.1", self.ports[0], "box", password, tls=False)
        self.publisher = MqttPublisher("box", address, self.outbox, self.clock, lambda _command: None, "test")
        uploader = Uploader(ConsoleAddress(self.config.console.url, self.folder / "token"), self.outbox)
        for run in (self.publisher.run, uploader.run):
            self.threads.append(threading.Thread(target=run, args=(self.stop,), daemon=True))
            self.threads[-1].start()

    def drain(self, what: str) -> None:
        """Waits until the console has all that waits. what: for the complaint."""
        self.clock.run()
        done = lambda: self.outbox.figures().rows == self.outbox.figures().uploads == 0 and not self.absent().missing  # noqa: E731
        wait_for(done, 900, what)

    def absent(self) -> deliveries.Absent:
        """What the console misses of the node."""
        with self.console.database.read() as connection:
            box = nodes.find(connection, "box")
            return deliveries.absent(connection, box.id, self.outbox.outbox_id)

    def close(self) -> None:
        """Ends all that was started."""
        self.stop.set()
        for thread in self.threads:
            thread.join(20)
        if self.broker is not None and self.broker.poll() is None:
            self.end_services()
        self.outbox.close()


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Raises AssertionError where `condition` does not come true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)
