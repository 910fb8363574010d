"""One client's conversation with the RTSP server."""

import asyncio
import logging
import struct
from collections.abc import Callable

from edge.core.ports import Clock
from edge.virtual_camera.digest import Doorkeeper
from edge.virtual_camera.rtp import Packetiser, session_description
from edge.virtual_camera.rtsp_request import (
    MAX_REQUEST_BYTES,
    Answer,
    BadRequestError,
    Request,
    parse_request,
    parse_transport,
)
from edge.virtual_camera.stream import Stream
from edge.virtual_camera.udp_pair import UdpPair
from edge.virtual_camera.viewer import Viewer

MAX_QUEUED_BYTES = 4_000_000  # a client that lags by more loses pictures; the others never notice
SESSION_TIMEOUT_S = 60  # as told to clients; the good ones say something in half of it
_UDP_BURST_BYTES = 150_000  # systems give a UDP socket about 200 kB unless asked
_log = logging.getLogger(__name__)
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"


class RtspSession:
    """Reads requests, answers them, and carries the interleaved packets of its viewer."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        find: Callable[[str], Stream | None],
        doorkeeper: Doorkeeper,
        clock: Clock,
        ssrc: int,
        idle_s: float,
    ) -> None:
        """idle_s: how long a client may say nothing, unless it takes pictures over this connection."""
        self._reader, self._writer, self._find = reader, writer, find
        self._doorkeeper, self._clock, self._ssrc, self._idle_s = doorkeeper, clock, ssrc, idle_s
        self._stream: Stream | None = None
        self._viewer: Viewer | None = None
        self._udp: UdpPair | None = None

    async def serve(self) -> None:
        """Until the client goes or says something that is no RTSP."""
        try:
            while (text := await self._next_head()) is not None:
                await self._answer(text)
                await self._writer.drain()
        except (OSError, EOFError, TimeoutError):
            pass
        except asyncio.LimitOverrunError:
            self._writer.write(Answer(413).encoded("0"))
        finally:
            self._leave()
            self.close()

    async def _next_head(self) -> str | None:
        watches_here = self._viewer is not None and self._udp is None
        async with asyncio.timeout(None if watches_here else self._idle_s):
            return await self._head()

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
                raise asyncio.LimitOverrunError("too long", len(rest))
            return (first + rest).decode("utf-8", "replace").strip("\r\n")

    async def _answer(self, text: str) -> None:
        cseq = "0"
        try:
            request = parse_request(text)
            given = request.headers.get("cseq", "0")
            cseq = given if given.isascii() and given.isdigit() and len(given) < 12 else "0"
            await self._reader.readexactly(request.body_bytes)
        except BadRequestError as error:
            self._writer.write(Answer(error.status).encoded(cseq))
            if error.status == 413:
                raise EOFError from error  # what follows is the body that was not read
            return
        answer = await self._answer_to(request)
        self._writer.write(answer.encoded(cseq))
        if request.method == "PLAY" and answer.status == 200 and self._viewer and self._stream:
            self._stream.join(self._viewer)

    async def _answer_to(self, request: Request) -> Answer:
        if request.method == "OPTIONS":
            return Answer(200, [("Public", _METHODS)])
        stream = self._find(request.path) or (self._stream if request.path in ("", "*") else None)
        if stream is None:
            return Answer(404)
        return self._refusal(request, stream) or await self._carry_out(request, stream)

    async def _carry_out(self, request: Request, stream: Stream) -> Answer:
        match request.method:
            case "DESCRIBE":
                answer = await self._describe(request, stream)
            case "SETUP":
                answer = await self._setup(request, stream)
            case "PLAY" | "PAUSE":
                answer = self._play_or_pause(request.method)
            case "TEARDOWN":
                self._leave()
                answer = Answer(200)
            case "GET_PARAMETER" | "SET_PARAMETER":
                answer = Answer(200, [("Session", self._name)] if self._viewer else [])
            case _:
                answer = Answer(501, [("Public", _METHODS)])
        return answer

    @property
    def _name(self) -> str:
        return f"{self._ssrc:08X}"

    def _refusal(self, request: Request, stream: Stream) -> Answer | None:
        """Who may not, and what belongs to another session; None where all is well."""
        verdict = "right" if stream.account is None else "wrong"
        if stream.faults.refuses:
            verdict = "wrong"
        elif stream.account is not None:
            header = request.headers.get("authorization", "")
            verdict = self._doorkeeper.verdict(header, request.method, stream.account)
        if verdict != "right":
            return Answer(401, [("WWW-Authenticate", one) for one in self._doorkeeper.challenges(verdict == "stale")])
        session = request.headers.get("session", "").split(";")[0].strip()
        return Answer(454) if session and session != self._name else None

    async def _describe(self, request: Request, stream: Stream) -> Answer:
        nals = await stream.parameters()
        if nals is None:
            return Answer(503)
        headers = [("Content-Base", request.url.rstrip("/") + "/"), ("Content-Type", "application/sdp")]
        address = self._writer.get_extra_info("sockname")[0]
        return Answer(200, headers, session_description(stream.codec, nals, address))

    async def _setup(self, request: Request, stream: Stream) -> Answer:
        wanted = parse_transport(request.headers.get("transport", ""))
        if wanted is None:
            return Answer(461)
        self._leave()
        pair = wanted.pair
        if wanted.interleaved:
            deliver, burst_bytes = lambda packet, rtcp: self._interleave(pair[rtcp], packet), MAX_QUEUED_BYTES
            answer = f"RTP/AVP/TCP;unicast;interleaved={pair[0]}-{pair[1]}"
        else:
            here, there = (self._writer.get_extra_info(name)[0] for name in ("sockname", "peername"))
            try:
                self._udp = await UdpPair.open(here, there, pair)
            except OSError as error:  # no ports or no descriptors left: said, or the client would see a lost connection
                _log.warning("a client can't be served over UDP: %s", error)
                return Answer(503)
            deliver, burst_bytes = self._udp.send, _UDP_BURST_BYTES
            ports = self._udp.ports
            answer = f"RTP/AVP;unicast;client_port={pair[0]}-{pair[1]};server_port={ports[0]}-{ports[1]}"
        packetiser = Packetiser(stream.codec, self._ssrc, self._ssrc & 0xFFFF, self._ssrc)
        self._stream = stream
        self._viewer = Viewer(packetiser, stream.faults, self._clock, deliver, self.abort, burst_bytes)
        return Answer(
            200,
            [("Transport", f"{answer};ssrc={self._name}"), ("Session", f"{self._name};timeout={SESSION_TIMEOUT_S}")],
        )

    def _play_or_pause(self, method: str) -> Answer:
        if self._viewer is None or self._stream is None:
            return Answer(455)
        if method == "PAUSE":
            self._stream.viewers.discard(self._viewer)
            return Answer(200, [("Session", self._name)])
        return Answer(200, [("Session", self._name), ("Range", "npt=0.000-")])

    def _interleave(self, channel: int, packet: bytes) -> bool:
        if self._writer.transport.get_write_buffer_size() > MAX_QUEUED_BYTES:
            return False
        self._writer.write(struct.pack("!BBH", 0x24, channel, len(packet)) + packet)
        return True

    def _leave(self) -> None:
        if self._stream is not None and self._viewer is not None:
            self._stream.viewers.discard(self._viewer)
        if self._udp is not None:
            self._udp.close()
        self._viewer = self._udp = None

    def close(self) -> None:
        """Ends the connection, once what was said has gone out."""
        if self._stream is not None and self._viewer is not None:
            self._stream.viewers.discard(self._viewer)
        self._writer.close()

    def abort(self) -> None:
        """Ends the connection at once, whatever still waits for a slow client."""
        self.close()
        self._writer.transport.abort()
