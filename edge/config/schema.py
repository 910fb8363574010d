"""The node's configuration file, as types. Every default is written here and nowhere else.

What ties keys together (names that differ, rules that name a zone, keys that go together) is checked in `ties`, so that
it is reported together with everything else.

Coordinates are fractions of the picture's width and height, origin top left. Seconds end in `_s`.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from edge.core.geometry import polygon_fault
from edge.core.integrity.faults import FaultCode

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Label = Annotated[str, Field(max_length=120)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Point = tuple[Fraction, Fraction]
Days = Annotated[float, Field(ge=0, le=3650)]
MAX_SHAPES = 32  # zones and lines of one camera: what a health message holds
STALL_S = 4.0
REPEATED_PRESENCE_WINDOW_S = 900.0
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _undo_sexagesimal(value: object) -> object:
    # YAML 1.1 reads an unquoted 22:00 as the number 22 * 60.
    return f"{value // 60:02d}:{value % 60:02d}" if isinstance(value, int) else value


ClockTime = Annotated[str, BeforeValidator(_undo_sexagesimal), Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


def _address(url: str) -> SplitResult:
    """Raises ValueError for what no address may hold, a port past 65535 among it."""
    if any(ord(letter) <= ord(" ") for letter in url):
        raise ValueError("an address holds no spaces or line breaks; take them out")
    parts = urlsplit(url)
    if parts.netloc.endswith(":") or parts.port == 0:
        raise ValueError("the port is missing after the colon, or 0; write it, or leave both out")
    _sound_host(parts.hostname or "none")
    return parts


def _sound_host(host: str) -> str:
    try:
        sound = host.isprintable() and " " not in host and host.encode("idna")
    except UnicodeError:  # a part of it is empty or has more than 63 letters: no name server takes it
        sound = b""
    if not sound:
        raise ValueError(f"{host[:60]!r} is no name or address of a machine; for example gatehouse.example.org")
    return host


def _sound_path(path: object) -> object:
    if isinstance(path, str) and (not path or re.search(r"[\x00-\x1f\x7f]", path)):
        raise ValueError("no file is named so; give the name of one")
    return path


FilePath = Annotated[Path, BeforeValidator(_sound_path)]
ProviderName = Literal["auto", "cpu", "cuda", "tensorrt", "openvino"]
ModelName = Annotated[str, BeforeValidator(_sound_path)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WeeklyHours(_Section):
    """A weekly span in the node's time zone. `ends` before `begins` runs past midnight."""

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    begins: ClockTime = "00:00"
    ends: ClockTime = "24:00"


AlarmSeverity = Literal["none", "low", "medium", "high", "critical"]
Armed = Annotated[tuple[WeeklyHours, ...], Field(min_length=1)]


class _RuleSection(_Section):
    zone: Name
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    armed: Armed = (WeeklyHours(),)  # default: always
    follows_calendar: bool = True  # False: the console's calendar changes nothing here


class LoiteringSection(_RuleSection):
    """Fires when one person has been in the zone for `dwell_s`, while the person is there."""

    kind: Literal["loitering"]
    dwell_s: Annotated[float, Field(ge=1, le=7200)]
    second_stage_at: Annotated[float, Field(ge=1.1, le=20)] = 3.0  # multiple of dwell_s: severity rises by one


class RepeatedPresenceSection(_RuleSection):
    """Fires when the stays of one person within `window_s` add up to `dwell_s`: pacing in and out."""

    kind: Literal["repeated_presence"]
    dwell_s: Annotated[float, Field(ge=1, le=7200)]
    window_s: Annotated[float, Field(ge=10, le=14400)] = REPEATED_PRESENCE_WINDOW_S


class IntrusionSection(_RuleSection):
    """Fires when anyone is in the zone for `confirm_s` while the rule is armed."""

    kind: Literal["intrusion"]
    confirm_s: Annotated[float, Field(ge=0.2, le=60)] = 1.0


class CrowdSection(_RuleSection):
    """Fires when at least `people` are in the zone for `hold_s`."""

    kind: Literal["crowd"]
    people: Annotated[int, Field(ge=2, le=500)]
    hold_s: Annotated[float, Field(ge=1, le=3600)] = 10.0


class LineCrossingSection(_Section):
    """Fires when a footpoint crosses `line`; 'in' is left to right, seen from its first point to its second."""

    kind: Literal["line_crossing"]
    name: Name
    line: tuple[Point, Point]
    direction: Literal["in", "out", "both"] = "both"
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    armed: Armed = (WeeklyHours(),)
    follows_calendar: bool = True

    @field_validator("line")
    @classmethod
    def _two_places(cls, line: tuple[Point, Point]) -> tuple[Point, Point]:
        if abs(line[0][0] - line[1][0]) + abs(line[0][1] - line[1][1]) < 0.01:
            raise ValueError("the two points are the same place; draw the line longer")
        return line


RuleSection = Annotated[
    LoiteringSection | RepeatedPresenceSection | IntrusionSection | CrowdSection | LineCrossingSection,
    Field(discriminator="kind"),
]


class ZoneSection(_Section):
    """A polygon of at least three points, not crossing itself."""

    name: Name
    label: Label = ""
    polygon: tuple[Point, ...] = Field(min_length=3, max_length=64)
    grace_s: Annotated[float, Field(ge=0, le=60)] = 2.0  # exits up to this long do not end a stay
    clip_days: Days | None = None  # of events in this zone; default: recording.clip_days of the camera

    @field_validator("polygon")
    @classmethod
    def _sound(cls, polygon: tuple[Point, ...]) -> tuple[Point, ...]:
        fault = polygon_fault(polygon)
        if fault:
            raise ValueError(fault)
        return polygon


class RecordingSection(_Section):
    """Continuous recording of the main stream, from which clips are cut, and how long the box keeps what."""

    segment_s: Annotated[float, Field(ge=1, le=60)] = 4.0
    max_bytes: Annotated[int, Field(ge=10_000_000, le=10**15)] = (
        2_000_000_000  # of recording and clips; oldest go first
    )
    continuous_days: Days | None = None  # None: as far back as max_bytes reaches; 0: off, only what clips need
    clip_days: Days = 7.0  # an event's clip and pictures stay here so long after its end, and until they are delivered
    pre_s: Annotated[float, Field(ge=0, le=120)] = 10.0
    post_s: Annotated[float, Field(ge=0, le=120)] = 10.0


class CameraSection(_Section):
    """One camera. `url` is recorded; `sub_url`, where given, is analysed instead of it."""

    name: Name
    label: Label = ""
    url: str  # rtsp:// or, over TLS, rtsps://
    sub_url: str | None = None
    ca_file: FilePath | None = None  # rtsps only: who must have signed its certificate; None: it is not checked
    username: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")] | None = None
    password_file: FilePath | None = None  # read at start; a secret never stands in this file or in a URL
    transport: Literal["tcp", "udp"] = "tcp"
    analysed_fps: Annotated[float, Field(ge=0.5, le=30)] = 5.0
    stall_s: Annotated[float, Field(ge=1, le=60)] = STALL_S
    signal_lost_s: Annotated[float, Field(ge=5, le=3600)] = 20.0  # so long without a picture rings
    camera_alarms: dict[FaultCode | Literal["all"], AlarmSeverity] = {}  # how its own faults ring; the wall shows them
    recording: RecordingSection = RecordingSection()
    zones: tuple[ZoneSection, ...] = ()
    rules: tuple[RuleSection, ...] = ()

    @field_validator("url", "sub_url")
    @classmethod
    def _rtsp_without_secret(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = _address(url)
        if parts.scheme not in ("rtsp", "rtsps") or not parts.hostname:
            raise ValueError("must look like rtsp://camera.example/stream")
        if parts.username or parts.password:
            raise ValueError("take the user and password out of the address: use `username` and `password_file`")
        return url


class BrokerSection(_Section):
    """Where events go. The user name is the node's name."""

    host: Annotated[str, AfterValidator(_sound_host)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    tls: bool = True
    ca_file: FilePath | None = None
    password_file: FilePath
    protocol: Literal["5", "3.1.1"] = "5"
    home_assistant: bool = False  # the node and its cameras as a device of Home Assistant, by MQTT discovery


class ConsoleSection(_Section):
    """Where clips and pictures go."""

    url: str
    token_file: FilePath
    ca_file: FilePath | None = None

    @field_validator("url")
    @classmethod
    def _https_off_loopback(cls, url: str) -> str:
        parts = _address(url)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("must be an https:// address (http:// on this machine itself only)")
        if parts.username or parts.password:
            raise ValueError("take the user and password out of the address: use token_file")
        return url.rstrip("/")


class NodeSection(_Section):
    """This box."""

    name: Name
    timezone: str = "Asia/Ho_Chi_Minh"  # armed hours are read in it
    state_dir: FilePath  # recordings, clips and the outbox live here
    workers: Annotated[int, Field(ge=0, le=64)] = 0  # 0: one for each processor core, at most one a camera

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone; for example Asia/Ho_Chi_Minh") from None
        return name


class DetectorSection(_Section):
    """Which network looks for people."""

    model: ModelName = "default"  # a name in the manifest, or a path of an .onnx file that `gatehouse models add` took
    confidence: Annotated[float, Field(ge=0.05, le=0.95)] | None = None  # default: the manifest's
    provider: ProviderName = "auto"  # who runs it; auto: the fastest here, measured once


class OutboxSection(_Section):
    """How much may wait for the console; past it what is least important is given up, in a written order."""

    max_rows: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000  # messages
    max_message_bytes: Annotated[int, Field(ge=100_000, le=10**12)] = 400_000_000
    max_file_bytes: Annotated[int, Field(ge=1_000_000, le=10**15)] = 8_000_000_000  # clips and pictures not sent yet
    max_days: Annotated[float, Field(ge=0.01, le=3650)] = 90.0


class UploadSection(_Section):
    """How clips and pictures may use the line. Events never wait for it."""

    max_bytes_per_s: Annotated[int, Field(ge=1_000, le=10**10)] | None = None  # on average; left out: no limit
    quiet_hours: tuple[WeeklyHours, ...] = ()  # clips wait; pictures of what goes on now do not


class MetricsSection(_Section):
    """Figures for Prometheus, without a sign-in. port 0: none."""

    host: Annotated[str, AfterValidator(_sound_host)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 9717


class EdgeConfig(_Section):
    """The whole file."""

    node: NodeSection
    broker: BrokerSection
    console: ConsoleSection
    detector: DetectorSection = DetectorSection()
    outbox: OutboxSection = OutboxSection()
    upload: UploadSection = UploadSection()
    metrics: MetricsSection = MetricsSection()
    cameras: tuple[CameraSection, ...] = Field(min_length=1, max_length=64)
