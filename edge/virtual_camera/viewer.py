"""One client watching one stream."""

from collections.abc import Callable, Sequence

from edge.core.ports import Clock
from edge.virtual_camera.access_unit import AccessUnit
from edge.virtual_camera.faults import FaultState
from edge.virtual_camera.rtp import Packetiser

REPORT_S = 5.0


class Viewer:
    """Packs pictures for one client, and leaves out what it can't take."""

    def __init__(
        self,
        packetiser: Packetiser,
        faults: FaultState,
        clock: Clock,
        deliver: Callable[[bytes, bool], bool],
        close: Callable[[], None],
        burst_bytes: int,
    ) -> None:
        """deliver: sends a packet (True: RTCP) and says whether there was room for it. close: ends the connection.

        burst_bytes: how much the client can take at once.
        """
        self._packetiser, self._faults, self._clock = packetiser, faults, clock
        self._deliver, self._burst_bytes = deliver, burst_bytes
        self.close = close
        self._report_due_s = self._newest_dts_s = float("-inf")
        self._waits_for_key = True
        self.pictures_dropped = 0

    def catch_up(self, units: Sequence[tuple[AccessUnit, float]]) -> None:
        """Sends what is new among `units`, each with its capture time in UTC seconds.

        Pictures that are too much at once are left out, and then all until the next key frame.
        """
        new = [one for one in units if one[0].dts_s > self._newest_dts_s]
        if len(new) > 1 and sum(len(nal) for unit, _ in new for nal in unit.nals) > self._burst_bytes:
            self._waits_for_key = True
            self._newest_dts_s = new[-1][0].dts_s
            self.pictures_dropped += len(new)
            return
        for unit, captured_at_s in new:
            self._newest_dts_s = unit.dts_s
            if not self._send(unit, captured_at_s):
                self.pictures_dropped += 1

    def _send(self, unit: AccessUnit, captured_at_s: float) -> bool:
        if self._waits_for_key and not unit.key:
            return False
        self._waits_for_key = False
        if self._clock.monotonic_s() >= self._report_due_s:
            self._report_due_s = self._clock.monotonic_s() + REPORT_S
            self._deliver(self._packetiser.sender_report(unit.pts_s, captured_at_s), True)
        for packet in self._packetiser.packets(unit):
            arriving = self._faults.damaged(packet)
            if arriving is not None and not self._deliver(arriving, False):
                self._waits_for_key = True
                return False
        return True
