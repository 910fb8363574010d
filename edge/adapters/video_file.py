"""Frames of a video file, as fast as they can be decoded, with the media's own time."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.adapters.decoded_picture import i420
from edge.adapters.time_line import Sampler
from edge.core.frame import Frame


class VideoFileError(Exception):
    """A file that can't be played; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A frame, and which one of the file it is, counted from 0."""

    frame: Frame
    source_number: int


def read_frames(path: Path, camera: str, fps: float, begins_at_s: float = 0.0) -> Iterator[SourceFrame]:
    """Frames of `path`, at most `fps` a second, evenly by their time stamps; media_s counts from the first frame.

    begins_at_s: UTC seconds of the first frame. Raises VideoFileError.
    """
    sampler = Sampler(fps)
    analysed = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise VideoFileError(f"{path} holds no video; name a video file")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            first_s: Fraction | None = None
            for number, picture in enumerate(_pictures(container, stream)):
                if picture.pts is None or picture.time_base is None:
                    continue
                at_s = picture.pts * picture.time_base
                first_s = at_s if first_s is None else first_s
                media_s = float(at_s - first_s)
                if sampler.wants(media_s):
                    frame = Frame(camera, analysed, media_s, begins_at_s + media_s, i420(picture))
                    analysed += 1
                    yield SourceFrame(frame, number)
    except (av.FFmpegError, OSError) as error:
        raise VideoFileError(f"{path} can't be read as a video: {error.strerror or type(error).__name__}") from error


def _pictures(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """All pictures that can be decoded: damage costs pictures, as it does with a live camera."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
