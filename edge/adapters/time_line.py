"""Maps a camera's time stamps to this box's time, and chooses the frames to analyse. No clock is read here.

A camera's time stamps (pts, dts) say exactly how far apart two pictures are, but start anywhere, drift, and jump. The
box's clock never jumps (monotonic), but a packet's arrival jitters with the network. So: the time line runs on the
stamps and is held to the arrival times by the least-delay rule. A picture cannot have been captured after it arrived,
so `offset = min(arrival - stamp)`; the packet with the least delay sets it. A camera clock that runs fast is followed
at once by that rule; one that runs slow shows as a least delay that grows, and is followed by at most 1 % (or in one
step, reported, past `STEP_S`). What remains is the constant part of the delay (encoder, network; typically 0.1 to
0.3 s), which no receiver can see without the camera's own clock.

A connection begins with a burst: packets that libav read while it probed, and a group of pictures that some servers
keep for newcomers. They were captured before they arrived; so the first packets are held until they come at the pace
of their stamps (`settled`), and the anchor is the least delay among them.

The camera's wall clock (RTCP sender reports) is not used to drive the time line: cheap cameras set it from anything,
and step it. It is only compared, so that evidence can state the offset (`AvSource.status.camera_clock_offset_s`).
"""

from dataclasses import dataclass, replace
from itertools import pairwise

JUMP_S = 3.0  # stamps that run ahead of the arrivals by more than this between two packets have jumped
STEP_S = 1.0  # a least delay above this for a whole window is caught up in one step
WINDOW_S = 5.0  # over which the least delay is looked at
RTP_WRAP_S = 2**32 / 90_000  # after so long the stamps of RTP begin again
BURST_PACKETS = 600
BURST_S = 2.0
SLEW = 0.01  # share of a window by which a slow camera clock is caught up silently


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet's own decoding stamp (camera seconds, None where it has none) and this box's clocks when it arrived."""

    dts_s: float | None
    monotonic_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment on both time lines, and by how much the stamps were found to have jumped just before it (0: not)."""

    media_s: float
    captured_at_s: float
    jumped_s: float = 0.0


class TimeLine:
    """One camera's time line; lives as long as the camera, across connections. Never runs backwards."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._utc_offset_s: float | None = None
        self._last_dts_s: float | None = None
        self._last_arrival_s = 0.0
        self._last_media_s = float("-inf")
        self._window_began_s = 0.0
        self._least_delay_s = float("inf")

    def reconnected(self, first: "list[Arrival]") -> None:
        """Forgets the stamps of the last connection and anchors anew on the first packets of this one."""
        delays_s = [arrival.monotonic_s - arrival.dts_s for arrival in first if arrival.dts_s is not None]
        self._offset_s = self._last_dts_s = None
        if delays_s:
            self._anchor(min(delays_s), first[-1].monotonic_s)

    def stamp(self, arrival: "Arrival") -> Stamp:
        """When the packet that arrived so was captured."""
        dts_s, arrival_s = arrival.dts_s, arrival.monotonic_s
        jumped_s = 0.0
        if dts_s is None:  # as much later than the packet before as it arrived later
            media_s = min(arrival_s, self._last_media_s + arrival_s - self._last_arrival_s)
            media_s = arrival_s if media_s == float("-inf") else media_s
        else:
            jumped_s = self._follow(dts_s, arrival_s)
            assert self._offset_s is not None
            media_s = self._offset_s + dts_s
            self._last_dts_s = dts_s
        self._last_arrival_s = arrival_s
        self._last_media_s = media_s = max(media_s, self._last_media_s)
        self._follow_utc(arrival.wall_s - arrival_s)
        return Stamp(media_s, self.utc(media_s), jumped_s)

    def media(self, pts_s: float | None) -> float:
        """Media seconds of a picture of the packets stamped last; without a stamp, those of the last packet."""
        if pts_s is None or self._offset_s is None:
            return self._last_media_s
        return self._offset_s + pts_s

    def utc(self, media_s: float) -> float:
        """UTC seconds at `media_s`, by the wall clock as it stands now."""
        return media_s + (self._utc_offset_s or 0.0)

    def _follow(self, dts_s: float, arrival_s: float) -> float:
        """Moves the offset by what this packet shows; returns the jump found, 0 where none."""
        delay_s = arrival_s - dts_s
        if self._offset_s is None:
            self._anchor(delay_s, arrival_s)
            return 0.0
        step_s = 0.0 if self._last_dts_s is None else dts_s - self._last_dts_s
        if step_s < 0 or step_s > arrival_s - self._last_arrival_s + JUMP_S:
            self._anchor(delay_s, arrival_s)
            return (step_s + RTP_WRAP_S / 2) % RTP_WRAP_S - RTP_WRAP_S / 2  # a step back may come out as a wrap
        self._offset_s = min(self._offset_s, delay_s)
        self._least_delay_s = min(self._least_delay_s, delay_s - self._offset_s)
        if arrival_s - self._window_began_s < WINDOW_S:
            return 0.0
        late_s, window_s = self._least_delay_s, arrival_s - self._window_began_s
        self._window_began_s, self._least_delay_s = arrival_s, float("inf")
        if late_s > STEP_S:
            self._offset_s += late_s
            return -late_s
        self._offset_s += min(late_s, SLEW * window_s)
        return 0.0

    def _anchor(self, delay_s: float, arrival_s: float) -> None:
        self._offset_s = delay_s
        self._window_began_s, self._least_delay_s = arrival_s, float("inf")

    def _follow_utc(self, utc_offset_s: float) -> None:
        """The wall clock is set by NTP: small corrections by 1 ms a packet, steps at once."""
        held = self._utc_offset_s
        if held is None or abs(utc_offset_s - held) > 0.5:
            self._utc_offset_s = utc_offset_s
        else:
            self._utc_offset_s = held + max(-0.001, min(0.001, utc_offset_s - held))


def with_first_stamps(arrivals: list[Arrival]) -> list[Arrival]:
    """`arrivals` of a connection's first packets, those before the first stamp given one, a picture apart each.

    The first key frame can come without any stamp (libav knows the stamps only after the first RTCP report or the
    second picture); without it the whole group of pictures would be lost.
    """
    stamps_s = [arrival.dts_s for arrival in arrivals if arrival.dts_s is not None]
    if not stamps_s:
        return arrivals
    steps_s = sorted(later - earlier for earlier, later in pairwise(stamps_s) if later > earlier)
    step_s = steps_s[len(steps_s) // 2] if steps_s else 0.04
    missing = next(index for index, arrival in enumerate(arrivals) if arrival.dts_s is not None)
    return [
        replace(arrival, dts_s=stamps_s[0] - (missing - index) * step_s) if index < missing else arrival
        for index, arrival in enumerate(arrivals)
    ]


def settled(arrivals: list[Arrival]) -> bool:
    """Whether the last of a connection's first packets came at the pace of the stamps: the burst is over.

    Also true after `BURST_PACKETS` packets or `BURST_S`, so that a server which sends faster than real time is not
    waited for.
    """
    if len(arrivals) >= BURST_PACKETS or arrivals[-1].monotonic_s - arrivals[0].monotonic_s > BURST_S:
        return True
    stamped = [arrival for arrival in arrivals[-2:] if arrival.dts_s is not None]
    if len(stamped) < 2 or stamped[1].dts_s is None or stamped[0].dts_s is None:
        return False
    step_s = stamped[1].dts_s - stamped[0].dts_s
    return step_s > 0 and stamped[1].monotonic_s - stamped[0].monotonic_s > 0.5 * step_s


class Sampler:
    """Chooses frames so that `fps` of them a second go to analysis, evenly, by time and not by counting.

    The frame nearest to each tick of the wanted rate is taken: 5 of 12.5 a second are every 2nd and 3rd in turn.
    """

    def __init__(self, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._due_s = float("-inf")
        self._last_media_s: float | None = None

    def wants(self, media_s: float) -> bool:
        """Whether the frame captured at `media_s` is to be analysed. Call for every decoded frame, in order."""
        previous_s, self._last_media_s = self._last_media_s, media_s
        interval_s = 0.0 if previous_s is None else media_s - previous_s
        early_s = min(interval_s, self._period_s) / 2
        if media_s < self._due_s - early_s - 1e-6:
            return False
        on_grid_s = self._due_s + self._period_s
        self._due_s = on_grid_s if on_grid_s > media_s else media_s + self._period_s
        return True
