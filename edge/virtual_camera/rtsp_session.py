"""One client's conversation with the RTSP server."""

import asyncio
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from edge.core.ports import Clock
from edge.virtual_camera.digest import challenge, proves
from edge.virtual_camera.media import AccessUnit
from edge.virtual_camera.rtp import Packetiser, session_description

if TYPE_CHECKING:
    from edge.virtual_camera.rtsp_server import Stream

MAX_REQUEST_BYTES = 16_384
MAX_QUEUED_BYTES = 4_000_000  # a client that lags by more loses pictures; the others never notice
REPORT_S = 5.0
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One RTSP request."""

    method: str
    url: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """Path of the stream, without the track."""
        return re.sub(r"/?trackID=\d+$", "", urlsplit(self.url).path).strip("/")


class BadRequestError(Exception):
    """Bytes that are no RTSP request."""


def parse_request(text: str) -> Request:
    """A request from its head. Raises BadRequestError."""
    first, *rest = text.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[2].startswith("RTSP/1."):
        raise BadRequestError(first[:100])
    headers = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    try:
        urlsplit(parts[1])
    except ValueError as error:
        raise BadRequestError(parts[1][:100]) from error
    return Request(parts[0], parts[1], headers)


class Viewer:
    """One client watching one stream, over the RTSP connection or over UDP."""

    def __init__(self, stream: "Stream", session: "RtspSession", deliver: Callable[[bytes, bool], bool]) -> None:
        """deliver: sends a packet (True: RTCP) and says whether there was room for it."""
        self._stream, self._session, self._deliver = stream, session, deliver
        self._packetiser = Packetiser(stream.clip.codec, session.ssrc, session.ssrc & 0xFFFF, session.ssrc)
        self._report_due_s = float("-inf")
        self._waits_for_key = False
        self.pictures_dropped = 0

    def send(self, unit: AccessUnit) -> None:
        """Sends one picture; after a dropped one, nothing until the next key frame."""
        if self._waits_for_key and not unit.key:
            self.pictures_dropped += 1
            return
        self._waits_for_key = False
        clock = self._session.clock
        if clock.monotonic_s() >= self._report_due_s:
            self._report_due_s = clock.monotonic_s() + REPORT_S
            self._deliver(self._packetiser.sender_report(unit.pts_s, clock.wall_s()), True)
        for packet in self._packetiser.packets(unit):
            if not self._deliver(self._stream.faults.damaged(packet), False):
                self._waits_for_key = True
                self.pictures_dropped += 1
                return

    def close(self) -> None:
        """Ends the whole connection."""
        self._session.close()


class RtspSession:
    """Reads requests, answers them, and carries the interleaved packets of its viewers."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        find: Callable[[str], "Stream | None"],
        clock: Clock,
        ssrc: int,
    ) -> None:
        self._reader, self._writer, self._find = reader, writer, find
        self.clock, self.ssrc = clock, ssrc
        self._nonce, self._challenge = challenge()
        self._stream: Stream | None = None
        self._viewer: Viewer | None = None
        self._udp: asyncio.DatagramTransport | None = None

    async def serve(self) -> None:
        """Until the client goes or says something that is no RTSP."""
        try:
            while (text := await self._head()) is not None:
                await self._answer(text)
                await self._writer.drain()
        except (OSError, EOFError, BadRequestError, asyncio.LimitOverrunError):
            pass
        finally:
            self._leave()
            self.close()

    async def _head(self) -> str | None:
        """The next request's head; interleaved packets from the client (its receiver reports) are passed over."""
        while True:
            first = await self._reader.read(1)
            if not first:
                return None
            if first == b"$":
                _, length = struct.unpack("!BH", await self._reader.readexactly(3))
                await self._reader.readexactly(length)
                continue
            rest = await self._reader.readuntil(b"\r\n\r\n")
            if len(rest) > MAX_REQUEST_BYTES:
                raise BadRequestError("too long")
            text = (first + rest).decode("utf-8", "replace").strip("\r\n")
            length = re.search(r"(?im)^content-length:\s*(\d{1,5})\s*$", text)
            if length:
                await self._reader.readexactly(int(length[1]))
            return text

    async def _answer(self, text: str) -> None:
        try:
            request = parse_request(text)
        except BadRequestError:
            self._reply(400, {})
            return
        headers = {"CSeq": request.headers.get("cseq", "0")}
        if request.method == "OPTIONS":
            self._reply(200, {**headers, "Public": "DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, OPTIONS"})
            return
        stream = self._find(request.path) or self._stream
        if stream is None:
            self._reply(404, headers)
            return
        if not self._may(request, stream):
            self._reply(401, {**headers, "WWW-Authenticate": self._challenge})
            return
        handlers: dict[str, Callable[[Request, Stream], Any]] = {
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "TEARDOWN": self._teardown,
            "GET_PARAMETER": lambda _request, _stream: (200, {}),
            "SET_PARAMETER": lambda _request, _stream: (200, {}),
        }
        handler = handlers.get(request.method)
        if handler is None:
            self._reply(501, headers)
            return
        result = handler(request, stream)
        status, more, *body = await result if asyncio.iscoroutine(result) else result
        self._reply(status, {**headers, **more}, *body)
        if request.method == "PLAY" and status == 200 and self._viewer is not None:
            stream.join(self._viewer)

    def _may(self, request: Request, stream: "Stream") -> bool:
        if stream.faults.refuses:
            return False
        header = request.headers.get("authorization", "")
        return stream.account is None or proves(header, request.method, stream.account, self._nonce)

    def _describe(self, request: Request, stream: "Stream") -> tuple[int, dict[str, str], str]:
        base = request.url.rstrip("/") + "/"
        return (
            200,
            {"Content-Base": base, "Content-Type": "application/sdp"},
            session_description(stream.clip, self._writer.get_extra_info("sockname")[0]),
        )

    async def _setup(self, request: Request, stream: "Stream") -> tuple[int, dict[str, str]]:
        transport = request.headers.get("transport", "")
        interleaved = re.search(r"interleaved=(\d{1,3})-(\d{1,3})", transport)
        ports = re.search(r"client_port=(\d{1,5})-(\d{1,5})", transport)
        if "RTP/AVP/TCP" in transport and interleaved:
            channels = int(interleaved[1]) & 0xFF, int(interleaved[2]) & 0xFF
            self._viewer = Viewer(stream, self, lambda packet, rtcp: self._interleave(channels[rtcp], packet))
            answer = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"
        elif "RTP/AVP" in transport and ports and max(int(ports[1]), int(ports[2])) < 65536:
            answer = await self._setup_udp(stream, (int(ports[1]), int(ports[2])))
        else:
            return 461, {}
        self._stream = stream
        return 200, {"Transport": f"{answer};ssrc={self.ssrc:08X}", "Session": f"{self.ssrc:08X};timeout=60"}

    async def _setup_udp(self, stream: "Stream", ports: tuple[int, int]) -> str:
        host = self._writer.get_extra_info("peername")[0]
        local = self._writer.get_extra_info("sockname")[0]
        loop = asyncio.get_running_loop()
        udp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(local, 0))
        self._udp = udp

        def deliver(packet: bytes, rtcp: bool) -> bool:
            udp.sendto(packet, (host, ports[rtcp]))
            return True

        self._viewer = Viewer(stream, self, deliver)
        port = udp.get_extra_info("sockname")[1]
        return f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]};server_port={port}-{port}"

    def _play(self, _request: Request, _stream: "Stream") -> tuple[int, dict[str, str]]:
        if self._viewer is None:
            return 455, {}
        return 200, {"Session": f"{self.ssrc:08X}", "Range": "npt=0.000-"}

    def _teardown(self, _request: Request, _stream: "Stream") -> tuple[int, dict[str, str]]:
        self._leave()
        return 200, {}

    def _interleave(self, channel: int, packet: bytes) -> bool:
        if self._writer.transport.get_write_buffer_size() > MAX_QUEUED_BYTES:
            return False
        self._writer.write(struct.pack("!BBH", 0x24, channel, len(packet)) + packet)
        return True

    def _reply(self, status: int, headers: dict[str, str], body: str = "") -> None:
        lines = [f"RTSP/1.0 {status} {_REASONS[status]}", *(f"{name}: {value}" for name, value in headers.items())]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _leave(self) -> None:
        if self._stream is not None and self._viewer is not None:
            self._stream.viewers.discard(self._viewer)
        if self._udp is not None:
            self._udp.close()
        self._viewer = self._udp = None

    def close(self) -> None:
        """Ends the connection at once."""
        self._writer.close()
