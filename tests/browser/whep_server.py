"""A small media server with a real WebRTC end (aiortc): it answers WHEP offers with a drawn, moving picture."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from av import VideoFrame

WIDTH_PX, HEIGHT_PX, RATE = 320, 180, 10
LOGIN = ("console", "of-the-console")


class Drawn(VideoStreamTrack):
    """A white bar that walks over a grey ground."""

    def __init__(self, server: "MediaServer") -> None:
        super().__init__()
        self._server, self._number = server, 0

    async def recv(self) -> VideoFrame:
        await asyncio.sleep(1 / RATE)
        while self._server.frozen:
            await asyncio.sleep(1 / RATE)
        picture = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
        left = self._number * 8 % (WIDTH_PX - 20)
        picture[:, left : left + 20] = 255
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._number * 90_000 // RATE, Fraction(1, 90_000)
        self._number += 1
        return frame


@dataclass
class MediaServer:
    """What was asked for, and by whom. peers: connections, by the loop of `thread`."""

    port: int = 0
    frozen: bool = False  # the camera has gone, the connection stays
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Authorization
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    peers: list[RTCPeerConnection] = field(default_factory=list)

    async def answer(self, offer: str) -> str:
        """The answer to an offer."""
        peer = RTCPeerConnection()
        self.peers.append(peer)
        peer.addTrack(Drawn(self))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    async def close(self) -> None:
        """Ends every connection."""
        for peer in self.peers:
            await peer.close()


@contextmanager
def media_server() -> Iterator[MediaServer]:
    """Serves /gate, which needs LOGIN, and no other camera."""
    server = MediaServer()
    expected = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()

    class Whep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.asked.append((self.path, self.headers.get("Authorization", "")))
            offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
            known = "/gate/" in self.path and self.headers.get("Authorization") == expected
            answer = asyncio.run_coroutine_threadsafe(server.answer(offer), server.loop).result(10) if known else ""
            self.send_response(201 if known else 404)
            self.send_header("Content-Type", "application/sdp")
            self.send_header("Content-Length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            """Silent."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Whep)
    server.port = http.server_port
    threads = [threading.Thread(target=run, daemon=True) for run in (server.loop.run_forever, http.serve_forever)]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        asyncio.run_coroutine_threadsafe(server.close(), server.loop).result(10)
        server.loop.call_soon_threadsafe(server.loop.stop)
