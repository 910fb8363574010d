"""`edge check`, the camera half: opens every stream once, measures it, and takes a still with the zones drawn on it."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import av
from av.video.stream import VideoStream

from edge.adapters import stream_faults as faults
from edge.adapters.av_source import AvSource, StreamInfo
from edge.adapters.snapshot import snapshot
from edge.adapters.stream_address import StreamAddress
from edge.adapters.stream_faults import StreamFault
from edge.app.network_checks import Verdict
from edge.config.load import read_secret
from edge.config.schema import CameraSection, LineCrossingSection
from edge.core.frame import Frame
from edge.core.ports import Clock

LOOK_S = 12.0  # at most, for a first picture
MEASURE_S = 3.0  # of packets, for the rates
_ASPECT_TOLERANCE = 0.03
_CLOCK_TOLERANCE_S = 5.0
_LONG_GOP_S = 4.5


@dataclass
class _Look:
    """Listener that looks at a stream until it knows enough."""

    clock: Clock
    stop: threading.Event
    deadline_s: float
    info: StreamInfo | None = None
    still: Frame | None = None
    packet_bytes: int = 0
    stamps_s: list[float] = field(default_factory=list)
    keys_s: list[float] = field(default_factory=list)

    def connected(self, info: StreamInfo, _template: VideoStream) -> None:
        self.info = info

    def packet(self, packet: "av.Packet[VideoStream]", media_s: float, _captured_at_s: float) -> None:
        self.stamps_s.append(media_s)
        self.packet_bytes += packet.size
        if packet.is_keyframe:
            self.keys_s.append(media_s)
        enough = self.still is not None and len(self.keys_s) > 1 and self.span_s >= MEASURE_S
        long_enough = self.still is not None and self.span_s >= 2 * MEASURE_S
        if enough or long_enough or self.clock.monotonic_s() > self.deadline_s:
            self.stop.set()

    def frame(self, frame: Frame) -> None:
        self.still = self.still or frame

    def disconnected(self, _fault: StreamFault) -> None:
        pass

    @property
    def span_s(self) -> float:
        return self.stamps_s[-1] - self.stamps_s[0] if self.stamps_s else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class StreamLook:
    """What one stream of a camera turned out to be."""

    verdict: Verdict
    still: Frame | None
    aspect: float | None


def look_at_stream(camera: CameraSection, *, sub: bool, clock: Clock) -> StreamLook:
    """Opens the main or the sub-stream once. Takes up to about LOOK_S plus the camera's stall_s."""
    url = camera.sub_url if sub and camera.sub_url else camera.url
    subject = f"{camera.name} {'sub' if sub else 'main'}"
    password = read_secret(camera.password_file) if camera.password_file else None
    stop = threading.Event()
    look = _Look(clock, stop, clock.monotonic_s() + LOOK_S)
    address = StreamAddress(url, camera.username, password, camera.transport, camera.ca_file)
    source = AvSource(camera.name, address, look, clock, analysed_fps=1.0, stall_s=camera.stall_s)
    fault = source.run_once(stop)
    if look.still is None or look.info is None:
        silent = "the stream is open but no picture could be decoded: set the key frame interval (GOP) to 2 s or less."
        return StreamLook(Verdict(subject, False, silent if stop.is_set() else fault.sentence), None, None)
    if fault.code != faults.STOPPED:  # it was there for a moment only
        return StreamLook(Verdict(subject, False, fault.sentence), look.still, look.info.width / look.info.height)
    offset_s = source.status.camera_clock_offset_s
    text, notes = _describe(look, look.info, recorded=not sub, offset_s=offset_s)
    return StreamLook(Verdict(subject, True, text, notes), look.still, look.info.width / look.info.height)


def _describe(look: _Look, info: StreamInfo, *, recorded: bool, offset_s: float | None) -> tuple[str, tuple[str, ...]]:
    span_s = max(look.span_s, 1e-6)
    rate, megabits = (len(look.stamps_s) - 1) / span_s, look.packet_bytes * 8e-6 / span_s
    codec = {"h264": "H.264", "hevc": "H.265"}[info.codec]
    text = f"{codec} {info.width}x{info.height}, {rate:.1f} frames/s, {megabits:.2f} Mbit/s"
    notes = []
    if len(look.keys_s) > 1:
        gop_s = max(b - a for a, b in zip(look.keys_s, look.keys_s[1:], strict=False))
        text += f", key frame every {gop_s:.1f} s"
    if len(look.keys_s) < 2 or gop_s > _LONG_GOP_S:
        notes.append("key frames are far apart, so clips begin early: set the camera's key frame interval to 2 s")
    if recorded and info.codec == "hevc":
        notes.append("H.265 clips play in VLC but not in every browser: set the recorded stream to H.264")
    if offset_s is not None and abs(offset_s) > _CLOCK_TOLERANCE_S:
        notes.append(f"the camera's clock is {offset_s:+.0f} s off: set its NTP server")
    return text, tuple(notes)


def aspect_notes(main: StreamLook, sub: StreamLook | None) -> tuple[str, ...]:
    """A sub-stream of another shape may show another cut of the scene, so that boxes would lie wrong in the clip."""
    if sub is None or main.aspect is None or sub.aspect is None:
        return ()
    if abs(main.aspect / sub.aspect - 1) <= _ASPECT_TOLERANCE:
        return ()
    return ("main and sub-stream differ in shape (width to height): make them alike, or boxes lie wrong in clips",)


def save_still(camera: CameraSection, frame: Frame, folder: Path) -> Path:
    """Writes the still of `camera` with its zones and lines drawn and named. Raises OSError."""
    shapes = [(zone.polygon, zone.name) for zone in camera.zones]
    shapes += [(rule.line, rule.name) for rule in camera.rules if isinstance(rule, LineCrossingSection)]
    picture = snapshot(frame, zones=[shape for shape, _ in shapes], zone_labels=[name for _, name in shapes])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{camera.name}.jpg"
    path.write_bytes(picture)
    return path
