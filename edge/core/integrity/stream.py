"""Whether a stream still comes as it used to: pictures at all, so many a second, so many bits, its clock. Pure."""

from collections import deque

from edge.core.integrity.faults import BITS_COLLAPSED, CLOCK_WRONG, RATE_CHANGED, SIGNAL_LOST, CameraFault, Trouble
from edge.core.integrity.latch import Latch

_WINDOW_S = 20.0
_LEARNS_S = 60.0
_FOLLOWS_S = 3600.0  # an hour of rain has more bits than one of sun
_SILENT_S = 3.0  # what sends nothing has a fault of its own
_SLOW, _FAST, _SOUND = 0.6, 1.67, (0.75, 1.35)  # by the usual rate
_STARVED, _FED = 0.05, 0.1  # by the usual bits: a quiet street in a thrifty coder has a tenth of a busy one's
_DAMAGED, _WHOLE = 0.3, 0.1  # of the pictures
_FEW_PICTURES = 4  # less tell of no share
_CLOCK_WRONG_S, _CLOCK_RIGHT_S = 10.0, 5.0  # an overlay that is wrong by less misleads nobody; `edge check` says 5 s


class Watched:
    """One thing about a stream that is wrong or not, with hysteresis. What is not asked about is not known."""

    def __init__(self, fault: CameraFault) -> None:
        self._fault, self._latch = fault, Latch()
        self._clear_since_s: float | None = None

    @property
    def charged(self) -> bool:
        """Whether anything speaks for the fault."""
        return self._latch.charge > 0

    @property
    def told(self) -> bool:
        """Whether the fault is told."""
        return self._latch.told

    def update(self, push: float, now_s: float) -> None:
        """push: see Latch."""
        self._latch.update(push, now_s)
        if self.charged:
            self._clear_since_s = None
        elif self._clear_since_s is None:
            self._clear_since_s = now_s

    def trouble(self, now_s: float, wall_s: float, began_s: float | None = None) -> Trouble:
        """now_s: by the clock of `update`, to which `wall_s` is UTC. began_s: where that is known better."""
        clear_s = 0.0 if self._clear_since_s is None else now_s - self._clear_since_s
        began_s = self._latch.began_s if began_s is None else began_s
        told = self._fault if self._latch.told else None
        return Trouble(self._fault.group, told, wall_s - (now_s - began_s), clear_s)


class Signal(Watched):
    """Whether pictures come at all. A reconnect of some seconds is no loss; one that comes and goes is."""

    def __init__(self, lost_s: float, began_s: float) -> None:
        """lost_s: so long without a picture is told. began_s: when watching began, by the clock of `note`."""
        super().__init__(SIGNAL_LOST)
        self._lost_s = lost_s
        self.last_picture_s = began_s  # before the loss

    def note(self, picture_s: float | None, longest_s: float, now_s: float) -> bool:
        """Returns whether pictures come.

        picture_s: when the newest one was captured, None: none has come. longest_s: as long may it take to the next.
        """
        if not self.charged and picture_s is not None:
            self.last_picture_s = picture_s
        silent_s = now_s - (self.last_picture_s if picture_s is None else picture_s)
        if silent_s > longest_s:
            self.update(1 / max(1.0, self._lost_s - longest_s), now_s)
        elif picture_s is not None:
            self.update(-1 / 10 if silent_s < longest_s / 2 else 0.0, now_s)
        return picture_s is not None and silent_s <= longest_s


class CameraClock(Watched):
    """Whether the camera's own clock, which it writes into its pictures, is right."""

    def __init__(self) -> None:
        super().__init__(CLOCK_WRONG)

    def note(self, offset_s: float | None, now_s: float) -> None:
        """offset_s: the camera's clock minus the box's; None where the camera tells none."""
        off_s = 0.0 if offset_s is None else abs(offset_s)
        self.update(1 / 60 if off_s > _CLOCK_WRONG_S else -1 / 20 if off_s < _CLOCK_RIGHT_S else 0.0, now_s)


class Damage:
    """Whether many pictures come damaged: what is made of them is no picture of the place, so it is judged by none."""

    def __init__(self) -> None:
        self._latch = Latch()
        self._before: tuple[int, int] | None = None

    @property
    def suspected(self) -> bool:
        """Whether anything speaks for it."""
        return self._latch.charge > 0

    @property
    def told(self) -> bool:
        """Whether it has been so for seconds."""
        return self._latch.told

    def note(self, now_s: float, decoded: int, damaged: int) -> None:
        """Takes in the counters as they stand; call it every second or so.

        decoded, damaged: pictures since the start; those that could not be decoded are damaged and not decoded.
        """
        decoded_before, damaged_before = self._before or (decoded, damaged)
        self._before = self._before or (decoded, damaged)
        more = damaged - damaged_before
        seen = max(decoded - decoded_before, more)
        if seen < _FEW_PICTURES:
            return
        self._before = (decoded, damaged)
        self._latch.update(1 / 10 if more > _DAMAGED * seen else -1 / 10 if more < _WHOLE * seen else 0.0, now_s)


class StreamHabits:
    """One stream's in one light: by night many cameras send half as many pictures, and fewer bits."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int, int]] = deque()
        self._usual: tuple[float, float] | None = None  # pictures and bytes a second
        self._connection = 0
        self.rate, self.bits = Watched(RATE_CHANGED), Watched(BITS_COLLAPSED)

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
        if not self.rate.charged and not self.bits.charged:
            step = (now_s - self._counts[-2][0]) / _FOLLOWS_S
            usual_rate, usual_flow = self._usual
            self._usual = (usual_rate + step * (rate - usual_rate), usual_flow + step * (flow - usual_flow))

    def _compare(self, now_s: float, rate: float, flow: float) -> None:
        """rate, flow: by the usual ones."""
        wrong = rate < _SLOW or rate > _FAST
        self.rate.update(1 / 20 if wrong else -1 / 10 if _SOUND[0] < rate < _SOUND[1] else 0.0, now_s)
        self.bits.update(1 / 60 if flow < _STARVED else -1 / 10 if flow > _FED else 0.0, now_s)
