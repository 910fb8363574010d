"""Coded pictures as cameras send them: NAL units with their time stamps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Codec = Literal["h264", "hevc"]
_H264_SPS, _HEVC_SPS = 7, 33


class MediaError(Exception):
    """Something that can't be played; the text says why."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture: its NAL units without start codes, seconds from the beginning, whether it is a key frame."""

    nals: tuple[bytes, ...]
    pts_s: float
    dts_s: float
    key: bool

    @property
    def size_bytes(self) -> int:
        """Of all its NAL units."""
        return sum(len(nal) for nal in self.nals)

    def moved(self, by_s: float) -> "AccessUnit":
        """The same picture later."""
        return replace(self, pts_s=self.pts_s + by_s, dts_s=self.dts_s + by_s)

    def has_parameters(self, codec: Codec) -> bool:
        """Whether a decoder can begin with it: it carries a sequence parameter set."""
        if codec == "h264":
            return any(nal[0] & 0x1F == _H264_SPS for nal in self.nals)
        return any((nal[0] >> 1) & 0x3F == _HEVC_SPS for nal in self.nals)


def split_nals(annex_b: bytes) -> tuple[bytes, ...]:
    """NAL units between start codes (ISO/IEC 14496-10, annex B)."""
    parts = annex_b.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return tuple(part.rstrip(b"\x00") or part for part in parts if part)


def annex_b(nals: Sequence[bytes]) -> bytes:
    """NAL units with start codes."""
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)
