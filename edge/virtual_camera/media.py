"""What a virtual camera plays: coded pictures in a loop, with time stamps that go on for ever."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

Codec = Literal["h264", "hevc"]
ENCODERS = {"h264": "libx264", "hevc": "libx265"}


class MediaError(Exception):
    """Something that can't be played; the text says why."""


class PictureSource(Protocol):
    """A drawn scene: `picture_count` pictures, each (height, width, 3) uint8 RGB."""

    width: int
    height: int
    fps: float
    picture_count: int

    def picture(self, number: int) -> NDArray[np.uint8]:
        """Picture `number`, from 0."""
        ...


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture: its NAL units without start codes, seconds from the clip's beginning, whether it is a key."""

    nals: tuple[bytes, ...]
    pts_s: float
    dts_s: float
    key: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """A whole loop, coded. Units are in decoding order; the first is a key frame."""

    codec: Codec
    width: int
    height: int
    units: tuple[AccessUnit, ...]
    duration_s: float

    @property
    def fps(self) -> float:
        """Pictures a second, on average."""
        return len(self.units) / self.duration_s

    def endless(self) -> Iterator[AccessUnit]:
        """The loop for ever, stamps growing without a step."""
        begin_s = 0.0
        while True:
            for unit in self.units:
                yield AccessUnit(unit.nals, unit.pts_s + begin_s, unit.dts_s + begin_s, unit.key)
            begin_s += self.duration_s


def load_file(path: Path) -> Clip:
    """A video file as it is, where it is H.264 or H.265; else coded anew as H.264. Raises MediaError."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError(f"{path} holds no video")
            codec = container.streams.video[0].codec_context.name
        return _demuxed(str(path), path.name) if codec in ENCODERS else _recoded(path)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{path} can't be played: {error.strerror or type(error).__name__}") from error


def encode(source: PictureSource, codec: Codec = "h264", bit_rate: int = 600_000) -> Clip:
    """A drawn scene, coded the way a cheap camera does: a key frame every two seconds, no B-frames."""
    pictures = (source.picture(number) for number in range(source.picture_count))
    return _coded(pictures, (source.width, source.height), source.fps, codec, bit_rate)


def _coded(
    pictures: Iterable[NDArray[np.uint8]], size: tuple[int, int], fps: float, codec: Codec, bit_rate: int
) -> Clip:
    """One picture in memory at a time."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream(ENCODERS[codec], rate=Fraction(fps).limit_denominator(1001))
        assert isinstance(stream, VideoStream)
        (stream.width, stream.height), stream.pix_fmt, stream.bit_rate = size, "yuv420p", bit_rate
        stream.gop_size = max(1, round(fps * 2))
        stream.codec_context.max_b_frames = 0
        quiet = {"x265-params": "log-level=none"} if codec == "hevc" else {}
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", **quiet}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    buffer.seek(0)
    return _demuxed(buffer, "the drawn scene")


def split_nals(annex_b: bytes) -> tuple[bytes, ...]:
    """NAL units between start codes (ISO/IEC 14496-10, annex B)."""
    parts = annex_b.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return tuple(part.rstrip(b"\x00") or part for part in parts if part)


def _demuxed(source: str | io.BytesIO, name: str) -> Clip:
    with av.open(source, "r") as container:
        stream = container.streams.video[0]
        codec: Codec = "hevc" if stream.codec_context.name == "hevc" else "h264"
        to_annex_b = BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
        units: list[AccessUnit] = []
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None and packet.dts is not None:
                times = float(packet.pts * packet.time_base), float(packet.dts * packet.time_base)
                key = packet.is_keyframe
                payload = b"".join(bytes(out) for out in to_annex_b.filter(packet))
                units.append(AccessUnit(split_nals(payload), *times, key))
        while units and not units[0].key:
            units.pop(0)
        if len(units) < 2:
            raise MediaError(f"{name} holds fewer than two pictures from a key frame on")
        first_s = units[0].dts_s
        moved = tuple(AccessUnit(u.nals, u.pts_s - first_s, u.dts_s - first_s, u.key) for u in units)
        step_s = moved[-1].dts_s / (len(moved) - 1)
        context = stream.codec_context
        return Clip(codec, context.width, context.height, moved, moved[-1].dts_s + step_s)


def _recoded(path: Path) -> Clip:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        width, height = stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2
        pictures = (
            np.ascontiguousarray(
                rgb(picture.reformat(stream.codec_context.width, stream.codec_context.height))[:height, :width]
            )
            for picture in container.decode(stream)
        )
        return _coded(pictures, (width, height), float(stream.average_rate or 25), "h264", 1_500_000)


def rgb(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """A decoded picture as (height, width, 3)."""
    return np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)


class PictureList:
    """Pictures in memory as a source."""

    def __init__(self, pictures: list[NDArray[np.uint8]], fps: float) -> None:
        if not pictures:
            raise MediaError("there are no pictures to play")
        height, width = pictures[0].shape[:2]
        self.width, self.height = width // 2 * 2, height // 2 * 2
        self.fps, self.picture_count, self._pictures = fps, len(pictures), pictures

    def picture(self, number: int) -> NDArray[np.uint8]:
        """Picture `number`, cut to even sides."""
        return np.ascontiguousarray(self._pictures[number][: self.height, : self.width])
