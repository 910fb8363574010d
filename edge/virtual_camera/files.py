"""Video files that a virtual camera plays, read while they play: a long one takes no more memory than a short one."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias, cast

import av
import cv2
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edge.adapters.libav_limits import ANY_TEXT
from edge.virtual_camera.access_unit import AccessUnit, Codec, MediaError, split_nals
from edge.virtual_camera.coder import ENCODERS, rgb

_USUAL_FPS = 25.0
_USUAL_BIT_RATE = 1_500_000
_Packet: TypeAlias = "Packet[VideoStream]"
_PROBED = 64  # packets whose stamps are looked at before a file is sent as it is
_MAX_STEP_S = 10.0  # a longer one between two pictures is a fault of the recording; nobody wants to wait for it


def open_file(path: Path) -> "FileLoop | FilePictures":
    """A video file: sent as it is where it is H.264 or H.265 with sound stamps, else coded anew. Raises MediaError."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        fps = float(stream.average_rate or _USUAL_FPS)
        bit_rate = stream.bit_rate or container.bit_rate or _USUAL_BIT_RATE
        first = [packet for packet in islice(container.demux(stream), _PROBED) if packet.size]
    stamped = all(packet.pts is not None for packet in first) and any(packet.dts is not None for packet in first)
    if codec not in ENCODERS or not stamped:
        return FilePictures(path)
    loop = FileLoop(path, "hevc" if codec == "hevc" else "h264", fps, bit_rate)
    with closing(loop.once(0.0)) as units:
        if len(list(islice(units, 2))) < 2:
            raise MediaError(f"{path} can't be played: it holds fewer than two pictures from a key frame on")
    return loop


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    try:
        with av.open(str(path), metadata_errors=ANY_TEXT) as container:
            if not container.streams.video or container.streams.video[0].codec_context is None:
                raise MediaError(f"{path} can't be played: it holds no video that is known here")
            yield container
    except (av.FFmpegError, OSError) as error:
        why = error.strerror or type(error).__name__
        raise MediaError(f"{path} can't be played: {why}; name a video file that you may read") from error


@dataclass(frozen=True, slots=True)
class FileLoop:
    """An H.264 or H.265 file, its packets bit for bit, again and again."""

    path: Path
    codec: Codec
    fps: float
    bit_rate: int

    def endless(self, begin_s: float = 0.0) -> Iterator[AccessUnit]:
        """The file for ever, stamps growing from `begin_s` without a step. Raises MediaError."""
        while True:
            last_s = yield from self.once(begin_s)
            begin_s = last_s + 1.0 / self.fps

    def once(self, begin_s: float) -> Generator[AccessUnit, None, float]:
        """The file from its first key frame to its end; the generator's value is its last dts. Raises MediaError."""
        shift_s: float | None = None
        last_s, step_s = begin_s, 1.0 / self.fps
        with _opened(self.path) as container:
            stream = container.streams.video[0]
            to_annex_b = BitStreamFilterContext(f"{self.codec}_mp4toannexb", stream)
            for packet, ahead_s, dts_s in _stamped(container.demux(stream), step_s):
                key = packet.is_keyframe  # the filter takes the packet's insides away
                nals = split_nals(b"".join(bytes(out) for out in to_annex_b.filter(packet)))
                if shift_s is None:
                    shift_s = begin_s - dts_s
                elif not 0 <= dts_s + shift_s - last_s <= _MAX_STEP_S:
                    shift_s = last_s + step_s - dts_s
                last_s = dts_s + shift_s
                yield AccessUnit(nals, last_s + ahead_s, last_s, key)
        return last_s


def _stamped(packets: Iterator[_Packet], step_s: float) -> Iterator[tuple[_Packet, float, float]]:
    """Packets from the first key frame on, each with pts - dts and dts in seconds.

    Matroska keeps no dts; libav can't tell it of the packets before the first reordered one, which are few.
    """
    begun = False
    waiting: list[_Packet] = []
    for packet in packets:
        begun = begun or packet.is_keyframe
        if not begun or not packet.size or packet.pts is None:
            continue
        waiting.append(packet)
        if packet.dts is None:
            continue
        for place, one in enumerate(waiting, 1 - len(waiting)):
            dts_s = float(packet.dts * packet.time_base) + place * step_s
            yield one, float(cast(int, one.pts) * one.time_base) - dts_s, dts_s
        waiting.clear()


class FilePictures:
    """A file that no camera would send as it is, as pictures of one size to be coded anew. Best read in order."""

    def __init__(self, path: Path) -> None:
        """Raises MediaError."""
        with _opened(path) as container:
            stream = container.streams.video[0]
            self.width, self.height = stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2
            self.fps = float(stream.average_rate or _USUAL_FPS)
            self.picture_count = sum(1 for packet in container.demux(stream) if packet.size)
        self._path = path
        self._pictures = self._decoded()
        self._next = 0
        self._last: NDArray[np.uint8] | None = None
        if min(self.width, self.height) < 2 or next(self._decoded(), None) is None:
            raise MediaError(f"{path} can't be played: it holds no picture that can be decoded")

    def picture(self, number: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB; where a picture can't be decoded, the one before it. Raises MediaError."""
        if number < self._next:
            self._pictures, self._next = self._decoded(), 0
        while self._next <= number:
            self._last = next(self._pictures, self._last)
            self._next += 1
        return cast(NDArray[np.uint8], self._last)

    def _decoded(self) -> Iterator[NDArray[np.uint8]]:
        with _opened(self._path) as container:
            for frame in container.decode(video=0):
                picture = rgb(frame)
                if picture.shape[:2] != (self.height, self.width):
                    picture = np.asarray(cv2.resize(picture, (self.width, self.height)), np.uint8)
                yield picture
