"""A whole node with real parts: RTSP camera, network, mosquitto. And everything killed in the middle of an event."""

import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from broker import installation
from broker.contract import codec, topics
from broker.contract.messages import AcknowledgementMessage, EventMessage, EvidenceMessage, HealthMessage, StatusMessage
from edge.adapters.clip_writer import file_sha256
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from models.add import add
from models.registry import Registry

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

CONFIG = """
node: {{name: box, state_dir: state}}
broker: {{host: 127.0.0.1, port: {port}, tls: false, password_file: broker/secrets/box.password}}
console: {{url: "http://127.0.0.1:9", token_file: broker/secrets/box.password}}
detector: {{model: default}}
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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        installation.make_folder(folder / "broker", "127.0.0.1", self.port, loopback=True)
        installation.add_account(folder / "broker", "box")
        add(Registry(folder / "data" / "gatehouse" / "models"), network)

    def configure(self, camera_url: str) -> None:
        (self.folder / "edge.yaml").write_text(CONFIG.format(port=self.port, url=camera_url))

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "XDG_DATA_HOME": str(self.folder / "data"), "OMP_NUM_THREADS": "1"}
        environment.pop("GATEHOUSE_MODEL", None)
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gatehouse", *words], env=environment, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

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


@pytest.fixture
def site(tmp_path, bright_network):
    site = Site(tmp_path, bright_network)
    yield site
    site.stop()
    for name in ("edge.log", "broker.log"):
        if (tmp_path / name).exists():
            print(f"--- {name}\n{(tmp_path / name).read_text()[-4000:]}")


@pytest.fixture(scope="module")
def camera():
    """A person for 8 s, nobody for 12 s (longer than any gap that is bridged), in a loop."""
    bright, dark = np.full((96, 128, 3), 235, np.uint8), np.full((96, 128, 3), 20, np.uint8)
    clip = encode(PictureList([bright] * 80 + [dark] * 120, 10.0))
    with serve_cameras([VirtualCamera("gate", clip)], SystemClock()) as server:
        yield server


@pytest.fixture
def node(site, camera):
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(camera.url("gate"))
    process = site.start_node()
    yield site, console, process
    console.close()


def test_an_event_opens_closes_and_brings_its_evidence(node):
    site, console, process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    assert (opened.rule, opened.camera, opened.zone, opened.threshold_s) == ("loitering", "gate", "all", 2.0)
    assert 2.0 <= opened.dwell_s <= 3.0
    last = wait_for(lambda: [e for e in console.events if e.state == "closed"], 30, "its end")[0]
    assert last.event_id == opened.event_id
    wait_for(lambda: any("clip" in {f.role for f in e.files} for e in console.evidence), 30, "the clip")
    evidence = next(e for e in reversed(console.evidence) if "clip" in {f.role for f in e.files})
    assert {file.role for file in evidence.files} == {"clip", "snapshot", "snapshot_boxes", "track"}
    folder = site.folder / "state" / "evidence" / evidence.event_id
    hashes = {file_sha256(path): path for path in folder.iterdir()}
    for file in evidence.files:
        assert file.sha256 in hashes
        assert hashes[file.sha256].stat().st_size == file.bytes
    clip = next(file for file in evidence.files if file.role == "clip")
    assert clip.begins_at_s <= opened.opened_at_s - 0.9
    with av.open(str(hashes[clip.sha256])) as container:
        assert sum(1 for _ in container.decode(video=0)) > 10
    wait_for(lambda: SqliteOutbox(site.folder / "state/outbox.sqlite").figures().rows == 0, 20, "an empty outbox")
    assert any(camera.state == "sees" for health in console.health for camera in health.cameras)
    console.check_nothing_lost_or_doubled()
    process.terminate()
    assert process.wait(15) == 0
    wait_for(lambda: console.status[-1].status == "offline", 10, "the goodbye")


def test_a_node_that_is_stopped_closes_what_is_open(node):
    site, console, process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    process.terminate()
    assert process.wait(15) == 0
    outbox = SqliteOutbox(site.folder / "state/outbox.sqlite")
    assert outbox.orphans("gate") == []
    outbox.close()
    site.start_node()
    closed = wait_for(lambda: [e for e in console.events if e.state == "closed"], 30, "its end")[0]
    assert (closed.event_id, closed.closed_because) == (opened.event_id, "restart")
    console.check_nothing_lost_or_doubled()


WITH_A_BUG = """
import sys, gatehouse
from edge.app.supervisor import Supervisor
def tell_health(self): raise RuntimeError("a bug")
Supervisor._tell_health = tell_health
gatehouse.main()
"""


def session_of(stat: Path) -> int:
    """Session id in a /proc/PID/stat; 0 where the process is gone."""
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except OSError:
        return 0


def test_a_bug_in_the_supervisor_ends_the_node_whole(site, camera):
    site.configure(camera.url("gate"))
    command = [sys.executable, "-c", WITH_A_BUG, "edge", "run", "--config", str(site.folder / "edge.yaml")]
    environment = {**os.environ, "XDG_DATA_HOME": str(site.folder / "data")}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    site.processes.append(process)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"a bug" in told
    running = [path for path in Path("/proc").glob("[0-9]*/stat") if session_of(path) == process.pid]
    wait_for(lambda: not any(session_of(path) == process.pid for path in running), 15, "the end of its workers")


def test_a_killed_worker_comes_back_and_loses_nothing(node):
    site, console, process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    os.kill(site.workers(process)[0], signal.SIGKILL)
    closed = wait_for(lambda: [e for e in console.events if e.state == "closed"], 30, "the orphan's end")[0]
    assert (closed.event_id, closed.closed_because) == (opened.event_id, "restart")
    wait_for(lambda: len(console.opened()) >= 2, 60, "the next event")
    assert any(health.worker_restarts == 1 for health in console.health)
    wait_for(lambda: console.has_proof(opened.event_id), 30, "snapshots and clip of the first")
    console.check_nothing_lost_or_doubled()


def test_a_killed_supervisor_takes_its_workers_along_and_starts_anew(node):
    site, console, process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    workers = site.workers(process)
    process.kill()
    process.wait(10)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 15, "the workers' end")
    wait_for(lambda: console.status[-1].status == "offline", 60, "the last will")
    site.start_node()
    closed = wait_for(lambda: [e for e in console.events if e.state == "closed"], 60, "the orphan's end")[0]
    assert closed.event_id == opened.event_id
    wait_for(lambda: len(console.opened()) >= 2, 60, "the next event")
    wait_for(lambda: console.has_proof(opened.event_id), 30, "snapshots and clip of the first")
    console.check_nothing_lost_or_doubled()


def test_a_killed_broker_delays_and_loses_nothing(node):
    site, console, _process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    broker = site.processes[0]
    listing = Path(f"/proc/{broker.pid}/task/{broker.pid}/children").read_text().split()
    for pid in [int(pid) for pid in listing] + [broker.pid]:
        os.kill(pid, signal.SIGKILL)
    broker.wait(10)
    outbox = SqliteOutbox(site.folder / "state/outbox.sqlite")
    wait_for(lambda: outbox.figures().rows >= 2, 60, "messages that wait")
    site.start_broker()
    wait_for(lambda: outbox.figures().rows == 0, 60, "their delivery")
    outbox.close()
    wait_for(lambda: console.has_proof(opened.event_id), 30, "snapshots and clip of the first")
    console.check_nothing_lost_or_doubled()


def test_what_the_console_has_not_committed_stays_in_the_outbox_and_is_told_again(node):
    site, console, process = node
    console.commits = False
    wait_for(lambda: len(console.copies) >= 2, 60, "messages that reach the console")
    outbox = SqliteOutbox(site.folder / "state/outbox.sqlite")
    heard = set(console.copies)
    assert {(outbox.outbox_id, row.sequence) for row in outbox.waiting(0, 1000)} >= heard
    process.kill()
    process.wait(10)
    console.commits = True
    site.start_node()
    wait_for(lambda: heard <= set(console.numbers), 60, "the same messages again")
    assert all(console.copies[number] >= 2 for number in heard)
    wait_for(
        lambda: outbox.waiting(0, 1)[:1] == [] or outbox.waiting(0, 1)[0].sequence > max(heard)[1], 30, "their end"
    )
    outbox.close()
    console.check_nothing_lost_or_doubled()


def test_a_second_node_on_the_same_folder_is_refused(node):
    site, console, _process = node
    wait_for(lambda: console.health, 30, "the first node")
    second = site.start_node()
    assert second.wait(30) == 2
    assert "another node already runs" in (site.folder / "edge.log").read_text()
