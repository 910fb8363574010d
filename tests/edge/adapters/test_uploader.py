"""Files against a console that answers oddly: resumed, sent again, given up only where sending can never help.

The sound console is the real one, in tests/console/test_evidence_files.py.
"""

import hashlib
import threading
import uuid

import httpx
import pytest

from broker.contract.messages import EvidenceFile
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.uploader import CHUNK_BYTES, ConsoleAddress, Uploader

CONTENT = bytes(range(256)) * (CHUNK_BYTES // 256) * 2 + b"the rest"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class OddConsole:
    """Takes files as the console does, but fails as it is told; stops the uploader after some requests."""

    def __init__(self, stop: threading.Event, requests: int) -> None:
        self.held, self.answers, self.requests = b"", [], []
        self._stop, self._left = stop, requests

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.method, request.headers.get("Upload-Offset")))
        self._left -= 1
        if self._left <= 0:
            self._stop.set()
        if self.answers and (answer := self.answers.pop(0)) is not None:
            return answer
        if request.method == "PATCH":
            self.held += request.read()
            return httpx.Response(204)
        if not request.url.path.endswith(SHA256):
            return httpx.Response(200, headers={"Upload-Offset": "0", "Upload-Complete": "?0"})
        complete = hashlib.sha256(self.held).hexdigest() == SHA256
        headers = {"Upload-Offset": str(len(self.held)), "Upload-Complete": "?1" if complete else "?0"}
        return httpx.Response(200, headers=headers)


@pytest.fixture
def outbox(tmp_path):
    box = SqliteOutbox(tmp_path / "o.sqlite")
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    facts = {"role": "clip", "name": "clip.mp4", "media_type": "video/mp4", "begins_at_s": 1.0, "ends_at_s": 2.0}
    clip = EvidenceFile(**facts, bytes=len(CONTENT), sha256=SHA256)
    box.put_evidence(str(uuid.UUID(int=1)), "gate", [(clip, path)], 1.0)
    yield box
    box.close()


@pytest.fixture
def run(outbox, monkeypatch):
    monkeypatch.setattr("edge.adapters.uploader.POLL_S", 0.01)
    monkeypatch.setattr("edge.adapters.uploader.BACKOFF_MAX_S", 0.02)

    def play(answers=(), requests=12, held=b"") -> OddConsole:
        stop = threading.Event()
        console = OddConsole(stop, requests)
        console.answers, console.held = list(answers), held
        client = httpx.Client(transport=httpx.MockTransport(console), base_url="http://console")
        uploader = Uploader(ConsoleAddress("", outbox), outbox, client)
        thread = threading.Thread(target=uploader.run, args=(stop,))
        thread.start()
        for _ in range(500):
            thread.join(0.02)
            if not outbox.uploads(1):
                stop.set()
            if not thread.is_alive():
                break
        assert not thread.is_alive()
        console.fault = uploader.fault
        return console

    return play


def test_a_file_goes_over_in_pieces_and_is_then_forgotten_here(outbox, run, tmp_path):
    console = run()
    assert console.held == CONTENT
    assert outbox.uploads(1) == []
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT  # housekeeping deletes it when its time is over
    assert [offset for method, offset in console.requests if method == "PATCH"] == ["0", "1048576", "2097152"]


def test_a_cut_in_the_middle_is_resumed_where_it_broke_off(outbox, run):
    console = run([None, None, httpx.Response(503)])
    assert console.held == CONTENT
    assert [offset for method, offset in console.requests if method == "PATCH"] == [
        "0",
        "1048576",  # refused
        "1048576",
        "2097152",
    ]


def test_a_half_sent_file_of_an_earlier_life_is_gone_on_with(outbox, run):
    console = run(held=CONTENT[:1000])
    assert console.held == CONTENT
    assert console.requests[1] == ("PATCH", "1000")


def test_a_file_that_was_damaged_on_the_way_is_sent_again(outbox, run, caplog):
    console = run([None, httpx.Response(422)])
    assert console.held == CONTENT
    assert outbox.uploads(1) == []
    assert "it is sent again" in caplog.text


def test_a_file_damaged_on_this_disk_is_given_up_and_told(outbox, run, tmp_path, caplog):
    (tmp_path / "clip.mp4").write_bytes(CONTENT[:-1] + b"?")
    run([None, None, None, httpx.Response(422)])
    assert outbox.uploads(1) == []
    assert "is damaged on this disk; it is given up" in caplog.text


@pytest.mark.parametrize("content", [CONTENT[:5000], CONTENT + b"and more"])
def test_a_file_of_another_length_than_was_announced_is_given_up_and_told(outbox, run, tmp_path, content):
    (tmp_path / "clip.mp4").write_bytes(content)
    console = run()
    assert outbox.uploads(1) == []
    assert "PATCH" not in [method for method, _ in console.requests]


def test_a_file_that_is_too_large_for_the_console_is_given_up_told_and_kept(outbox, run, tmp_path, caplog):
    console = run([None, httpx.Response(422, json={"error": "file_too_large"})])
    assert outbox.uploads(1) == []
    assert [method for method, _ in console.requests] == ["HEAD", "PATCH"]
    assert "is larger than the console takes" in caplog.text
    told = [row.message for row in outbox.waiting(0, 10)][-1]
    assert (told.missing_code, told.files) == ("too_large", ())
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT


def test_of_a_file_that_is_not_announced_yet_nothing_is_sent(outbox, run):
    console = run([httpx.Response(425)], requests=1)
    assert [method for method, _ in console.requests] == ["HEAD"]


def test_a_place_to_go_on_that_is_no_number_is_a_fault_that_is_outlived(outbox, run):
    console = run([httpx.Response(200, headers={"Upload-Offset": "soon"})])
    assert console.held == CONTENT


def test_a_file_that_cant_be_read_is_tried_again_and_holds_up_no_other(outbox, run, tmp_path, caplog):
    broken = tmp_path / "broken.jpg"
    broken.mkdir()  # reading it raises IsADirectoryError, as a dying card raises EIO
    facts = {"role": "snapshot", "name": "a.jpg", "media_type": "image/jpeg", "begins_at_s": 1.0, "ends_at_s": 1.0}
    picture = EvidenceFile(**facts, bytes=3, sha256="a" * 64)
    outbox.put_evidence(str(uuid.UUID(int=2)), "gate", [(picture, broken)], 2.0)
    assert outbox.uploads(2)[0].path == broken
    console = run(requests=7)
    assert console.held == CONTENT
    assert [upload.path for upload in outbox.uploads(2)] == [broken]
    assert console.fault == ""
    assert len([line for line in caplog.messages if "can't be read" in line]) == 1


def test_a_file_that_is_gone_is_told_and_forgotten(outbox, run, tmp_path, caplog):
    (tmp_path / "clip.mp4").unlink()
    run()
    assert outbox.uploads(1) == []
    assert "is gone from the disk" in caplog.text
    told = outbox.waiting(0, 9)[-1].message
    assert (told.files, told.missing) == ((), "clip.mp4 is gone from the disk and can't be uploaded")
