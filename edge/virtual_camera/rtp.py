"""RTP packets of H.264 (RFC 6184) and H.265 (RFC 7798), and RTCP sender reports (RFC 3550)."""

import base64
import struct
from collections.abc import Iterator, Sequence

from edge.virtual_camera.access_unit import AccessUnit

PAYLOAD_TYPE = 96
CLOCK_HZ = 90_000
MAX_PAYLOAD_BYTES = 1400  # below the usual path MTU of 1500
_NTP_OFFSET_S = 2_208_988_800  # 1900 to 1970


class Packetiser:
    """Numbers the packets of one stream to one client."""

    def __init__(self, clip_codec: str, ssrc: int, sequence: int, base_ticks: int) -> None:
        self._codec, self._ssrc, self._sequence, self._base = clip_codec, ssrc, sequence, base_ticks
        self._packets = self._bytes = 0

    @property
    def sequence(self) -> int:
        """Number of the next packet."""
        return self._sequence

    def ticks(self, at_s: float) -> int:
        """RTP time stamp of a moment of the stream."""
        return (self._base + round(at_s * CLOCK_HZ)) & 0xFFFFFFFF

    def packets(self, unit: AccessUnit) -> Iterator[bytes]:
        """RTP packets of one picture; the last one carries the marker."""
        payloads = [payload for nal in unit.nals for payload in _payloads(self._codec, nal)]
        for number, payload in enumerate(payloads, 1):
            marker = 0x80 if number == len(payloads) else 0
            header = struct.pack(
                "!BBHII", 0x80, marker | PAYLOAD_TYPE, self._sequence, self.ticks(unit.pts_s), self._ssrc
            )
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._packets += 1
            self._bytes += len(payload)
            yield header + payload

    def sender_report(self, at_s: float, wall_s: float) -> bytes:
        """Ties the moment `at_s` of the stream to UTC, so that a receiver knows when a picture was taken."""
        ntp = wall_s + _NTP_OFFSET_S
        fraction = int((ntp % 1) * 2**32)
        counts = self._packets & 0xFFFFFFFF, self._bytes & 0xFFFFFFFF
        return struct.pack("!BBHIIIIII", 0x80, 200, 6, self._ssrc, int(ntp), fraction, self.ticks(at_s), *counts)


def _payloads(codec: str, nal: bytes) -> Iterator[bytes]:
    """One NAL unit as RTP payloads: whole where it fits, else as fragmentation units."""
    if len(nal) <= MAX_PAYLOAD_BYTES:
        yield nal
        return
    if codec == "h264":
        head, body = bytes([(nal[0] & 0xE0) | 28]), nal[1:]
        kind = nal[0] & 0x1F
    else:
        kind = (nal[0] >> 1) & 0x3F
        head, body = bytes([(nal[0] & 0x81) | (49 << 1), nal[1]]), nal[2:]
    step = MAX_PAYLOAD_BYTES - len(head) - 1
    for begin in range(0, len(body), step):
        first = 0x80 if begin == 0 else 0
        last = 0x40 if begin + step >= len(body) else 0
        yield head + bytes([first | last | kind]) + body[begin : begin + step]


def session_description(codec: str, nals: Sequence[bytes], address: str) -> str:
    """SDP (RFC 8866) of a stream, with the parameter sets among `nals`, so that a client can decode from the first
    key frame."""
    place = f"IN IP{6 if ':' in address else 4} {address}"
    lines = ["v=0", f"o=- 0 0 {place}", "s=Gatehouse virtual camera", f"c={place}", "t=0 0"]
    lines += ["a=control:*", f"m=video 0 RTP/AVP {PAYLOAD_TYPE}"]
    if codec == "h264":
        parameters = [nal for nal in nals if nal[0] & 0x1F in (7, 8)]
        profile = next((nal[1:4].hex().upper() for nal in parameters if nal[0] & 0x1F == 7), "42E01E")
        lines.append(f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}")
        sprop = f";sprop-parameter-sets={_base64(parameters)}" if parameters else ""
        lines.append(f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile}{sprop}")
    else:
        lines.append(f"a=rtpmap:{PAYLOAD_TYPE} H265/{CLOCK_HZ}")
        names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
        found = {(nal[0] >> 1) & 0x3F: nal for nal in nals}
        sprops = [f"{name}={_base64([found[kind]])}" for kind, name in names.items() if kind in found]
        if sprops:
            lines.append(f"a=fmtp:{PAYLOAD_TYPE} {';'.join(sprops)}")
    lines.append("a=control:trackID=0")
    return "\r\n".join(lines) + "\r\n"


def _base64(nals: Sequence[bytes]) -> str:
    return ",".join(base64.b64encode(nal).decode() for nal in nals)
