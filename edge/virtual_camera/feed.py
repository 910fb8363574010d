"""What a stream sends, one access unit after another, for ever, with the faults of the picture that are on."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.access_unit import AccessUnit, Codec, MediaError
from edge.virtual_camera.coder import LiveDecoder, LiveEncoder, usual_bit_rate
from edge.virtual_camera.media import Clip, Loop, PictureSource
from edge.virtual_camera.picture_faults import PictureSpoiler

Faults = Callable[[], frozenset[str]]
_LEAST_BIT_RATE = 200_000
_KEPT_BYTES = 12_000_000  # of a drawn loop; a longer one is drawn anew each time
_GROUP_BYTES = 50_000_000


class _Studio:
    """Spoils and codes pictures; the encoder is made anew where their size changes."""

    def __init__(self, codec: Codec, fps: float, bit_rate: int) -> None:
        self._codec, self._fps, self._bit_rate = codec, fps, bit_rate
        self._spoiler = PictureSpoiler(fps)
        self._encoder: LiveEncoder | None = None
        self._number = 0

    def coded(
        self, picture: NDArray[np.uint8], stamps: tuple[float, float], faults: frozenset[str], key: bool = False
    ) -> list[AccessUnit]:
        """stamps: pts and dts, seconds. key: code it as a key frame."""
        shown = self._spoiler.spoilt(picture, self._number, faults)
        self._number += 1
        size = shown.shape[1] // 2 * 2, shown.shape[0] // 2 * 2
        shown = np.ascontiguousarray(shown[: size[1], : size[0]])
        if self._encoder is None or self._encoder.size != size:
            self._encoder = LiveEncoder(self._codec, size, self._fps, self._bit_rate)
        return self._encoder.encode(shown, *stamps, key)


def source_feed(source: PictureSource, codec: Codec, faults: Faults) -> Iterator[AccessUnit]:
    """Pictures drawn and coded one by one as they are asked for; once all went out sound, their packets are repeated.

    Raises MediaError.
    """
    if source.picture_count < 1 or source.fps <= 0:
        raise MediaError("there are no pictures to play")
    studio = _Studio(codec, source.fps, usual_bit_rate(source.width, source.height, source.fps))
    duration_s = source.picture_count / source.fps
    begin_s = 0.0
    while True:
        kept: list[AccessUnit] = []
        sound, kept_bytes = True, 0
        for number in range(source.picture_count):
            at_s, on = begin_s + number / source.fps, faults()
            for unit in studio.coded(source.picture(number), (at_s, at_s), on, key=number == 0):
                yield unit
                kept_bytes += unit.size_bytes
                kept.append(unit.moved(-begin_s))
            sound = sound and not on and kept_bytes <= _KEPT_BYTES
            if not sound:
                kept.clear()
        begin_s += duration_s
        if sound:
            yield from loop_feed(Clip(codec, source.width, source.height, tuple(kept), duration_s), faults, begin_s)


def loop_feed(loop: Loop, faults: Faults, begin_s: float = 0.0) -> Iterator[AccessUnit]:
    """A loop bit for bit; while its picture is faulty, decoded, spoilt and coded anew. Raises MediaError.

    A fault shows from the next picture on. After it the loop's own packets take over at its next key frame, until
    then the sound picture is coded.
    """
    group: list[AccessUnit] = []
    group_bytes = 0
    recoding: _Recoding | None = None
    sent_s = float("-inf")
    for unit in loop.endless(begin_s):
        if unit.key:
            group, group_bytes = [], 0
            if recoding is not None and not faults():
                yield from recoding.rest(unit.dts_s)
                recoding = None
        if recoding is None and faults():
            recoding = _Recoding(loop, group, sent_s)
        group_bytes += unit.size_bytes
        if group_bytes <= _GROUP_BYTES:  # a file with hardly a key frame in it must not fill the memory
            group.append(unit)
        for out in [unit] if recoding is None else recoding.units(unit, faults()):
            sent_s = max(sent_s, out.pts_s)
            yield out


class _Recoding:
    """From a loop's units to units with a faulty picture, on the same time line."""

    def __init__(self, loop: Loop, group: list[AccessUnit], sent_s: float) -> None:
        """group: the units since the last key frame, sent already. sent_s: newest pts sent."""
        self._studio = _Studio(loop.codec, loop.fps, max(_LEAST_BIT_RATE, loop.bit_rate))
        self._decoder = LiveDecoder(loop.codec)
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
