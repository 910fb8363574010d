"""A small RTSP server (RFC 2326): several virtual cameras on one port, in real time, with faults on command."""

import asyncio
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType

from edge.core.ports import Clock
from edge.virtual_camera.digest import Account
from edge.virtual_camera.faults import FaultState
from edge.virtual_camera.media import AccessUnit, Clip
from edge.virtual_camera.rtsp_session import RtspSession, Viewer

_LATE_S = 1.0  # a player that fell behind by more goes on from now instead of rushing


@dataclass(frozen=True, slots=True)
class VirtualCamera:
    """A camera to be played: `rtsp://host:port/NAME`, and `/NAME/sub` where it has a sub-stream."""

    name: str
    main: Clip
    sub: Clip | None = None
    account: Account | None = None


@dataclass(slots=True, eq=False)
class Stream:
    """One address: its loop, who watches it, and what is wrong with it."""

    clip: Clip
    account: Account | None
    faults: FaultState
    viewers: set[Viewer] = field(default_factory=set)
    group: list[AccessUnit] = field(default_factory=list)  # since the last key frame: where a new viewer starts

    def join(self, viewer: Viewer) -> None:
        """A new viewer begins with the newest key frame, at once."""
        for unit in self.group:
            viewer.send(unit)
        self.viewers.add(viewer)

    async def play(self, clock: Clock) -> None:
        """Sends the loop in real time, for ever."""
        begun_s = clock.monotonic_s()
        for unit in self._loop():
            wait_s = begun_s + unit.dts_s - clock.monotonic_s()
            if wait_s < -_LATE_S:
                begun_s -= wait_s
            await asyncio.sleep(max(0.0, wait_s))
            if self.faults.stalled:
                continue
            stamped = self.faults.stamped(unit)
            if stamped.key:
                self.group.clear()
            self.group.append(stamped)
            for viewer in list(self.viewers):
                viewer.send(stamped)

    def _loop(self) -> Iterator[AccessUnit]:
        """The clip for ever; a fault of the picture takes over, and goes, at a key frame."""
        playing, units, base_s, last_s = self.clip, self.clip.endless(), 0.0, 0.0
        while True:
            wanted = self.faults.replacement or self.clip
            if wanted is not playing:
                playing, units, base_s = wanted, wanted.endless(), last_s + 0.1
            unit = next(units)
            moved = AccessUnit(unit.nals, unit.pts_s + base_s, unit.dts_s + base_s, unit.key)
            last_s = moved.dts_s
            yield moved


class RtspServer:
    """Serves virtual cameras. All of it lives in one event loop."""

    def __init__(self, cameras: Sequence[VirtualCamera], clock: Clock, host: str = "127.0.0.1", port: int = 0) -> None:
        self._clock, self._host, self._port = clock, host, port
        self._faults = {camera.name: FaultState() for camera in cameras}
        self._streams: dict[str, Stream] = {}
        for camera in cameras:
            for path, clip in ((camera.name, camera.main), (f"{camera.name}/sub", camera.sub)):
                if clip is not None:
                    self._streams[path] = Stream(clip, camera.account, self._faults[camera.name])
        self._server: asyncio.Server | None = None
        self._players: list[asyncio.Task[None]] = []
        self._sessions: set[RtspSession] = set()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    async def start(self) -> None:
        """Listens and plays. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self._players = [asyncio.create_task(stream.play(self._clock)) for stream in self._streams.values()]

    async def stop(self) -> None:
        """Ends every session."""
        for player in self._players:
            player.cancel()
        for session in list(self._sessions):
            session.close()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._players, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = RtspSession(reader, writer, self._find, self._clock, secrets.randbelow(2**31))
        self._sessions.add(session)
        try:
            await session.serve()
        finally:
            self._sessions.discard(session)

    def _find(self, path: str) -> Stream | None:
        return self._streams.get(path.strip("/"))

    def fault(self, camera: str, name: str, on: bool = True) -> None:
        """Switches a fault of a camera on or off. Raises KeyError for a camera, ValueError for a fault there is not."""
        state = self._faults[camera]
        clip = self._streams[camera].clip
        state.switch(name, on, clip)
        if name in ("cut", "refuse") and on:
            for path, stream in self._streams.items():
                if path.split("/")[0] == camera:
                    for viewer in list(stream.viewers):
                        viewer.close()
        if name == "cut":
            state.switch("cut", False, clip)


class RunningServer:
    """A server in a thread of its own, for synchronous callers."""

    def __init__(self, server: RtspServer) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rtsp-server", daemon=True)

    def __enter__(self) -> "RunningServer":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    def url(self, path: str) -> str:
        """Address of a camera, or of its sub-stream as `NAME/sub`."""
        return f"rtsp://127.0.0.1:{self.port}/{path}"

    def fault(self, camera: str, name: str, on: bool = True) -> None:
        """Switches a fault on or off; see RtspServer.fault."""

        async def switch() -> None:
            self._server.fault(camera, name, on)

        asyncio.run_coroutine_threadsafe(switch(), self._loop).result(60)


@contextmanager
def serve_cameras(cameras: Sequence[VirtualCamera], clock: Clock, port: int = 0) -> Iterator[RunningServer]:
    """Serves `cameras` on loopback while the block runs."""
    with RunningServer(RtspServer(cameras, clock, port=port)) as running:
        yield running
