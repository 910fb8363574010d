"""A small RTSP server (RFC 2326): several virtual cameras on one port, in real time, with faults on command."""

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from edge.core.ports import Clock
from edge.virtual_camera.access_unit import Codec
from edge.virtual_camera.digest import Account, Doorkeeper
from edge.virtual_camera.faults import FaultOrder, FaultState
from edge.virtual_camera.feed import loop_feed, source_feed
from edge.virtual_camera.media import Loop, PictureSource
from edge.virtual_camera.rtsp_session import SESSION_TIMEOUT_S, RtspSession
from edge.virtual_camera.stream import Stream

MAX_SESSIONS = 100  # each may have some megabytes waiting
T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VirtualCamera:
    """A camera to be played: `rtsp://host:port/NAME`, and `/NAME/sub` where it has a sub-stream.

    main, sub: a coded loop goes out bit for bit; pictures are drawn and coded while they play, once for all who watch.
    codec: of what is coded; a loop keeps its own. ahead_s: how far into what it plays the camera is when it starts.
    """

    name: str
    main: Loop | PictureSource
    sub: Loop | PictureSource | None = None
    account: Account | None = None
    codec: Codec = "h264"
    ahead_s: float = 0.0


class RtspServer:
    """Serves virtual cameras. All of it lives in one event loop; pictures are made in one thread for each camera."""

    def __init__(
        self,
        cameras: Sequence[VirtualCamera],
        clock: Clock,
        host: str = "127.0.0.1",
        port: int = 0,
        idle_s: float = SESSION_TIMEOUT_S + 30.0,
    ) -> None:
        """idle_s: how long a client may say nothing, unless it takes pictures over its RTSP connection."""
        self._idle_s = idle_s
        self._clock, self._host, self._port = clock, host, port
        self._cameras = cameras
        self._faults = {camera.name: FaultState() for camera in cameras}
        self._mends: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._streams: dict[str, Stream] = {}
        self._server: asyncio.Server | None = None
        self._players: list[asyncio.Task[None]] = []
        self._executors: list[ThreadPoolExecutor] = []
        self._sessions: set[RtspSession] = set()
        self._doorkeeper = Doorkeeper(clock)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    @property
    def pictures_dropped(self) -> int:
        """How many pictures clients were too slow for, over all clients."""
        return sum(stream.pictures_dropped for stream in self._streams.values())

    async def start(self) -> None:
        """Listens and plays. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        for camera in self._cameras:
            executor = ThreadPoolExecutor(1, f"camera-{camera.name}")
            self._executors.append(executor)
            for path, stream in _streams_of(camera, self._faults[camera.name]):
                self._streams[path] = stream
                player = asyncio.create_task(stream.play(self._clock, executor), name=f"play {path}")
                player.add_done_callback(_tell_of_a_crash)
                self._players.append(player)

    async def stop(self) -> None:
        """Ends every session."""
        for mend in self._mends.values():
            mend.cancel()
        for player in self._players:
            player.cancel()
        for session in list(self._sessions):
            session.abort()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._players, return_exceptions=True)
        for executor in self._executors:
            await asyncio.to_thread(executor.shutdown)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._sessions) >= MAX_SESSIONS:
            writer.transport.abort()
            return
        ssrc = secrets.randbelow(2**31)
        session = RtspSession(reader, writer, self._find, self._doorkeeper, self._clock, ssrc, self._idle_s)
        self._sessions.add(session)
        try:
            await session.serve()
        finally:
            self._sessions.discard(session)

    def _find(self, path: str) -> Stream | None:
        return self._streams.get(path.strip("/"))

    def faults(self, camera: str) -> frozenset[str]:
        """Names of the faults that are on. Raises KeyError for a camera that there is not."""
        return self._faults[camera].on

    @property
    def cameras(self) -> list[str]:
        """Names of the cameras."""
        return list(self._faults)

    def order(self, order: FaultOrder) -> None:
        """Switches a fault, now, for its time. To be called in the event loop. Raises KeyError for a camera."""
        key = order.camera, order.fault
        self._faults[order.camera].switch(order)
        if (mend := self._mends.pop(key, None)) is not None:
            mend.cancel()
        if order.on and order.for_s is not None and order.fault not in ("cut", "jump"):
            end = FaultOrder(order.camera, order.fault, on=False)
            self._mends[key] = asyncio.get_running_loop().call_later(order.for_s, self.order, end)
        if order.fault in ("cut", "refuse") and order.on:
            for path, stream in self._streams.items():
                if path.split("/")[0] == order.camera:
                    for viewer in list(stream.viewers):
                        viewer.close()

    def fault(self, camera: str, name: str, on: bool = True) -> None:
        """Switches a fault of a camera on or off. Raises KeyError for a camera, ValueError for a fault there is not."""
        self.order(FaultOrder(camera, name, on))


def _streams_of(camera: VirtualCamera, faults: FaultState) -> Iterator[tuple[str, Stream]]:
    for path, played in ((camera.name, camera.main), (f"{camera.name}/sub", camera.sub)):
        if played is None:
            continue
        if isinstance(played, Loop):
            feed, codec = loop_feed(played, lambda: faults.of_the_picture), played.codec
        else:
            feed, codec = source_feed(played, camera.codec, lambda: faults.of_the_picture), camera.codec
        yield path, Stream(path, feed, codec, faults, camera.account, camera.ahead_s)


def _tell_of_a_crash(player: asyncio.Task[None]) -> None:
    if not player.cancelled() and player.exception() is not None:
        _log.error("%s ended by a bug", player.get_name(), exc_info=player.exception())


class RunningServer:
    """A server in a thread of its own, for synchronous callers."""

    def __init__(self, server: RtspServer) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rtsp-server", daemon=True)

    def __enter__(self) -> "RunningServer":
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    @property
    def pictures_dropped(self) -> int:
        """How many pictures clients were too slow for."""
        return self._server.pictures_dropped

    def run(self, work: Callable[[RtspServer], Coroutine[Any, Any, T]]) -> T:
        """Does `work` in the server's event loop; gives what it gives, raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work(self._server), self._loop).result(60)

    def url(self, path: str) -> str:
        """Address of a camera, or of its sub-stream as `NAME/sub`."""
        return f"rtsp://127.0.0.1:{self.port}/{path}"

    def fault(
        self, camera: str, name: str, on: bool = True, *, for_s: float | None = None, amount: float | None = None
    ) -> None:
        """Switches a fault; see FaultOrder. Raises KeyError for a camera, ValueError for a fault there is not."""
        order = FaultOrder(camera, name, on, for_s, amount)

        async def switch(server: RtspServer) -> None:
            server.order(order)

        self.run(switch)

    def faults(self, camera: str) -> frozenset[str]:
        """Names of the faults that are on. Raises KeyError for a camera that there is not."""
        return self._server.faults(camera)


@contextmanager
def serve_cameras(cameras: Sequence[VirtualCamera], clock: Clock, port: int = 0) -> Iterator[RunningServer]:
    """Serves `cameras` on loopback while the block runs."""
    with RunningServer(RtspServer(cameras, clock, port=port)) as running:
        yield running
