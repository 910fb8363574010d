"""Whether bytes are a picture as cameras send it: the header of a JPEG (ITU-T T.81), read without decoding it."""

import struct

MOST_PIXELS = 100_000_000  # of one side at most 65,535; no camera comes near
_STARTS_FRAME = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what browsers show
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}  # lossless, arithmetic: they don't
_SCAN, _END = 0xDA, b"\xff\xd9"
_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})  # markers without a length: none of them belongs before a scan


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of the one JPEG that `data` is, from its first byte to its last; None for another.

    Its header must be whole, of 8 bits, grey or of three colours, and lead to a scan with something in it.
    """
    if not data.startswith(b"\xff\xd8\xff") or not data.endswith(_END):
        return None
    at, size = 2, None
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if marker in _ALONE or marker in _OTHER_FRAMES or length < 2 or len(body) != length - 2:
            return None
        if marker in _STARTS_FRAME:
            size = _frame_size(body)
        if marker == _SCAN:
            return size if at + 2 + length < len(data) - len(_END) else None
        at += 2 + length
    return None


def _frame_size(body: bytes) -> tuple[int, int] | None:
    if len(body) < 6:
        return None
    bits, height, width, colours = struct.unpack_from(">BHHB", body)
    fit = bits == 8 and colours in (1, 3) and len(body) == 6 + 3 * colours
    return (width, height) if fit and 0 < width * height <= MOST_PIXELS else None
