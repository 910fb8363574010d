"""Stop 12 of the house: cuts a clip from recorded segments, without re-encoding.

The packets of the clip are those the camera sent, bit for bit; only the container around them is new: a progressive
MP4 whose index stands first (faststart), so that a browser plays it while it loads.
"""

from __future__ import annotations  # av.Packet is generic for the type checker only

import errno
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import accumulate, pairwise
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.video.stream import VideoStream

from edge.adapters.durable import put_in_place
from edge.adapters.segments import Segment, list_segments, open_segment

GAP_S = 0.5  # less than this between two segments is rounding of their names
HOLE_S = 1.5  # between two pictures of one segment; a camera that sends fewer says so by its usual step
OVERLAP_S = 10.0
_TICKS_S = 90_000  # of the clip's own time base
_SECTION = 1 << 20


class NoRecording(Exception):
    """There is no recorded picture in the wanted span; the message says so in a sentence."""


class DamagedRecording(NoRecording):
    """What was recorded in the wanted span is no longer what the camera sent."""


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


class _Stamp(NamedTuple):
    """A packet without its bytes: its number in its segment, dts and pts as UTC seconds, how many bytes it has."""

    number: int
    dts_s: float
    pts_s: float
    size: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """The wanted packets of one segment, in decoding order. Their bytes stay on disk until they are copied."""

    segment: Segment
    format: _Format
    packets: list[_Stamp]
    ends_at_s: float

    @property
    def begins_at_s(self) -> float:
        return self.packets[0].pts_s


def write_clip(
    directory: Path,
    begins_at_s: float,
    ends_at_s: float,
    out: Path,
    is_sound: Callable[[Path], bool] = lambda _: True,
    behind_s: Callable[[Segment], float] = lambda _: 0.0,
    most_bytes: float = inf,
) -> ClipFacts:
    """Writes the pictures recorded in `directory` from `begins_at_s` to `ends_at_s` (UTC seconds) to `out` (MP4).

    The clip starts at the key frame at or before `begins_at_s`. Where the camera changed its picture format in the
    span, the format with the most seconds is kept and the rest is a gap; so is a closed segment that isn't sound any
    more (is_sound is asked for its hash): it is no evidence. `out` appears whole or not at all.
    behind_s: by how much the clock by which a segment was named is behind the clip's, where it was set in between.
    most_bytes: of its packets; what would be more is cut off at the end, and is a gap.
    Raises NoRecording, DamagedRecording; OSError where `out` can't be written or a segment was deleted meanwhile.
    """
    named = ((segment, behind_s(segment)) for segment in list_segments(directory))
    there = [(one, late_s) for one, late_s in named if one.overlaps(begins_at_s - late_s, ends_at_s - late_s)]
    segments = [(one, late_s) for one, late_s in there if one.ends_at_s is None or is_sound(one.path)]
    cut = (_cut(segment, begins_at_s, ends_at_s, late_s) for segment, late_s in segments)
    pieces = sorted((piece for piece in cut if piece is not None), key=lambda piece: piece.begins_at_s)
    pieces = _of_at_most(_without_overlap(_of_one_format(pieces)), most_bytes)
    if not pieces:
        when = datetime.fromtimestamp(begins_at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        if len(segments) < len(there):
            raise DamagedRecording(f"the recording from {when} is damaged on the box's disk; look at the disk")
        raise NoRecording(
            f"nothing was recorded in the {ends_at_s - begins_at_s:.0f} s from {when}: the camera was away, or the "
            "recording is already overwritten (raise recording.max_bytes)"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    try:
        _mux(pieces, part)
        facts = _facts(pieces, begins_at_s, ends_at_s, part)
        put_in_place(part, out)
    except av.FFmpegError as error:
        part.unlink(missing_ok=True)
        raise OSError(errno.EIO, f"a segment could not be read to its end ({type(error).__name__})") from error
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return facts


def _cut(segment: Segment, from_s: float, to_s: float, behind_s: float) -> _Piece | None:
    """The packets of `segment` from the key frame at or before `from_s` to `to_s`; None where there are none."""
    packets, origin_s = list[_Stamp](), segment.begins_at_s + behind_s
    ends_at_s = 0.0
    try:
        with open_segment(segment) as container:
            stream = container.streams.video[0]
            if stream.codec_context is None:  # PyAV says so where libav knows no decoder: damaged
                return None
            picture_format = _format(stream)
            for number, packet in enumerate(container.demux(stream)):
                if packet.pts is None or packet.dts is None or not packet.size or packet.is_corrupt:
                    continue
                tick_s = float(packet.time_base)
                dts_s, pts_s = origin_s + packet.dts * tick_s, origin_s + packet.pts * tick_s
                if dts_s > to_s:
                    break
                if packet.is_keyframe and pts_s <= from_s:
                    packets.clear()  # a later start will do
                packets.append(_Stamp(number, dts_s, pts_s, packet.size))
                ends_at_s = max(ends_at_s, pts_s + (packet.duration or 0) * tick_s)
    except (FileNotFoundError, av.FFmpegError, IndexError):
        return None  # overwritten meanwhile, or nothing whole in it yet
    return _Piece(segment, picture_format, packets, ends_at_s) if packets and ends_at_s > from_s else None


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
            packets = [packet for packet in piece.packets if packet.pts_s < until_s]
            if packets:
                kept.append(replace(piece, packets=packets, ends_at_s=following.begins_at_s))
        else:
            kept.append(piece)
    return kept


def _of_at_most(pieces: list[_Piece], most_bytes: float) -> list[_Piece]:
    """Those that fit, and of the next one what does."""
    kept: list[_Piece] = []
    left = most_bytes
    for piece in pieces:
        ends = list(accumulate(stamp.size for stamp in piece.packets))
        fits = bisect_right(ends, left)
        if fits == len(ends):
            kept.append(piece)
            left -= ends[-1]
            continue
        if fits:
            missed_s = min(stamp.pts_s for stamp in piece.packets[fits:])  # the first picture that is not there
            ends_at_s = max(piece.begins_at_s, missed_s)
            kept.append(replace(piece, packets=piece.packets[:fits], ends_at_s=ends_at_s))
        break
    return kept


def _mux(pieces: list[_Piece], part: Path) -> None:
    """Writes the pieces one after the other; stamps follow the segments' own times, strictly growing."""
    with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        with open_segment(pieces[0].segment) as first:
            template = first.streams.video[0]
            stream = container.add_stream_from_template(template, opaque=True)
            if template.codec_context.name == "hevc":
                stream.codec_context.codec_tag = "hvc1"
        origin_s = pieces[0].packets[0].dts_s
        ended_s = origin_s
        last = -1
        for piece in pieces:
            apart_s = piece.packets[0].dts_s - ended_s
            shift_s = -apart_s if apart_s < GAP_S else 0.0  # joined without a seam, or the true gap
            for packet, stamp in _copies(piece):
                dts = max(last + 1, round((stamp.dts_s + shift_s - origin_s) * _TICKS_S))
                packet.stream = stream
                packet.time_base = Fraction(1, _TICKS_S)
                packet.dts, packet.pts = dts, dts + max(0, round((stamp.pts_s - stamp.dts_s) * _TICKS_S))
                container.mux(packet)
                last = dts
            ended_s = piece.packets[0].dts_s + piece.ends_at_s - piece.begins_at_s + shift_s  # in decoding time


def _copies(piece: _Piece) -> Iterator[tuple[av.Packet[Any], _Stamp]]:
    """The packets of a piece, read anew one at a time, so that a long clip needs no more memory than a short one.

    Raises OSError where they are gone meanwhile.
    """
    wanted = iter(piece.packets)
    stamp = next(wanted, None)
    with open_segment(piece.segment) as container:
        for number, packet in enumerate(container.demux(container.streams.video[0])):
            if stamp is None:
                return
            if number == stamp.number:
                copy = av.Packet(bytes(packet))
                copy.is_keyframe = packet.is_keyframe
                yield copy, stamp
                stamp = next(wanted, None)
    if stamp is not None:
        raise OSError(errno.EIO, f"{piece.segment.path.name} was cut short while a clip was made of it")


def _facts(pieces: list[_Piece], from_s: float, to_s: float, part: Path) -> ClipFacts:
    first = pieces[0]
    return ClipFacts(
        first.begins_at_s,
        pieces[-1].ends_at_s,
        _gaps(pieces, from_s, to_s),
        first.format.codec,
        first.format.width,
        first.format.height,
        sum(len(piece.packets) for piece in pieces),
        part.stat().st_size,
        file_sha256(part),
    )


def _gaps(pieces: list[_Piece], from_s: float, to_s: float) -> tuple[Gap, ...]:
    """Where pictures are missing between `from_s` and `to_s`: between the pieces, within them, at both ends."""
    gaps: list[Gap] = []
    reached_s = from_s
    for piece in pieces:
        if piece.begins_at_s - reached_s > GAP_S:
            gaps.append(Gap(reached_s, piece.begins_at_s))
        within = [Gap(max(hole.begins_at_s, from_s), min(hole.ends_at_s, to_s)) for hole in _holes(piece)]
        gaps += [hole for hole in within if hole.begins_at_s < hole.ends_at_s]
        reached_s = max(reached_s, piece.ends_at_s)
    if to_s - reached_s > GAP_S:
        gaps.append(Gap(reached_s, to_s))
    return tuple(gaps)


def _holes(piece: _Piece) -> list[Gap]:
    """A camera that hung and went on within its connection left its hole inside a segment."""
    shown_s = sorted(packet.pts_s for packet in piece.packets)
    steps = list(pairwise(shown_s))
    if not steps:
        return []
    usual_s = sorted(later_s - earlier_s for earlier_s, later_s in steps)[len(steps) // 2]
    longest_s = max(HOLE_S, 3 * usual_s)
    return [Gap(earlier_s + usual_s, later_s) for earlier_s, later_s in steps if later_s - earlier_s > longest_s]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while section := file.read(_SECTION):
            digest.update(section)
    return digest.hexdigest()
