"""Finds the parameter sets (H.264 SPS and PPS; H.265 VPS, SPS and PPS) at the head of a key frame.

Their bytes change exactly when the camera changes its picture format. Sources: ITU-T H.264 7.3.1 and H.265 7.3.1.2
for the NAL header, annex B of both for the start codes.
"""

_HEAD_BYTES = 4096  # parameter sets stand before the first slice and are small
_SPS_TYPES = {"h264": {7}, "hevc": {33}}
_ALL_TYPES = {"h264": {7, 8}, "hevc": {32, 33, 34}}
_SLICE_TYPES = {"h264": range(1, 6), "hevc": range(32)}


def sequence_parameter_sets(codec: str, payload: bytes) -> bytes:
    """The SPS units of an annex-B key frame, joined; empty where it carries none or is not annex B.

    codec: "h264" or "hevc", as libav names them.
    """
    return b"".join(unit for kind, unit in _units(codec, payload) if kind in _SPS_TYPES[codec])


def parameter_sets(codec: str, payload: bytes) -> bytes:
    """All parameter sets of an annex-B key frame with start codes, as libav wants them for extradata; may be empty."""
    wanted = _ALL_TYPES[codec]
    return b"".join(b"\x00\x00\x00\x01" + unit for kind, unit in _units(codec, payload) if kind in wanted)


def _units(codec: str, payload: bytes) -> list[tuple[int, bytes]]:
    """(NAL type, unit without start code) up to the first slice."""
    head = payload[:_HEAD_BYTES]
    if not head.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        return []
    units: list[tuple[int, bytes]] = []
    begin = head.find(b"\x00\x00\x01") + 3
    while 3 <= begin < len(head):
        kind = head[begin] & 0x1F if codec == "h264" else head[begin] >> 1 & 0x3F
        if kind in _SLICE_TYPES[codec]:
            break
        following = head.find(b"\x00\x00\x01", begin)
        if following < 0:
            break
        units.append((kind, head[begin:following].rstrip(b"\x00")))
        begin = following + 3
    return units
