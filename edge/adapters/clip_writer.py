"""Stop 12 of the house: cuts a clip from recorded segments, without re-encoding.

The packets of the clip are those the camera sent, bit for bit; only the container around them is new: a progressive
MP4 whose index stands first (faststart), so that a browser plays it while it loads.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from edge.adapters.segments import Segment, find_segments, open_segment

GAP_S = 0.5  # less than this between two segments is rounding of their names
OVERLAP_S = 10.0
_TICKS_S = 90_000  # of the clip's own time base
_SECTION = 1 << 20


class NoRecording(Exception):
    """There is no recorded picture in the wanted span; the message says so in a sentence."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span within the wanted one of which there is no picture in the clip. UTC seconds."""

    begins_at_s: float
    ends_at_s: float


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What stands in the clip.

    begins_at_s, ends_at_s: UTC seconds of the first picture and of the end of the last one. gaps: where pictures are
    missing, oldest first. codec: "h264" or "hevc". frames: packets. sha256: of the file, hexadecimal.
    """

    begins_at_s: float
    ends_at_s: float
    gaps: tuple[Gap, ...]
    codec: str
    width: int
    height: int
    frames: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Format:
    codec: str
    width: int
    height: int
    extradata: bytes


@dataclass(frozen=True, slots=True)
class _Piece:
    """The wanted packets of one segment: payload, dts and pts as UTC seconds, key frame or not; in decoding order."""

    format: _Format
    packets: list[tuple[bytes, float, float, bool]]
    ends_at_s: float

    @property
    def begins_at_s(self) -> float:
        return self.packets[0][2]


def write_clip(directory: Path, begins_at_s: float, ends_at_s: float, out: Path) -> ClipFacts:
    """Writes the pictures recorded in `directory` from `begins_at_s` to `ends_at_s` (UTC seconds) to `out` (MP4).

    The clip starts at the key frame at or before `begins_at_s`. Where the camera changed its picture format in the
    span, the format with the most seconds is kept and the rest is a gap. `out` appears whole or not at all.
    Raises NoRecording, and OSError where `out` can't be written.
    """
    segments = find_segments(directory, begins_at_s, ends_at_s)
    pieces = [piece for segment in segments if (piece := _cut(segment, begins_at_s, ends_at_s)) is not None]
    pieces = _without_overlap(_of_one_format(pieces))
    if not pieces:
        when = datetime.fromtimestamp(begins_at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise NoRecording(
            f"nothing was recorded in the {ends_at_s - begins_at_s:.0f} s from {when}: the camera was away, or the "
            "recording is already overwritten (raise recording.max_bytes)"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    try:
        with _template(segments, pieces[0].format) as template:
            _mux(pieces, template, part)
        facts = _facts(pieces, begins_at_s, ends_at_s, part)
        _make_durable(part, out)
    except (OSError, av.FFmpegError):
        part.unlink(missing_ok=True)
        raise
    return facts


def _cut(segment: Segment, from_s: float, to_s: float) -> _Piece | None:
    """The packets of `segment` from the key frame at or before `from_s` to `to_s`; None where there are none."""
    packets: list[tuple[bytes, float, float, bool]] = []
    ends_at_s = 0.0
    try:
        with open_segment(segment) as container:
            stream = container.streams.video[0]
            picture_format = _format(stream)
            for packet in container.demux(stream):
                if packet.pts is None or packet.dts is None or not packet.size or packet.is_corrupt:
                    continue
                tick_s = float(packet.time_base)
                dts_s, pts_s = segment.begins_at_s + packet.dts * tick_s, segment.begins_at_s + packet.pts * tick_s
                if dts_s > to_s:
                    break
                if packet.is_keyframe and pts_s <= from_s:
                    packets.clear()  # a later start will do
                packets.append((bytes(packet), dts_s, pts_s, packet.is_keyframe))
                ends_at_s = max(ends_at_s, pts_s + (packet.duration or 0) * tick_s)
    except (FileNotFoundError, av.FFmpegError, IndexError):
        return None  # overwritten meanwhile, or nothing whole in it yet
    return _Piece(picture_format, packets, ends_at_s) if packets and ends_at_s > from_s else None


def _format(stream: VideoStream) -> _Format:
    context = stream.codec_context
    return _Format(context.name, context.width, context.height, bytes(context.extradata or b""))


def _of_one_format(pieces: list[_Piece]) -> list[_Piece]:
    seconds: dict[_Format, float] = {}
    for piece in pieces:
        seconds[piece.format] = seconds.get(piece.format, 0.0) + piece.ends_at_s - piece.begins_at_s
    if not seconds:
        return []
    longest = max(seconds, key=lambda picture_format: seconds[picture_format])
    return [piece for piece in pieces if piece.format == longest]


def _without_overlap(pieces: list[_Piece]) -> list[_Piece]:
    """Shows no moment twice.

    Many cameras send a new connection the pictures since the last key frame again. Only overlaps up to `OVERLAP_S` are
    cut: a longer one is a wall clock that was set back, and both pieces show something else.
    """
    kept: list[_Piece] = []
    for piece, following in pairwise([*pieces, None]):
        assert piece is not None
        if following is not None and 0.0 < piece.ends_at_s - following.begins_at_s <= OVERLAP_S:
            until_s = following.begins_at_s - 0.02
            packets = [packet for packet in piece.packets if packet[2] < until_s]
            if packets:
                kept.append(_Piece(piece.format, packets, following.begins_at_s))
        else:
            kept.append(piece)
    return kept


@contextmanager
def _template(segments: list[Segment], wanted: _Format) -> Iterator[VideoStream]:
    """The stream of the first of `segments` in the wanted format, open while it is in use."""
    for segment in segments:
        try:
            container = open_segment(segment)
        except (FileNotFoundError, av.FFmpegError):
            continue
        with container:
            stream = container.streams.video[0] if container.streams.video else None
            if stream is not None and _format(stream) == wanted:
                yield stream
                return
    raise NoRecording("the recording was overwritten while the clip was cut; raise recording.max_bytes")


def _mux(pieces: list[_Piece], template: VideoStream, part: Path) -> None:
    """Writes the pieces one after the other; stamps follow the segments' own times, strictly growing."""
    container: OutputContainer = av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"})
    with container:
        stream: VideoStream = container.add_stream_from_template(template, opaque=True)
        if template.codec_context.name == "hevc":
            stream.codec_context.codec_tag = "hvc1"
        origin_s = pieces[0].packets[0][1]
        ended_s = origin_s
        last = -1
        for piece in pieces:
            apart_s = piece.packets[0][1] - ended_s
            shift_s = -apart_s if apart_s < GAP_S else 0.0  # joined without a seam, or the true gap
            for payload, dts_s, pts_s, is_keyframe in piece.packets:
                dts = max(last + 1, round((dts_s + shift_s - origin_s) * _TICKS_S))
                packet = av.Packet(payload)
                packet.stream = stream
                packet.time_base = Fraction(1, _TICKS_S)
                packet.dts, packet.pts = dts, dts + max(0, round((pts_s - dts_s) * _TICKS_S))
                packet.is_keyframe = is_keyframe
                container.mux(packet)
                last = dts
            ended_s = piece.packets[0][1] + piece.ends_at_s - piece.begins_at_s + shift_s  # in decoding time


def _facts(pieces: list[_Piece], from_s: float, to_s: float, part: Path) -> ClipFacts:
    gaps: list[Gap] = []
    reached_s = from_s
    for piece in pieces:
        if piece.begins_at_s - reached_s > GAP_S:
            gaps.append(Gap(reached_s, piece.begins_at_s))
        reached_s = max(reached_s, piece.ends_at_s)
    if to_s - reached_s > GAP_S:
        gaps.append(Gap(reached_s, to_s))
    first = pieces[0]
    return ClipFacts(
        first.begins_at_s,
        pieces[-1].ends_at_s,
        tuple(gaps),
        first.format.codec,
        first.format.width,
        first.format.height,
        sum(len(piece.packets) for piece in pieces),
        part.stat().st_size,
        file_sha256(part),
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while section := file.read(_SECTION):
            digest.update(section)
    return digest.hexdigest()


def _make_durable(part: Path, out: Path) -> None:
    """Gives `part` its name only after its content is on the disk, so that no crash leaves half a clip."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(out)
    folder = os.open(out.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
