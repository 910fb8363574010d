"""Whether a stream still comes as it used to: so many pictures a second, so many bits. Pure."""

from collections import deque
from typing import Literal

from edge.core.integrity.latch import Latch

StreamChange = Literal["frame_rate_changed", "bit_rate_collapsed"]
STREAM_CHANGES: dict[StreamChange, str] = {
    "frame_rate_changed": "pictures come at another rate than before: look at the camera's settings and the network",
    "bit_rate_collapsed": "the stream holds hardly any bits any more: look at the camera's settings and the network",
}
_WINDOW_S = 20.0
_LEARNS_S = 60.0
_FOLLOWS_S = 3600.0  # night has fewer bits than day
_SILENT_S = 3.0  # what sends nothing has a fault of its own
_SLOW, _FAST, _SOUND = 0.6, 1.67, (0.75, 1.35)  # by the usual rate
_STARVED, _FED = 0.05, 0.1  # by the usual bits: a quiet street in a thrifty coder has a tenth of a busy one's


class StreamHabits:
    """One stream's."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int, int]] = deque()
        self._usual: tuple[float, float] | None = None  # pictures and bytes a second
        self._connection = 0
        self._rate, self._bits = Latch(), Latch()

    @property
    def change(self) -> StreamChange | None:
        """What is no longer as it was."""
        return "bit_rate_collapsed" if self._bits.told else "frame_rate_changed" if self._rate.told else None

    @property
    def began_s(self) -> float:
        """Seconds, by the clock of `note`, since which that is so."""
        return self._bits.began_s if self._bits.told else self._rate.began_s

    def note(self, now_s: float, connection: int, packets: int, packet_bytes: int) -> None:
        """Takes in the counters as they stand; call it every second or so.

        connection: its number; what was counted over a cut is left out. packets, packet_bytes: since the start.
        """
        if connection != self._connection or (self._counts and now_s - self._counts[-1][0] > _SILENT_S):
            self._connection = connection
            self._counts.clear()
        if self._counts and packets == self._counts[-1][1]:
            return
        self._counts.append((now_s, packets, packet_bytes))
        length_s = _WINDOW_S if self._usual else _LEARNS_S
        while len(self._counts) > 2 and now_s - self._counts[1][0] >= length_s:
            self._counts.popleft()
        begin_s, packets_before, bytes_before = self._counts[0]
        span_s = now_s - begin_s
        if span_s < length_s:
            return
        rate, flow = (packets - packets_before) / span_s, (packet_bytes - bytes_before) / span_s
        if self._usual is None:
            self._usual = (rate, flow)
            return
        self._compare(now_s, rate / self._usual[0], flow / self._usual[1])
        if not self._rate.charge and not self._bits.charge:
            step = (now_s - self._counts[-2][0]) / _FOLLOWS_S
            usual_rate, usual_flow = self._usual
            self._usual = (usual_rate + step * (rate - usual_rate), usual_flow + step * (flow - usual_flow))

    def _compare(self, now_s: float, rate: float, flow: float) -> None:
        """rate, flow: by the usual ones."""
        wrong = rate < _SLOW or rate > _FAST
        self._rate.update(1 / 20 if wrong else -1 / 10 if _SOUND[0] < rate < _SOUND[1] else 0.0, now_s)
        self._bits.update(1 / 60 if flow < _STARVED else -1 / 10 if flow > _FED else 0.0, now_s)
