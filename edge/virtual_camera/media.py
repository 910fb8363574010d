"""What a virtual camera plays: coded pictures in a loop, or pictures that are coded while they play."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge.virtual_camera.access_unit import AccessUnit, Codec, MediaError
from edge.virtual_camera.coder import LiveEncoder, usual_bit_rate


class PictureSource(Protocol):
    """`picture_count` pictures, each (height, width, 3) uint8 RGB, `fps` of them a second."""

    width: int
    height: int
    fps: float
    picture_count: int

    def picture(self, number: int) -> NDArray[np.uint8]:
        """Picture `number`, from 0. Raises MediaError."""
        ...


@runtime_checkable
class Loop(Protocol):
    """Coded pictures that are sent as they are."""

    @property
    def codec(self) -> Codec:
        """Of all its pictures."""
        ...

    @property
    def fps(self) -> float:
        """Pictures a second, on average."""
        ...

    @property
    def bit_rate(self) -> int:
        """Bits a second, on average."""
        ...

    def endless(self, begin_s: float = 0.0) -> Iterator[AccessUnit]:
        """The loop for ever, in decoding order, stamps growing from `begin_s` without a step. Raises MediaError."""
        ...


@dataclass(frozen=True, slots=True)
class Clip:
    """A loop in memory. Stamps of its units begin at 0; the first is a key frame."""

    codec: Codec
    width: int
    height: int
    units: tuple[AccessUnit, ...]
    duration_s: float

    @property
    def fps(self) -> float:
        """Pictures a second, on average."""
        return len(self.units) / self.duration_s

    @property
    def bit_rate(self) -> int:
        """Bits a second, on average."""
        return round(8 * sum(unit.size_bytes for unit in self.units) / self.duration_s)

    def endless(self, begin_s: float = 0.0) -> Iterator[AccessUnit]:
        """The loop for ever, stamps growing from `begin_s` without a step."""
        while True:
            for unit in self.units:
                yield unit.moved(begin_s)
            begin_s += self.duration_s


def encode(source: PictureSource, codec: Codec = "h264", bit_rate: int | None = None) -> Clip:
    """All pictures of a source. bit_rate: bits a second, None for a cheap camera's. Raises MediaError."""
    rate = bit_rate or usual_bit_rate(source.width, source.height, source.fps)
    encoder = LiveEncoder(codec, (source.width, source.height), source.fps, rate)
    units: list[AccessUnit] = []
    for number in range(source.picture_count):
        at_s = number / source.fps
        units += encoder.encode(source.picture(number), at_s, at_s)
    return Clip(codec, source.width, source.height, tuple(units), source.picture_count / source.fps)


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
