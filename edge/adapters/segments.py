"""The recording of one stream as a folder of fragmented MP4 files, found by their names alone.

Names: `<begin>.mp4` is being written (or was, when the power went); `<begin>-<end>.mp4` is closed. Both numbers are UTC
milliseconds since 1970 of the first picture and of the end of the last one, so a directory listing is the index, and
nothing can fall out of step with it. Files are added and renamed by the Recorder only.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from edge.adapters.libav_limits import ANY_TEXT

_NAME = re.compile(r"^(\d{1,15})(?:-(\d{1,15}))?\.mp4$")
_HEADER_BYTES = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Segment:
    """One file. begins_at_s, ends_at_s: UTC seconds; ends_at_s is None while the file is being written."""

    path: Path
    begins_at_s: float
    ends_at_s: float | None

    def overlaps(self, from_s: float, to_s: float) -> bool:
        """Whether some of [from_s, to_s] (UTC seconds) may be in this file."""
        return self.begins_at_s <= to_s and (self.ends_at_s is None or self.ends_at_s > from_s)


def list_segments(directory: Path, known: dict[str, Segment] | None = None) -> list[Segment]:
    """All segments in `directory`, oldest first; none where there is no such directory.

    known: what an earlier look found, by file name; it is brought up to date, for most files stay where they are.
    """
    before = known or {}
    there = {}
    for name in os.listdir(directory) if directory.is_dir() else ():
        segment = before.get(name)
        if segment is None and (match := _NAME.match(name)):
            begin, end = match.groups()
            segment = Segment(directory / name, int(begin) / 1000, None if end is None else int(end) / 1000)
        if segment is not None:
            there[name] = segment
    if known is not None:
        known.clear()
        known.update(there)
    found = there.values()
    return sorted(found, key=lambda segment: (segment.begins_at_s, segment.ends_at_s or float("inf")))


def find_segments(directory: Path, from_s: float, to_s: float) -> list[Segment]:
    """The segments that hold something of [from_s, to_s] (UTC seconds), oldest first."""
    return [segment for segment in list_segments(directory) if segment.overlaps(from_s, to_s)]


def closed_name(begins_at_s: float, ends_at_s: float) -> str:
    """File name of a closed segment."""
    return f"{round(begins_at_s * 1000)}-{round(ends_at_s * 1000)}.mp4"


def open_name(begins_at_s: float) -> str:
    """File name of a segment that is being written."""
    return f"{round(begins_at_s * 1000)}.mp4"


def whole_bytes(path: Path) -> int:
    """How many bytes from the start hold whole fragments; 0 where not even one is there.

    Walks the top-level boxes (ISO/IEC 14496-12, 4.2): size, kind, then size - 8 bytes. What follows the last `mdat`
    whose end is in the file is half a fragment, or zeros after a power cut.
    """
    length = path.stat().st_size
    whole = position = 0
    with path.open("rb") as file:
        while position + _HEADER_BYTES <= length:
            file.seek(position)
            header = file.read(16)
            size, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if size == 1:
                size = int.from_bytes(header[8:16], "big")
            if size < _HEADER_BYTES or position + size > length:
                break
            position += size
            if kind in (b"mdat", b"mfra"):
                whole = position
    return whole


class _WholeFragments:
    """What libav reads from: a file as if it ended after its last whole fragment, also while it grows."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._length = file, length

    def read(self, count: int = -1) -> bytes:
        left = max(0, self._length - self._file.tell())
        return self._file.read(left if count < 0 else min(count, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            offset, whence = max(0, self._length + offset), os.SEEK_SET  # libav looks for marks at the end of anything
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def open_segment(segment: Segment) -> Iterator[InputContainer]:
    """The segment ready to demux; of one that is being written, the whole fragments there are now.

    Raises FileNotFoundError where it was deleted meanwhile, av.FFmpegError where it can't be read (or is empty yet).
    """
    path = segment.path
    if segment.ends_at_s is None and not path.exists():  # closed, and so renamed, since it was listed
        closed = [now for now in list_segments(path.parent) if now.begins_at_s == segment.begins_at_s]
        if not closed:
            raise FileNotFoundError(f"{path} is gone")
        path = closed[0].path
    with path.open("rb") as file:
        whole = _WholeFragments(file, whole_bytes(path))
        with av.open(whole, "r", format="mp4", metadata_errors=ANY_TEXT) as container:
            yield container


def close_abandoned(directory: Path) -> int:
    """Cuts off and closes what a killed recorder left open; deletes what holds nothing. Returns how many it found."""
    abandoned = [segment for segment in list_segments(directory) if segment.ends_at_s is None]
    for segment in abandoned:
        seconds = _seconds(segment)
        if seconds is None:
            log.warning("%s holds no whole fragment; deleted", segment.path.name)
            segment.path.unlink()
            continue
        with segment.path.open("r+b") as file:
            file.truncate(whole_bytes(segment.path))
        segment.path.rename(directory / closed_name(segment.begins_at_s, segment.begins_at_s + seconds))
    return len(abandoned)


def _seconds(segment: Segment) -> float | None:
    """How long the pictures in the file last; None where there are none."""
    try:
        with open_segment(segment) as container:
            stream = container.streams.video[0]
            ends = [
                (packet.pts + (packet.duration or 0)) * float(packet.time_base)
                for packet in container.demux(stream)
                if packet.pts is not None
            ]
    except (av.FFmpegError, IndexError):
        return None
    return max(ends) if ends else None
