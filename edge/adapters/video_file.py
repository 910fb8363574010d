"""Frames of a video file, as fast as they can be decoded, with the media's own time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.adapters.decoded_picture import i420
from edge.adapters.libav_limits import ANY_TEXT, bound_allocations
from edge.adapters.motion_gate import MotionGate
from edge.adapters.time_line import Sampler
from edge.core.frame import Frame

MISSING_S = 0.5  # less is how files round
_STATE_THEIR_LENGTH = ("mov,", "matroska,", "avi", "flv")


class VideoFileError(Exception):
    """A file that can't be played; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A frame, and which one of the file it is, counted from 0."""

    frame: Frame
    source_number: int


class VideoFile:
    """Iterating gives its frames; then `missing_s`, `ends_early` and `damaged` say whether it was all there."""

    def __init__(self, path: Path, camera: str, fps: float, begins_at_s: float = 0.0) -> None:
        """Frames of `path`, at most `fps` a second, evenly by their time stamps; media_s counts from the first frame.

        begins_at_s: UTC seconds of the first frame.
        """
        self._path, self._camera, self._fps, self._begins_at_s = path, camera, fps, begins_at_s
        self._packets, self._end_s, self._cut = 0, Fraction(0), False
        self.damaged = 0  # packets that could not be decoded
        self.missing_s = 0.0  # what the file says it holds, less what could be read

    @property
    def ends_early(self) -> bool:
        """Whether the file breaks off: it holds less than it says, or its last picture is cut."""
        return self._cut or self.missing_s > MISSING_S

    def __iter__(self) -> Iterator[SourceFrame]:
        """Raises VideoFileError."""
        path = self._path
        bound_allocations()
        try:
            with av.open(str(path), metadata_errors=ANY_TEXT) as container:
                if not container.streams.video:
                    raise VideoFileError(f"{path} holds no video; name a video file")
                stream = container.streams.video[0]
                if stream.codec_context is None:  # PyAV says so where libav knows no decoder
                    raise VideoFileError(f"{path} is coded in a way that is not known here; name another video file")
                stream.codec_context.thread_count = 1
                yield from self._frames(container, stream)
                self.missing_s = self._missing_s(container, stream)
        except (av.FFmpegError, OSError) as error:
            why = error.strerror or type(error).__name__
            raise VideoFileError(f"{path} can't be read as a video: {why}; name a video file that is whole") from error

    def _frames(self, container: InputContainer, stream: VideoStream) -> Iterator[SourceFrame]:
        sampler, gate, analysed = Sampler(self._fps), MotionGate(), 0
        first_s: Fraction | None = None
        for number, picture in enumerate(self._pictures(container, stream)):
            if picture.pts is None or picture.time_base is None:
                continue
            at_s = picture.pts * picture.time_base
            first_s = at_s if first_s is None else first_s
            media_s = float(at_s - first_s)
            if sampler.wants(media_s):
                planes = i420(picture)
                motion = gate.update(planes[: planes.shape[0] * 2 // 3], media_s)
                frame = Frame(self._camera, analysed, media_s, self._begins_at_s + media_s, planes, motion)
                analysed += 1
                yield SourceFrame(frame, number)

    def _pictures(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """All pictures that can be decoded: damage costs pictures, as it does with a live camera."""
        for packet in container.demux(stream):
            if packet.size:
                self._packets += 1
                self._cut = packet.is_corrupt
            if packet.pts is not None and packet.time_base is not None:
                self._end_s = max(self._end_s, (packet.pts + (packet.duration or 0)) * packet.time_base)
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                self.damaged += 1

    def _missing_s(self, container: InputContainer, stream: VideoStream) -> float:
        """By the time and by the count of pictures that the file states, where its format states any."""
        if not container.format.name.startswith(_STATE_THEIR_LENGTH):
            return 0.0  # the length of others is an estimate
        begins_s = (stream.start_time or 0) * (stream.time_base or Fraction(1))
        stated_s = _stated_s(container, stream)
        by_time = float(begins_s + stated_s - self._end_s) if stated_s is not None else 0.0
        by_count = float((stream.frames - self._packets) / stream.average_rate) if stream.average_rate else 0.0
        return max(0.0, by_time, by_count)


def _stated_s(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """How long the video is by its header, seconds; of several streams the file's own length may be another's."""
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3])
    alone = len(container.streams) == 1 and container.duration is not None
    return Fraction(container.duration or 0, 1_000_000) if alone else None
