"""A clip comes over a line that breaks all the time: a real console, a real box's uploader, a proxy between them."""

import hashlib
import random
import select
import socket
import socketserver
import threading
import time
import uuid
from pathlib import Path

import pytest
from ports import free_port

from broker.contract import codec, topics
from broker.contract.messages import EventMessage, EvidenceFile, EvidenceMessage
from console.app.server import make_server
from console.app.settings import Settings
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.uploader import CHUNK_BYTES, ConsoleAddress, Uploader

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
EVENT_ID = str(uuid.UUID(int=9))
CLIP = random.Random(5).randbytes(6 * CHUNK_BYTES + 123_457)
SHA = hashlib.sha256(CLIP).hexdigest()


class BreakingLine(socketserver.ThreadingTCPServer):
    """Passes connections on; cuts each after so many bytes towards the console, as long as there are `cuts` left."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, port: int, cuts: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port, self.cuts, self.made, self.carried = port, cuts, 0, 0


class _Connection(socketserver.BaseRequestHandler):
    server: BreakingLine

    def handle(self) -> None:
        left = self.server.cuts.pop(0) if self.server.cuts else None
        with socket.create_connection(("127.0.0.1", self.server.port)) as console:
            while True:
                ready, _, _ = select.select([self.request, console], [], [], 30)
                if not ready:
                    return
                for one in ready:
                    data = one.recv(16_384)
                    if not data:
                        return
                    if one is console:
                        self.request.sendall(data)
                        continue
                    if left is not None and len(data) >= left:
                        console.sendall(data[:left])
                        self.server.carried += left
                        self.server.made += 1
                        return
                    left = None if left is None else left - len(data)
                    console.sendall(data)
                    self.server.carried += len(data)


@pytest.fixture
def console_port(desk, tmp_path):
    port = free_port()
    server, door = make_server(Settings(folder=tmp_path, port=port), desk.console.web)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    yield port
    server.should_exit = True
    thread.join(20)


def announce(desk, file: EvidenceFile) -> None:
    facts = {"event_id": EVENT_ID, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
    event = EventMessage(**facts, opened_at_s=desk.clock(), captured_at_s=desk.clock())
    message = EvidenceMessage(event_id=EVENT_ID, revision=1, camera="gate", files=(file,))
    for number, (topic, content) in enumerate(((topics.EVENT, event), (topics.EVIDENCE, message)), 1):
        desk.intake.take(topic.of("n1"), codec.encode(topic, "n1", content, desk.clock(), "box", number))


@pytest.fixture
def outbox(desk, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(CLIP)
    facts = {"role": "clip", "name": "clip.mp4", "media_type": "video/mp4", "begins_at_s": 1.0, "ends_at_s": 2.0}
    clip = EvidenceFile(**facts, bytes=len(CLIP), sha256=SHA)
    announce(desk, clip)
    box = SqliteOutbox(tmp_path / "outbox.sqlite")
    box.put_evidence(EVENT_ID, "gate", [(clip, path)], 1.0)
    yield box
    box.close()


def upload(desk, outbox: SqliteOutbox, folder: Path, line: BreakingLine) -> None:
    """Until the outbox is empty; a box that starts anew in the middle as well."""
    (folder / "token").write_text(desk.token)
    address = ConsoleAddress(f"http://127.0.0.1:{line.server_address[1]}", folder / "token")
    deadline = time.monotonic() + 60
    for life in range(2):
        uploader, stop = Uploader(address, outbox), threading.Event()
        thread = threading.Thread(target=uploader.run, args=(stop,))
        thread.start()
        while outbox.uploads(1) and (life or line.made < 4):
            assert time.monotonic() < deadline, uploader.fault
            time.sleep(0.01)
        stop.set()
        thread.join(20)


def test_a_clip_goes_on_where_it_was_cut_and_hardly_a_byte_comes_twice(desk, console_port, outbox, tmp_path):
    chance = random.Random(7)
    line = BreakingLine(console_port, [chance.randrange(50_000, 900_000) for _ in range(12)])
    threading.Thread(target=line.serve_forever, daemon=True).start()
    upload(desk, outbox, tmp_path, line)
    line.shutdown()
    line.server_close()
    assert line.made >= 8, "the line did not break"
    assert outbox.uploads(1) == []
    assert desk.console.web.state.context.files.path(SHA).read_bytes() == CLIP
    assert list((tmp_path / "evidence/unfinished").iterdir()) == []
    twice = line.carried - len(CLIP)  # heads of requests among them
    print(f"{line.made} cuts, {len(CLIP)} bytes, {twice} carried besides or twice")
    assert twice < 0.05 * len(CLIP)
