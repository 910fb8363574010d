"""One camera's stream at work: whether pictures come, as many as usual, and by a clock that is right."""

from edge.adapters.av_source import SourceStatus
from edge.core.integrity.faults import Trouble
from edge.core.integrity.reference import LIGHTS, Light
from edge.core.integrity.stream import CameraClock, Damage, Signal, StreamHabits
from edge.core.ports import Clock


class StreamWatch:
    """One camera's. Used by one thread."""

    def __init__(self, lost_s: float, clock: Clock) -> None:
        """lost_s: so long without a picture is told."""
        self._clock_here = clock
        self._signal, self._clock = Signal(lost_s, clock.monotonic_s()), CameraClock()
        self.damage = Damage()
        self._habits = {light: StreamHabits() for light in LIGHTS}
        self._light: Light = "day"

    def note(self, status: SourceStatus, light: Light, picture_s: float | None, longest_s: float) -> None:
        """How the analysed stream stands now; call it every second or so.

        picture_s: media seconds of its newest picture. longest_s: as long may it take to the next one.
        """
        now_s, self._light = self._clock_here.monotonic_s(), light
        if self._signal.note(picture_s, longest_s, now_s):
            self._clock.note(status.camera_clock_offset_s, now_s)
        self.damage.note(now_s, status.frames_decoded, status.frames_damaged)
        self._habits[light].note(now_s, status.connections, status.packets, status.packet_bytes)

    @property
    def signal(self) -> Trouble:
        """Whether pictures come at all."""
        now_s, wall_s = self._clock_here.monotonic_s(), self._clock_here.wall_s()
        return self._signal.trouble(now_s, wall_s, self._signal.last_picture_s)

    @property
    def others(self) -> tuple[Trouble, ...]:
        """What else may be wrong with the stream, gravest first."""
        now_s, wall_s = self._clock_here.monotonic_s(), self._clock_here.wall_s()
        by_day, by_night = self._habits["day"], self._habits["night"]
        mine = self._habits[self._light]
        # What was told in one light stands until that light has shown otherwise: dusk mends no stream.
        bits = next((one.bits for one in (by_day, by_night) if one.bits.told), mine.bits)
        rate = next((one.rate for one in (by_day, by_night) if one.rate.told), mine.rate)
        return tuple(one.trouble(now_s, wall_s) for one in (bits, rate, self._clock))
