"""kill -9 at chosen places of the proving and the telling: while a clip is written, before it is told, in an upload.

The processes are real and die for real; only the place where they stand still to be killed is arranged.
"""

import hashlib
import multiprocessing
import os
import signal
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from broker.contract.messages import EventMessage, EvidenceFile
from console.web.file_store import FileStore
from edge.adapters import clip_writer
from edge.adapters.clip_writer import file_sha256
from edge.adapters.recorder import Recorder
from edge.adapters.reference_file import ReferenceFile
from edge.adapters.sqlite_outbox import ClipJob, SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.adapters.track_log import TrackLog
from edge.adapters.uploader import CHUNK_BYTES, ConsoleAddress, Uploader
from edge.app.camera_line import CameraLine
from edge.app.clip_desk import ClipDesk
from edge.app.lens_watch import LensWatch
from edge.config.schema import CameraSection
from edge.pipeline.mailbox import Mailbox

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

EPOCH_S = 1_790_000_000.0
EVENT_ID = str(uuid.UUID(int=1))
CONTENT = bytes(range(256)) * (CHUNK_BYTES // 256) * 3 + b"the end"


class Until:
    """A stop that comes by itself after some turns."""

    def __init__(self, turns: int) -> None:
        self._turns = turns

    def is_set(self) -> bool:
        self._turns -= 1
        return self._turns < 0


def desk(folder: Path, outbox: SqliteOutbox) -> ClipDesk:
    section = CameraSection(name="gate", url="rtsp://192.0.2.1/a")
    lens = LensWatch("gate", ReferenceFile(folder / "references", "gate"))
    line = CameraLine(section, folder / "rec", Mailbox(), SystemClock(), lambda: (), lens)
    return ClipDesk(
        folder / "evidence",
        outbox,
        {"gate": line},
        {"gate": TrackLog(folder / "tracks", 60.0, lambda: None)},
        SystemClock(),
    )


def stand_still(ready) -> None:
    ready.set()
    threading.Event().wait()


def cut_and_stand_still(folder: str, place: str, ready) -> None:
    """A worker's clip thread that stops at `place`, to be killed there."""
    outbox = SqliteOutbox(Path(folder) / "o.sqlite")
    if place == "in the middle of the clip":
        whole = clip_writer._copies

        def copies(piece):
            for number, copy in enumerate(whole(piece)):
                if number == 10:
                    stand_still(ready)
                yield copy

        clip_writer._copies = copies
    else:
        outbox.put_evidence = lambda *_a, **_k: stand_still(ready)
    made = desk(Path(folder), outbox)
    made._to_retake.clear()  # the snapshots would be told first
    made.run(Until(5))


def upload_and_stand_still(folder: str, port: int) -> None:
    """A supervisor's upload thread; the console stands still."""
    outbox = SqliteOutbox(Path(folder) / "o.sqlite")
    Uploader(ConsoleAddress(f"http://127.0.0.1:{port}", Path(folder) / "token"), outbox).run(threading.Event())


def killed_when_ready(target, *arguments, ready) -> None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    assert ready.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)


@pytest.mark.parametrize("place", ["in the middle of the clip", "between the clip and its telling"])
def test_a_worker_killed_at_its_clip_makes_it_once_and_whole(tmp_path, make_video, record, payloads_of, place):
    fed = record(Recorder(tmp_path / "rec", 2.0, 10**9), make_video())
    outbox = SqliteOutbox(tmp_path / "o.sqlite")
    facts = {"rule": "loitering", "camera": "gate", "opened_at_s": EPOCH_S + 1, "captured_at_s": EPOCH_S + 1}
    event = EventMessage(event_id=EVENT_ID, revision=1, state="open", **facts)
    outbox.put_event(event, 1.0, ClipJob(EVENT_ID, "gate", EPOCH_S + 1, EPOCH_S, EPOCH_S + 6))
    ready = multiprocessing.get_context("spawn").Event()
    killed_when_ready(cut_and_stand_still, str(tmp_path), place, ready, ready=ready)
    assert [row.kind for row in outbox.waiting(0, 9)] == ["event"]
    whole = list((tmp_path / "evidence").rglob("clip-*.mp4"))
    assert len(whole) == (place != "in the middle of the clip")  # no half clip ever bears a clip's name
    desk(tmp_path, outbox).run(Until(5))
    evidence = [row.message for row in outbox.waiting(0, 9) if row.kind == "evidence"]
    assert [message.revision for message in evidence] == [1, 2]
    assert sorted(file.role for file in evidence[-1].files) == ["clip", "snapshot", "snapshot_boxes"]
    told = next(file for file in evidence[-1].files if file.role == "clip")
    (upload,) = [upload for upload in outbox.uploads(9) if upload.media_type == "video/mp4"]
    assert upload.sha256 == told.sha256 == file_sha256(upload.path)
    assert payloads_of(upload.path) == fed.payloads
    assert not list((tmp_path / "evidence").rglob("*.part"))
    desk(tmp_path, outbox).run(Until(3))
    assert len([row for row in outbox.waiting(0, 9) if row.kind == "evidence"]) == 2
    outbox.close()


class HalfDeafConsole(ThreadingHTTPServer):
    """The console's file intake over real HTTP, on its real file store; stops answering after `deaf_after` pieces."""

    daemon_threads = True

    def __init__(self, folder: Path, deaf_after: int) -> None:
        super().__init__(("127.0.0.1", 0), FileRequest)
        self.files, self.deaf_after = FileStore(folder), deaf_after
        self.deaf, self.offsets = threading.Event(), []


class FileRequest(BaseHTTPRequestHandler):
    """One request for a file, by the names of the console's own routes."""

    server: HalfDeafConsole

    def log_message(self, *_words) -> None:
        pass

    def answer(self, status: int, sha256: str) -> None:
        self.send_response(status)
        whole = self.server.files.has(sha256)
        self.send_header("Upload-Offset", str(self.server.files.offset("n1", sha256)))
        self.send_header("Upload-Complete", "?1" if whole else "?0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self.answer(200, self.path.rpartition("/")[2])

    def do_PATCH(self) -> None:
        sha256, offset = self.path.rpartition("/")[2], int(self.headers["Upload-Offset"])
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if len(self.server.offsets) == self.server.deaf_after:
            self.server.deaf.set()
            threading.Event().wait(60)
            return
        self.server.offsets.append(offset)
        if self.server.files.append("n1", sha256, offset, data) == int(self.headers["Upload-Length"]):
            self.server.files.finish("n1", sha256)
        self.answer(204, sha256)


def test_a_supervisor_killed_in_an_upload_goes_on_where_it_broke_off(tmp_path):
    outbox, path = SqliteOutbox(tmp_path / "o.sqlite"), tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    facts = {"role": "clip", "name": "clip.mp4", "media_type": "video/mp4", "begins_at_s": 1.0, "ends_at_s": 2.0}
    outbox.put_evidence(EVENT_ID, "gate", [(EvidenceFile(**facts, bytes=len(CONTENT), sha256=sha256), path)], 1.0)
    (tmp_path / "token").write_text("token")
    console = HalfDeafConsole(tmp_path / "console", deaf_after=2)
    threading.Thread(target=console.serve_forever, daemon=True).start()
    port = console.server_address[1]
    killed_when_ready(upload_and_stand_still, str(tmp_path), port, ready=console.deaf)
    assert [upload.path for upload in outbox.uploads(9)] == [path]
    assert console.files.offset("n1", sha256) == 2 * CHUNK_BYTES
    console.deaf_after = -1
    stop = threading.Event()
    address = ConsoleAddress(f"http://127.0.0.1:{port}", tmp_path / "token")
    again = threading.Thread(target=Uploader(address, outbox).run, args=(stop,))
    again.start()
    for _ in range(600):
        if not outbox.uploads(1):
            break
        again.join(0.05)
    stop.set()
    again.join(10)
    console.shutdown()
    assert console.files.path(sha256).read_bytes() == CONTENT
    assert console.offsets == [0, CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES]
    assert path.read_bytes() == CONTENT  # it stays until housekeeping takes it
    outbox.close()
