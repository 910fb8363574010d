"""RTSP answers of hostile servers into the node, and hostile guests at the virtual camera's own server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from inputs import damaged_bytes
from target import Target, TryOne

from console.web.words import WORDS
from edge.adapters import av_source, stream_faults
from edge.adapters.av_source import AvSource
from edge.adapters.recorder import Recorder
from edge.adapters.rtsp_probe import NotRtsp, describe
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import RtspServer, RunningServer, VirtualCamera, serve_cameras

STREAM_BYTES = 6_000  # of a small picture: some seconds
_ANSWERS = [
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 62\r\n\r\n"
    b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="a", nonce="b", qop="auth"\r\n\r\n',
    b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="a"\r\n\r\n',
    b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n",
    b"RTSP/1.0 461 Unsupported Transport\r\nCSeq: 1\r\n\r\n",
    b"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:1/b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html></html>",
]


class HostileServer:
    """Says to each request of a client the next of `script`, then `after`; then goes, or stays without a word."""

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self.after, self.stays = b"", False
        self._door = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._door.accept()
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(5)
            for answer in list(self.script):
                if not _request(client):
                    return
                client.sendall(answer)
            client.sendall(self.after)
            while self.stays and client.recv(4096):
                pass


def _request(client: socket.socket) -> bytes:
    asked = b""
    while b"\r\n\r\n" not in asked:
        more = client.recv(4096)
        if not more:
            return b""
        asked += more
    return asked


def _asked_by_probe(_folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    server = HostileServer()
    stream_faults.PROBE_S = 0.5

    def probe(answers: list[bytes]) -> bool:
        server.script = answers
        url = f"rtsp://127.0.0.1:{server.port}/a"
        fault = stream_faults.fault_while_opening(ValueError("what libav said"), url, "user", "secret")
        assert fault.code in WORDS["fault"]
        assert "secret" not in fault.sentence
        try:
            return describe(url, "user", "secret", 0.5).status == 200
        except (OSError, ValueError, NotRtsp):  # what its one caller takes for an answer
            return False

    return st.lists(damaged_bytes(_ANSWERS), min_size=1, max_size=3), probe


def _camera() -> VirtualCamera:
    rows = np.arange(64, dtype=np.uint8)[:, None, None]
    pictures = [np.broadcast_to(rows * 3 + number, (64, 64, 3)).astype(np.uint8) for number in range(20)]
    return VirtualCamera("gate", encode(PictureList(pictures, 20.0)))


def _conversation(server: RunningServer) -> Iterator[bytes]:
    """What a sound server says: four answers, then its stream over the same connection."""
    url = server.url("gate")
    with socket.create_connection(("127.0.0.1", server.port), 5) as client:
        session = ""
        transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        for number, (method, more) in enumerate(
            [("OPTIONS", ""), ("DESCRIBE", "Accept: application/sdp\r\n"), ("SETUP", transport), ("PLAY", "")], 1
        ):
            client.sendall(f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\n{more}{session}\r\n".encode())
            answer = client.recv(4096)
            head, end, body = answer.partition(b"\r\n\r\n")
            if method == "PLAY":
                yield head + end
                answer = body
                break
            for line in head.decode().splitlines():
                if line.startswith("Session:"):
                    session = line.split(";")[0] + "\r\n"
            yield answer
        while len(answer) < STREAM_BYTES:
            answer += client.recv(4096)
    yield answer


class _IntoRecorder:
    """What a worker does with packets, less the looking."""

    def __init__(self, folder: Path) -> None:
        self._recorder = Recorder(folder, 4.0, 10_000_000)
        self.frames = 0

    def connected(self, info: Any, template: Any) -> None:
        assert isinstance(info.time_base, Fraction)
        self._recorder.connected(info, template)

    def packet(self, packet: Any, media_s: float, captured_at_s: float) -> None:
        self._recorder.packet(packet, media_s, captured_at_s)

    def frame(self, _frame: Any) -> None:
        self.frames += 1

    def disconnected(self, fault: Any) -> None:
        self._recorder.disconnected(fault)


def _read_by_source(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    av_source.OPEN_TIMEOUT_S, stream_faults.PROBE_S = 1.0, 0.3
    with serve_cameras([_camera()], SystemClock()) as sound:
        answers = list(_conversation(sound))
        answers = [answer.replace(str(sound.port).encode(), b"PORT") for answer in answers]
    server, listener = HostileServer(), _IntoRecorder(folder / "recordings")
    port = str(server.port).encode()

    def connect(said: tuple[list[bytes], bool]) -> bool:
        *server.script, server.after = [answer.replace(b"PORT", port) for answer in said[0]]
        server.stays = said[1]
        address = StreamAddress(f"rtsp://127.0.0.1:{server.port}/gate")
        source = AvSource("gate", address, listener, SystemClock(), analysed_fps=5.0, stall_s=0.5)
        fault = source.run_once(threading.Event())
        assert fault.code in WORDS["fault"], fault
        return source.status.packets > 0

    parts = st.tuples(*(st.just(answer) | damaged_bytes([answer], 3) for answer in answers))
    return st.tuples(parts.map(list), st.integers(0, 9).map(lambda one: one == 0)), connect


_REQUESTS = [
    b"OPTIONS rtsp://a/gate RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    b"DESCRIBE rtsp://a/gate RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n",
    b"SETUP rtsp://a/gate/track RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
    b"PLAY rtsp://a/gate RTSP/1.0\r\nCSeq: 4\r\n\r\n$\1\0\4abcdTEARDOWN rtsp://a/gate RTSP/1.0\r\nCSeq: 5\r\n\r\n",
    b"SETUP rtsp://a/gate RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=4000-4001\r\n\r\n",
    b'DESCRIBE rtsp://a/gate RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Digest username="u", realm="r", nonce="n", uri="u", '
    b'response="x"\r\n\r\n',
]


def _guests(_folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    server = RunningServer(RtspServer([_camera()], SystemClock())).__enter__()  # until the process ends
    numbers = iter(range(10**9))

    def talk(said: bytes) -> bool:
        answer = b""
        with socket.create_connection(("127.0.0.1", server.port), 5) as client, suppress(OSError):
            client.sendall(said)
            client.settimeout(0.02)
            answer = client.recv(4096)
        if next(numbers) % 25 == 0:  # others are served all the same
            assert len(list(_conversation(server))) == 5
        return b" 200 OK" in answer

    return damaged_bytes(_REQUESTS), talk


TARGETS = [
    Target("rtsp-answers-to-probe", _asked_by_probe, guided=True),
    Target("rtsp-answers-to-source", _read_by_source, limit_s=15.0),
    Target("rtsp-guests", _guests),
]
