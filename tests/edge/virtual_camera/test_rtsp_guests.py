"""What one guest of the RTSP server does to the others: nothing, whatever is said, and however long nothing is said."""

import logging
import re
import socket
import struct
import threading
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.digest import Account
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import MAX_SESSIONS, RtspServer, RunningServer, VirtualCamera, serve_cameras

FPS = 25.0
SETUP = "SETUP {url}open/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
PLAY = "PLAY {url}open RTSP/1.0\r\nCSeq: 2\r\n\r\n"


def pictures() -> PictureList:
    return PictureList([np.full((48, 64, 3), 20 * number, np.uint8) for number in range(10)], FPS)


@pytest.fixture(scope="module")
def server():
    clip = encode(pictures())
    cameras = [VirtualCamera("open", clip, sub=clip), VirtualCamera("shut", clip, account=Account("guard", "word"))]
    with serve_cameras(cameras, SystemClock()) as running:
        yield running


class Watcher:
    """A guest who behaves: takes packets over TCP and counts them."""

    def __init__(self, server):
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self._file = self._socket.makefile("rb")
        for request in (SETUP, PLAY):
            self._socket.sendall(request.format(url=server.url("")).encode())
            assert b" 200 " in self._file.readline()
            while self._file.readline().strip():
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()

    def sequence(self) -> int:
        """Number of the next RTP packet."""
        while True:
            mark, channel, length = struct.unpack("!BBH", self._file.read(4))
            assert mark == 0x24
            packet = self._file.read(length)
            if channel == 0:
                return int.from_bytes(packet[2:4], "big")


METHODS = st.sampled_from(
    ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER", "RECORD", "X"]
)
PATHS = st.sampled_from(["open", "open/sub", "open/trackID=0", "shut", "nowhere", "", "../open", "%zz", "open?x=1"])
TRANSPORTS = st.one_of(
    st.sampled_from(["RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP/TCP;interleaved=9-0", "RTP/AVP;client_port=9-10"]),
    st.text("RTP/AVTCUD;,=-client_por0123456789", max_size=50),
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)
HEADERS = st.one_of(
    st.tuples(st.just("Transport"), TRANSPORTS),
    st.tuples(st.just("Session"), st.one_of(st.just("00000000"), WORDS)),
    st.tuples(st.just("Authorization"), WORDS.map("Digest {}".format)),
    st.tuples(st.sampled_from(["Range", "Require", "CSeq", "X-\u00e9"]), WORDS),
)
FRAMES = st.tuples(st.integers(0, 255), st.binary(max_size=40)).map(
    lambda one: struct.pack("!BBH", 0x24, one[0], len(one[1])) + one[1]
)


@st.composite
def requests(draw):
    """A request in due form, though it may ask for anything."""
    lines = [f"{draw(METHODS)} rtsp://127.0.0.1/{draw(PATHS)} RTSP/1.0"]
    lines += [f"{name}: {value}" for name, value in draw(st.lists(HEADERS, max_size=4))]
    body = draw(st.one_of(st.just(b""), st.binary(max_size=30)))
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def said_and_heard(server, words: bytes) -> bytes:
    """Says all of it, says that there is no more, and hears the server out."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        teller = threading.Thread(target=_tell, args=(client, words))
        teller.start()
        heard = b""
        while part := client.recv(65_536):
            heard += part
        teller.join()
    return heard


def _tell(client: socket.socket, words: bytes) -> None:
    client.sendall(words)
    client.shutdown(socket.SHUT_WR)


def answers_in(heard: bytes) -> int:
    """How many answers there are; fails on anything that is neither an answer nor an interleaved packet."""
    count = 0
    while heard:
        if heard[0] == 0x24:
            heard = heard[4 + int.from_bytes(heard[2:4], "big") :]
            continue
        head, end, rest = heard.partition(b"\r\n\r\n")
        assert end
        assert re.match(rb"RTSP/1\.0 \d{3} [A-Za-z ]+\r\nCSeq: \d+(\r\n[A-Za-z-]+: [^\r\n]*)*$", head), head
        length = re.search(rb"Content-Length: (\d+)", head)
        heard = rest[int(length[1]) if length else 0 :]
        count += 1
    return count


@pytest.mark.system
@settings(max_examples=60, derandomize=True, deadline=None)
@given(talk=st.lists(st.one_of(requests(), FRAMES), min_size=1, max_size=8))
def test_each_request_of_any_conversation_gets_one_answer(server, talk):
    asked = sum(part[0] != 0x24 for part in talk)
    assert answers_in(said_and_heard(server, b"".join(talk))) == asked


@pytest.mark.system
def test_who_talks_nonsense_harms_nobody(server, caplog):
    """Broken conversations beside somebody who watches and must not lose a packet."""
    with Watcher(server) as watcher, caplog.at_level(logging.WARNING):
        numbers = [watcher.sequence()]

        @settings(max_examples=60, derandomize=True, deadline=None)
        @given(talk=st.lists(st.one_of(requests(), FRAMES, st.binary(max_size=60)), max_size=6), cut=st.integers(0, 60))
        def talks(talk, cut):
            words = b"".join(talk)
            said_and_heard(server, words[: max(0, len(words) - cut)])
            numbers.append(watcher.sequence())

        talks()
        assert all(b == (a + 1) % 65_536 for a, b in pairwise(numbers))
    assert not caplog.records


@pytest.mark.system
def test_who_says_nothing_is_shown_out_and_who_watches_is_not():
    cameras = [VirtualCamera("open", encode(pictures()))]
    with RunningServer(RtspServer(cameras, SystemClock(), idle_s=0.3)) as server, Watcher(server) as watcher:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as silent:
            assert silent.recv(1) == b""
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
            slow.sendall(b"OPTIONS * RT")
            assert slow.recv(1) == b""
        numbers = [watcher.sequence() for _ in range(20)]  # 0.8 s
        assert all(b == (a + 1) % 65_536 for a, b in pairwise(numbers))


@pytest.mark.system
def test_there_is_room_for_so_many_and_no_more():
    with (
        serve_cameras([VirtualCamera("open", encode(pictures()))], SystemClock()) as server,
        Watcher(server) as watcher,
    ):
        guests = []
        for _ in range(MAX_SESSIONS - 1):
            guests.append(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            guests[-1].sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            assert guests[-1].recv(1000).startswith(b"RTSP/1.0 200")
        one_too_many = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with one_too_many, suppress(ConnectionResetError):
            assert one_too_many.recv(1) == b""
        assert watcher.sequence() >= 0
        for guest in guests:
            guest.close()


class SlowSource:
    """Pictures whose making hangs until it is let go."""

    width, height, fps, picture_count = 64, 48, FPS, 10

    def __init__(self):
        self.hangs, self.go_on = threading.Event(), threading.Event()

    def picture(self, number):
        if number == 3:
            self.hangs.set()
            self.go_on.wait(20)
        return np.full((48, 64, 3), 20 * number, np.uint8)


@pytest.mark.system
def test_a_picture_that_takes_long_holds_up_nothing_but_its_own_stream():
    slow = SlowSource()
    cameras = [VirtualCamera("slow", slow), VirtualCamera("open", encode(pictures()))]
    with serve_cameras(cameras, SystemClock()) as server:
        assert slow.hangs.wait(10)
        with Watcher(server) as watcher:
            assert all(b == (a + 1) % 65_536 for a, b in pairwise([watcher.sequence() for _ in range(30)]))
            server.fault("open", "black")  # faults are taken and other pictures are coded meanwhile
            assert all(b == (a + 1) % 65_536 for a, b in pairwise([watcher.sequence() for _ in range(30)]))
        slow.go_on.set()
