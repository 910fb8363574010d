"""What a stream sends, one access unit after another, for ever, with the faults of the picture that are on."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.coder import LiveDecoder, LiveEncoder
from edge.virtual_camera.media import AccessUnit, Clip, Codec, MediaError, PictureSource
from edge.virtual_camera.picture_faults import PictureSpoiler

Faults = Callable[[], frozenset[str]]
_LEAST_BIT_RATE = 200_000


class _Studio:
    """Spoils and codes pictures; the encoder is made anew where their size changes."""

    def __init__(self, codec: Codec, fps: float, bit_rate: int) -> None:
        self._codec, self._fps, self._bit_rate = codec, fps, bit_rate
        self._spoiler = PictureSpoiler(fps)
        self._encoder: LiveEncoder | None = None
        self._number = 0

    def coded(
        self, picture: NDArray[np.uint8], stamps: tuple[float, float], faults: frozenset[str]
    ) -> list[AccessUnit]:
        """stamps: pts and dts, seconds."""
        shown = self._spoiler.spoilt(picture, self._number, faults)
        self._number += 1
        size = shown.shape[1] // 2 * 2, shown.shape[0] // 2 * 2
        shown = np.ascontiguousarray(shown[: size[1], : size[0]])
        if self._encoder is None or self._encoder.size != size:
            self._encoder = LiveEncoder(self._codec, size, self._fps, self._bit_rate)
        return self._encoder.encode(shown, *stamps)


def source_feed(source: PictureSource, codec: Codec, bit_rate: int, faults: Faults) -> Iterator[AccessUnit]:
    """A drawn scene, drawn and coded picture by picture as they are asked for. Raises MediaError."""
    if source.picture_count < 1 or source.fps <= 0:
        raise MediaError("there are no pictures to play")
    studio = _Studio(codec, source.fps, bit_rate)
    number = 0
    while True:
        at_s = number / source.fps
        yield from studio.coded(source.picture(number % source.picture_count), (at_s, at_s), faults())
        number += 1


def clip_feed(clip: Clip, faults: Faults) -> Iterator[AccessUnit]:
    """A clip in a loop, bit for bit; while its picture is faulty, decoded, spoilt and coded anew.

    A fault shows from the next picture on. After it the clip's own packets take over at its next key frame, until
    then the sound picture is coded.
    """
    group: list[AccessUnit] = []
    recoding: _Recoding | None = None
    sent_s = float("-inf")
    for unit in clip.endless():
        if unit.key:
            group = []
            if recoding is not None and not faults():
                yield from recoding.rest(unit.dts_s)
                recoding = None
        if recoding is None and faults():
            recoding = _Recoding(clip, group, sent_s)
        group.append(unit)
        for out in [unit] if recoding is None else recoding.units(unit, faults()):
            sent_s = max(sent_s, out.pts_s)
            yield out


class _Recoding:
    """From the clip's units to units with a faulty picture, on the same time line."""

    def __init__(self, clip: Clip, group: list[AccessUnit], sent_s: float) -> None:
        """group: the units since the last key frame, sent already. sent_s: newest pts sent."""
        rate = 8 * sum(len(nal) for unit in clip.units for nal in unit.nals) / clip.duration_s
        self._studio = _Studio(clip.codec, clip.fps, max(_LEAST_BIT_RATE, round(rate)))
        self._decoder = LiveDecoder(clip.codec)
        self._sent_s = sent_s
        for unit in group:
            self._decoder.decode(unit)

    def units(self, unit: AccessUnit, faults: frozenset[str]) -> Iterator[AccessUnit]:
        """What to send in the place of `unit`: nothing where the decoder waits for more."""
        return self._coded(self._decoder.decode(unit), unit.dts_s, faults)

    def rest(self, dts_s: float) -> Iterator[AccessUnit]:
        """The pictures that the decoder held back."""
        return self._coded(self._decoder.rest(), dts_s, frozenset())

    def _coded(
        self, pictures: list[tuple[NDArray[np.uint8], float]], dts_s: float, faults: frozenset[str]
    ) -> Iterator[AccessUnit]:
        for picture, pts_s in pictures:
            if pts_s > self._sent_s:
                self._sent_s = pts_s
                yield from self._studio.coded(picture, (pts_s, dts_s), faults)
