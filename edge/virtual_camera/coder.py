"""Codes and decodes pictures one at a time, in real time, as a camera does."""

from fractions import Fraction

import av
import numpy as np
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from edge.virtual_camera.access_unit import AccessUnit, Codec, MediaError, annex_b, split_nals

ENCODERS = {"h264": "libx264", "hevc": "libx265"}
_BITS_PER_PIXEL = 0.26  # about 600 kbit/s at 640x360 and 10 pictures a second: what cheap cameras give a sub-stream
_MOST_BIT_RATE = 4_000_000  # and what they give a main stream
_TIME_BASE = Fraction(1, 90_000)
_KEY_EVERY_S = 2.0


def usual_bit_rate(width: int, height: int, fps: float) -> int:
    """Bits a second that a cheap camera spends on pictures of that size."""
    return min(_MOST_BIT_RATE, round(_BITS_PER_PIXEL * width * height * fps))


class LiveEncoder:
    """Pictures of one size in, one access unit for each out: no look-ahead, no B-frames, a key frame every 2 s."""

    def __init__(self, codec: Codec, size: tuple[int, int], fps: float, bit_rate: int) -> None:
        """size: width and height, pixels, both even. bit_rate: bits a second."""
        self.size = size
        context = av.CodecContext.create(ENCODERS[codec], "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = size
        context.pix_fmt, context.bit_rate, context.gop_size = "yuv420p", bit_rate, max(1, round(fps * _KEY_EVERY_S))
        context.time_base, context.framerate = _TIME_BASE, Fraction(fps).limit_denominator(1001)
        context.max_b_frames, context.thread_count = 0, 1
        quiet = {"x265-params": "log-level=none:pools=1:frame-threads=1"} if codec == "hevc" else {}
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1", **quiet}
        self._context = context

    def encode(self, picture: NDArray[np.uint8], pts_s: float, dts_s: float, key: bool = False) -> list[AccessUnit]:
        """picture: (height, width, 3) uint8 RGB. dts_s: when it is to be sent. key: begin anew. Raises MediaError."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        if key:
            frame.pict_type = PictureType.I
        frame.pts, frame.time_base = round(pts_s / _TIME_BASE), _TIME_BASE
        try:
            packets = self._context.encode(frame)
        except av.FFmpegError as error:
            raise MediaError(f"the encoder gave up: {error.strerror}") from error
        return [AccessUnit(split_nals(bytes(packet)), pts_s, dts_s, packet.is_keyframe) for packet in packets]


class LiveDecoder:
    """Access units in, pictures with their moments out. What is broken in between is left out, as players do."""

    def __init__(self, codec: Codec) -> None:
        context = av.CodecContext.create(codec, "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1  # frame threads would hold pictures back
        self._context = context

    def decode(self, unit: AccessUnit) -> list[tuple[NDArray[np.uint8], float]]:
        """Pictures, (height, width, 3) uint8 RGB, each with its pts in seconds."""
        packet: av.Packet[Stream] = av.Packet(annex_b(unit.nals))
        packet.pts, packet.dts, packet.time_base = _ticks(unit.pts_s), _ticks(unit.dts_s), _TIME_BASE
        return self._pictures(packet)

    def rest(self) -> list[tuple[NDArray[np.uint8], float]]:
        """The pictures that it still holds back; nothing can be decoded after."""
        return self._pictures(None)

    def _pictures(self, packet: "av.Packet[Stream] | None") -> list[tuple[NDArray[np.uint8], float]]:
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            return []
        return [(rgb(frame), float(frame.pts * _TIME_BASE)) for frame in frames if frame.pts is not None]


def rgb(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """A decoded picture as (height, width, 3)."""
    return np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)


def _ticks(at_s: float) -> int:
    return round(at_s / _TIME_BASE)
