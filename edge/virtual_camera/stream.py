"""One address of the server: what it plays, in real time, to everyone who watches."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import Executor

from edge.core.ports import Clock
from edge.virtual_camera.access_unit import AccessUnit, Codec, MediaError
from edge.virtual_camera.digest import Account
from edge.virtual_camera.faults import FaultState
from edge.virtual_camera.viewer import Viewer

_LATE_S = 1.0  # a player that fell behind by more goes on from now instead of rushing
_FIRST_PICTURE_S = 10.0  # a drawn scene needs a moment for its first one
_GROUP_BYTES = 16_000_000  # more since the last key frame is too much at once for who joins; they wait for the next
_log = logging.getLogger(__name__)


class Stream:
    """Plays one feed. All of it lives in the event loop, but for the making of units, which may take long."""

    def __init__(
        self,
        name: str,
        feed: Iterator[AccessUnit],
        codec: Codec,
        faults: FaultState,
        account: Account | None,
        ahead_s: float = 0.0,
    ) -> None:
        """ahead_s: so much of the feed is past when it starts: nobody waits for it to play."""
        self.name, self.codec, self.faults, self.account = name, codec, faults, account
        self._ahead_s = ahead_s
        self.viewers: set[Viewer] = set()
        self.pictures_dropped = 0  # over all viewers
        self._feed = feed
        self._group: list[tuple[AccessUnit, float]] = []  # since the newest key frame, with capture times
        self._group_bytes = 0
        self._parameters: tuple[bytes, ...] | None = None
        self._playing = asyncio.Event()
        self._silent = False

    async def parameters(self) -> tuple[bytes, ...] | None:
        """NAL units of the newest picture that has parameter sets; None where the stream doesn't play."""
        try:
            await asyncio.wait_for(self._playing.wait(), _FIRST_PICTURE_S)
        except TimeoutError:
            return None
        return self._parameters

    def join(self, viewer: Viewer) -> None:
        """A new viewer begins with the newest key frame, at once."""
        self.viewers.add(viewer)
        if not self.faults.stalled:
            self._show(viewer, self._group)

    async def play(self, clock: Clock, executor: Executor) -> None:
        """Sends the feed in real time, for ever. executor: where units are made, one at a time."""
        loop = asyncio.get_running_loop()
        begun_s: float | None = None
        first_dts_s = first_reordered_s = 0.0  # B-frames make a camera hold all its pictures back by this much
        try:
            while (unit := await loop.run_in_executor(executor, next, self._feed, None)) is not None:
                reordered_s = unit.pts_s - unit.dts_s
                if begun_s is None:
                    begun_s = clock.monotonic_s() - unit.dts_s - self._ahead_s
                    first_dts_s, first_reordered_s = unit.dts_s, reordered_s
                wait_s = begun_s + unit.dts_s - clock.monotonic_s()
                if wait_s < -_LATE_S and unit.dts_s - first_dts_s >= self._ahead_s:
                    begun_s -= wait_s
                await asyncio.sleep(max(0.0, wait_s))
                late_s = clock.monotonic_s() - begun_s - unit.dts_s
                captured_at_s = clock.wall_s() - late_s + reordered_s - first_reordered_s
                self._send(self.faults.stamped(unit), captured_at_s)
        except MediaError as error:
            _log.error("virtual camera %s stopped playing: %s", self.name, error)
            self._group, self._parameters = [], None
            self._playing.set()
            for viewer in list(self.viewers):
                viewer.close()

    def _send(self, unit: AccessUnit, captured_at_s: float) -> None:
        """captured_at_s: UTC seconds when a camera that sends this unit now took its picture."""
        if unit.key:
            self._group, self._group_bytes = [], 0
            if unit.has_parameters(self.codec):
                self._parameters = unit.nals
        self._group_bytes += unit.size_bytes
        if self._group_bytes > _GROUP_BYTES:
            self._group = self._group[-1:]
        self._group.append((unit, captured_at_s))
        self._playing.set()
        if self.faults.stalled:
            self._silent = True
            return
        for viewer in list(self.viewers):
            self._show(viewer, self._group if self._silent else self._group[-1:])
        self._silent = False

    def _show(self, viewer: Viewer, units: list[tuple[AccessUnit, float]]) -> None:
        before = viewer.pictures_dropped
        viewer.catch_up(units)
        self.pictures_dropped += viewer.pictures_dropped - before
