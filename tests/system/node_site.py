"""A folder with a real broker and a node in it, a console that listens, and cameras for them."""

import os
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

sys.path.insert(0, str(Path(__file__).parents[1]))

from ports import free_port

from broker import installation
from broker.contract import codec, topics
from broker.contract.messages import AcknowledgementMessage, EventMessage, EvidenceMessage, HealthMessage, StatusMessage
from broker.contract.schedule import ScheduleMessage
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from models.add import add
from models.registry import Registry

CONFIG = """
node: {{name: box, state_dir: state}}
broker: {{host: 127.0.0.1, port: {port}, tls: false, password_file: broker/secrets/box.password}}
console: {{url: "http://127.0.0.1:9", token_file: broker/secrets/box.password}}
detector: {{model: default}}
metrics: {{port: 0}}
cameras:
  - name: gate
    url: {url}
    analysed_fps: 5
    recording: {{segment_s: 2, pre_s: 1, post_s: 1}}
    zones: [{{name: all, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}}]
    rules: [{{kind: loitering, zone: all, dwell_s: 2}}]
"""


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> object:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


class ListeningConsole:
    """Keeps what the node tells, commits it in memory, and acknowledges, as the console does."""

    def __init__(self, folder: Path, port: int) -> None:
        self.events: list[EventMessage] = []
        self.evidence: list[EvidenceMessage] = []
        self.health: list[HealthMessage] = []
        self.status: list[StatusMessage] = []
        self.numbers: list[tuple[str, int]] = []
        self.copies: dict[tuple[str, int], int] = {}
        self.commits = True  # False: hears everything, commits nothing, acknowledges nothing
        self.subscribed: queue.Queue[object] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, "console", protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set("console", (folder / "secrets/console.password").read_text().strip())
        self.client.reconnect_delay_set(1, 1)
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *args: self.subscribed.put(args)
        self.client.on_connect = lambda client, *_: client.subscribe([(t.of_every_node, 1) for t in topics.TOPICS[:4]])
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.subscribed.get(timeout=10)

    def order(self, message: ScheduleMessage, *, ahead_s: float = 0.0) -> None:
        """Leaves the node a calendar with the broker. ahead_s: of this console's clock."""
        payload = codec.encode(topics.SCHEDULE, "console", message, time.time() + ahead_s)
        self.client.publish(topics.SCHEDULE.of("box"), payload, qos=1, retain=True).wait_for_publish(10)

    def forget_order(self) -> None:
        """The broker keeps no calendar any more, as one that was set up anew."""
        self.client.publish(topics.SCHEDULE.of("box"), b"", qos=1, retain=True).wait_for_publish(10)

    def _on_message(self, client, _data, message) -> None:
        received = codec.decode(message.topic, message.payload)
        kinds = {"event": self.events, "evidence": self.evidence, "health": self.health, "status": self.status}
        if received.sequence is not None:
            number = (received.outbox_id, received.sequence)
            self.copies[number] = self.copies.get(number, 0) + 1
            if not self.commits:
                return
            if number not in self.numbers:
                self.numbers.append(number)
                kinds[received.topic.kind].append(received.message)
            ack = AcknowledgementMessage(outbox_id=received.outbox_id, committed=(received.sequence,))
            client.publish(topics.ACK.of(received.node), codec.encode(topics.ACK, "console", ack, 0.0), qos=1)
        else:
            kinds[received.topic.kind].append(received.message)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def opened(self) -> list[EventMessage]:
        return [event for event in self.events if event.state == "open"]

    def check_nothing_lost_or_doubled(self) -> None:
        """Numbers without a gap, each revision once, revisions of events and of evidence from 1 without a gap."""
        assert sorted(number for _, number in self.numbers) == list(range(1, len(self.numbers) + 1))
        for messages in (self.events, self.evidence):
            revisions: dict[str, list[int]] = {}
            for message in messages:
                revisions.setdefault(message.event_id, []).append(message.revision)
            for seen in revisions.values():
                assert sorted(seen) == list(range(1, len(seen) + 1))
        opened = [event.event_id for event in self.events if event.state == "open"]
        assert len(opened) == len(set(opened))

    def roles(self, event_id: str) -> set[str]:
        """What the last revision of an event's evidence holds."""
        of_event = [message for message in self.evidence if message.event_id == event_id]
        last = max(of_event, key=lambda message: message.revision, default=None)
        return {file.role for file in last.files} if last else set()

    def has_proof(self, event_id: str) -> bool:
        """Whether both snapshots and the clip of an event are told."""
        return {"clip", "snapshot", "snapshot_boxes"} <= self.roles(event_id)


class Site:
    """A folder with a broker, a node's configuration and the processes that were started."""

    def __init__(self, folder: Path, network: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        installation.make_folder(folder / "broker", "127.0.0.1", self.port, loopback=True)
        installation.add_account(folder / "broker", "box")
        add(Registry(folder / "data" / "gatehouse" / "models"), network)

    def configure(self, camera_url: str) -> None:
        (self.folder / "edge.yaml").write_text(CONFIG.format(port=self.port, url=camera_url))

    def start(self, *words: str, program: str = "import gatehouse; gatehouse.main()") -> subprocess.Popen[bytes]:
        shared = {"XDG_DATA_HOME": str(self.folder / "data"), "OMP_NUM_THREADS": "1"}
        environment = {**os.environ, **shared, **self.environment(words[0])}
        environment.pop("GATEHOUSE_MODEL", None)
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-c", program, *words], env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def environment(self, _part: str) -> dict[str, str]:
        """What a process of this site finds in its environment besides. _part: the first word of its command."""
        return {}

    def start_broker(self) -> subprocess.Popen[bytes]:
        process = self.start("broker", "run", str(self.folder / "broker"))
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", self.port)) == 0, 20, "the broker")
        return process

    def start_node(self) -> subprocess.Popen[bytes]:
        return self.start("edge", "run", "--config", str(self.folder / "edge.yaml"))

    def workers(self, node: subprocess.Popen[bytes]) -> list[int]:
        """Children of the supervisor that run a worker."""
        listing = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split()
        return [int(pid) for pid in listing if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def stop(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def somebody(number: int) -> np.ndarray:
    """Picture of that number: a person for the made network, who moves an arm, for what never moves is nobody."""
    picture = np.full((96, 128, 3), 200, np.uint8)  # brighter, and the camera would be told as dazzled
    arm_px = 54 + 2 * abs(number % 18 - 9)
    picture[20:40, arm_px : arm_px + 6] = 120
    return picture


def loop_of(person_s: int, nobody_s: int):
    """A camera that shows a person for so long, then nobody, in a loop, to whoever asks."""
    dark = np.full((96, 128, 3), 20, np.uint8)
    clip = encode(PictureList([*map(somebody, range(10 * person_s)), *[dark] * (10 * nobody_s)], 10.0))
    return serve_cameras([VirtualCamera("gate", clip)], SystemClock())


def start_site(site, camera):
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(camera.url("gate"))
    return site, console, site.start_node()
