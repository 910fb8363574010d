"""The messages that edge and console exchange. Frozen: a field may be added with a default, never renamed or removed.

All times are UTC seconds since 1970 (`_at_s`) or durations in seconds (`_s`).
All boxes and points are fractions of the picture's width and height, origin top left.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = 1

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Box = tuple[Fraction, Fraction, Fraction, Fraction]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Moment = Annotated[float, Field(ge=0, le=4e9)]  # UTC seconds, to the year 2096: what a calendar can show
Seconds = Annotated[float, Field(ge=0, le=1e9)]  # a duration: to thirty years
Count = Annotated[int, Field(ge=0, le=2**53)]  # what JSON numbers and databases hold exactly
Revision = Annotated[int, Field(ge=1, le=2**31 - 1)]
EventId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
OutboxId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Severity = Literal["low", "medium", "high", "critical"]
RuleKind = Literal["loitering", "repeated_presence", "intrusion", "crowd", "line_crossing"]
CameraAlarm = Literal[
    "camera_signal_lost",
    "camera_frozen",
    "camera_black",
    "camera_overexposed",
    "camera_covered",
    "camera_moved",
    "camera_infra_red_failed",
    "camera_too_dark",
    "camera_defocused",
    "camera_resolution_changed",
    "camera_bit_rate_collapsed",
    "camera_frame_rate_changed",
    "camera_clock_wrong",
]
CAMERA_ALARMS: tuple[CameraAlarm, ...] = get_args(CameraAlarm)


class Message(BaseModel):
    """What all messages and their parts have in common."""

    # Newer senders may add fields; an older reader ignores them. Infinities and NaN are never meant.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class PathPoint(Message):
    """Where a person's feet were, at a moment."""

    at_s: Moment
    x: Fraction
    y: Fraction


class GapBridged(Message):
    """A time in which the person was not seen inside the zone, and why the stay went on all the same."""

    from_at_s: Moment
    to_at_s: Moment
    reason: Literal["missed_detection", "occlusion", "identity_switch", "brief_exit"]


class Visit(Message):
    """A stay of the same person in the same zone before this one, known while the picture never lost them."""

    from_at_s: Moment
    to_at_s: Moment


class EventMessage(Message):
    """One revision of an event. `event_id` is immutable; the highest `revision` is the truth.

    rule: what people did, or what is wrong with what the camera sends; then box and path are empty, people is 0, zone
    is empty unless it is about that one alone, and dwell_s is since when it has been wrong.
    """

    schema_version: Literal[1] = 1
    event_id: EventId
    revision: Revision
    state: Literal["open", "updated", "closed"]
    rule: RuleKind | CameraAlarm
    camera: Name
    zone: Name | None = None
    severity: Severity = "medium"
    stage: Annotated[int, Field(ge=1, le=100)] = 1
    opened_at_s: Moment
    captured_at_s: Moment = Field(description="capture time of the frame that this revision speaks of")
    closed_at_s: Moment | None = None
    closed_because: (
        Literal["left", "lost", "disarmed", "dispersed", "crossed", "restart", "camera_lost", "unwatched", "sees_again"]
        | None
    ) = Field(None, description="unwatched: nobody was looked for from then on, for the network failed")
    dwell_s: Seconds = 0.0
    threshold_s: Seconds | None = Field(None, description="the seconds the rule was set to")
    people: Annotated[int, Field(ge=0, le=10_000)] = 1
    direction: Literal["in", "out"] | None = None
    visits: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="stays summed up, for repeated_presence")
    confidence: Fraction = 0.0
    box: Box | None = None
    path: tuple[PathPoint, ...] = Field((), max_length=500)
    gaps_bridged: tuple[GapBridged, ...] = Field((), max_length=200)
    earlier_visits: tuple[Visit, ...] = Field((), max_length=100, description="oldest first; older boxes don't tell")
    model: str = Field("", max_length=200, description="name of the network in the node's manifest")
    period: str = Field(
        "", max_length=40, description="of the calendar, in which it opened; clock_wrong: nobody can tell; empty: none"
    )


class VideoGap(Message):
    """A time of which a clip holds no picture: the camera or the recording failed, or the clip had to end."""

    from_at_s: Moment
    to_at_s: Moment


class EvidenceFile(Message):
    """One file that belongs to an event; the file itself travels by HTTP."""

    role: Literal["clip", "snapshot", "snapshot_before", "snapshot_boxes", "track"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,120}$")]
    media_type: Literal["video/mp4", "image/jpeg", "application/json"]
    bytes: Annotated[int, Field(ge=1, le=2**40)]
    sha256: Sha256
    begins_at_s: Moment
    ends_at_s: Moment
    gaps: Annotated[
        tuple[VideoGap, ...],
        Field(max_length=100, description="of a clip: what it was to show and has no pictures of, oldest first"),
    ] = ()


class EvidenceMessage(Message):
    """The files of an event. A later revision replaces the list of an earlier one."""

    schema_version: Literal[1] = 1
    event_id: EventId
    revision: Revision
    camera: Name
    files: tuple[EvidenceFile, ...] = Field((), max_length=16)
    missing: str | None = Field(None, max_length=300, description="why a clip could not be made, for people")
    missing_code: str = Field("", max_length=40, description="the same as a stable word that the console translates")

    @model_validator(mode="after")
    def _names_differ(self) -> "EvidenceMessage":
        if len({file.name for file in self.files}) < len(self.files):
            raise ValueError("two files have the same name")
        return self


class RuleHours(Message):
    """Weekly hours, on the clocks of the node. `ends` at or before `begins` runs past midnight."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(max_length=7)
    begins: Annotated[str, Field(pattern=r"^\d\d:\d\d$")]
    ends: Annotated[str, Field(pattern=r"^\d\d:\d\d$")]


class RuleSetting(Message):
    """A rule as it is set on the node, whatever a calendar makes of it."""

    rule: RuleKind
    seconds: Annotated[Seconds | None, Field(description="what it waits for; None: it does not wait")] = None
    severity: Severity = "medium"
    hours: Annotated[tuple[RuleHours, ...], Field(max_length=32, description="when it is armed; empty: always")] = ()
    follows_calendar: bool = True


class CameraHealth(Message):
    """How one camera of a node does."""

    camera: Name
    label: str = Field("", max_length=120, description="what people call it")
    state: Literal["sees", "impaired", "blind"]
    since_at_s: Moment
    reason: str = Field("", max_length=300, description="true cause in plain English, empty while it sees")
    reason_code: str = Field("", max_length=40, description="the same as a stable word that the console translates")
    blind_until_at_s: Annotated[
        Moment | None,
        Field(description="when the last time ended in which it saw nothing; None: it never did, or older ones"),
    ] = None
    impaired_until_at_s: Annotated[
        Moment | None, Field(description="the same of the last time in which it was impaired")
    ] = None
    recording: bool = False
    analysed_fps: Annotated[float, Field(ge=0, le=1000)] = 0.0
    idle: bool = Field(False, description="nothing goes on there, so only key frames are looked at")
    frames_dropped: Count = 0
    reconnects: Count = 0
    last_frame_at_s: Moment | None = None
    width: Annotated[int, Field(ge=0, le=100_000)] = 0
    height: Annotated[int, Field(ge=0, le=100_000)] = 0
    codec: Annotated[str, Field(max_length=60)] = ""
    zones: tuple["ZoneShape", ...] = Field((), max_length=32)


class ZoneShape(Message):
    """A zone or line as the node watches it: for drawing, and whether its rules see anything there.

    A rule sees as well as its zone and its camera do, whichever is worse.
    """

    zone: Name
    label: Annotated[str, Field(max_length=120, description="what people call it")] = ""
    polygon: tuple[tuple[Fraction, Fraction], ...] = Field(min_length=2, max_length=64)
    rules: tuple[RuleKind, ...] = ()
    settings: Annotated[
        tuple[RuleSetting, ...], Field(max_length=32, description="its rules as they are set; older nodes tell none")
    ] = ()
    state: Literal["sees", "impaired", "blind"] = "sees"
    since_at_s: Annotated[Moment | None, Field(description="since when; None: since the worker began")] = None
    blind_until_at_s: Annotated[
        Moment | None, Field(description="when the last time ended in which it could not be seen, as of a camera")
    ] = None
    reason_code: Annotated[
        str, Field(max_length=40, description="why, as a stable word that the console translates")
    ] = ""


class NodeProblem(Message):
    """Something that is wrong with the node itself, not with one of its cameras."""

    code: Annotated[str, Field(max_length=40, description="a stable word that the console translates")]
    severity: Literal["warning", "critical"]
    since_at_s: Moment
    subject: str = Field("", max_length=120, description="which network interface, which certificate")
    figure: float | None = Field(
        None, description="degrees Celsius, free bytes, a share from 0 to 1, days left or a count, as the code says"
    )


class NetworkLink(Message):
    """A network interface of the node. errors: damaged packets since it came up."""

    name: Name
    up: bool
    errors: Count = 0


class CertificateEnd(Message):
    """A certificate that the node connects with."""

    name: Annotated[str, Field(max_length=120)]
    ends_at_s: Annotated[float, Field(ge=-1e11, le=3e11)]  # the years that a certificate can hold


class NumberSpan(Message):
    """Numbers of an outbox, both ends among them."""

    first: Annotated[int, Field(ge=1, le=2**53)]
    last: Annotated[int, Field(ge=1, le=2**53)]


class AbsentNumbers(NumberSpan):
    """Numbers that the console asked for and that never come."""

    why: Annotated[str, Field(max_length=20, description="given_up: for too much waited; gone: not in the outbox")]


class MachineHealth(Message):
    """What the node's machine tells of itself; what it does not tell is left out."""

    board: Annotated[str, Field(max_length=120)] = ""
    system: Annotated[str, Field(max_length=200)] = ""
    temperature_c: float | None = None
    throttled: bool | None = Field(None, description="the processor has slowed itself down: heat, or weak power")
    under_voltage: bool | None = None
    memory_bytes: Count | None = None
    memory_available_bytes: Count | None = None
    load: Annotated[float, Field(ge=0)] | None = Field(None, description="mean of five minutes")
    processors: Annotated[int, Field(ge=1, le=10_000)] = 1
    disk_bytes: Count | None = None
    disk_wear: Annotated[float, Field(ge=0, le=2)] | None = Field(None, description="share of its life that is used")
    disk_errors: Count = 0
    links: tuple[NetworkLink, ...] = Field((), max_length=64)
    certificates: tuple[CertificateEnd, ...] = Field((), max_length=80)


class HealthMessage(Message):
    """Sent every 15 s and at every change."""

    schema_version: Literal[1] = 1
    at_s: Moment
    started_at_s: Annotated[
        Moment, Field(description="the same in all messages of one run; by a clock that may have been set since")
    ]
    running_s: Annotated[
        Seconds | None,
        Field(description="since the node started, whatever its clock was set to; older ones don't tell"),
    ] = None
    version: Annotated[str, Field(max_length=60)]
    state: Literal["ok", "degraded"]
    problems: tuple[Annotated[str, Field(max_length=600)], ...] = Field((), max_length=32)
    node_problems: tuple[NodeProblem, ...] | None = Field(
        None, max_length=64, description="those of `problems` that are the node's own, told better; critical ones first"
    )
    machine: MachineHealth | None = None
    cameras: tuple[CameraHealth, ...] = Field((), max_length=64)
    outbox_rows: Count = 0
    outbox_id: OutboxId | None = None
    outbox_given_up: Annotated[
        Count, Field(description="messages of that outbox which never come: it was full, they were the least important")
    ] = 0
    outbox_absent: Annotated[
        tuple[AbsentNumbers, ...],
        Field(max_length=3000, description="the answer to `wanted`; what is not named here is sent again"),
    ] = ()
    schedule_revision: Annotated[
        str | None, Field(max_length=64, description="of the schedule it works by; empty: none; older nodes don't tell")
    ] = None
    schedule_until_at_s: Annotated[Moment | None, Field(description="when that schedule ends")] = None
    uploads_waiting: Count = 0
    oldest_waiting_s: Seconds = 0.0
    worker_restarts: Count = 0
    disk_free_bytes: Count = 0


class StatusMessage(Message):
    """Retained. `offline` is also the node's last will, spoken by the broker when the node falls silent."""

    schema_version: Literal[1] = 1
    status: Literal["online", "offline"]
    at_s: Moment
    version: Annotated[str, Field(max_length=60)] = ""


class CommandMessage(Message):
    """Console to node."""

    schema_version: Literal[1] = 1
    command_id: EventId
    command: Literal["send_still"]
    camera: Name
    at_s: Moment


class Refusal(Message):
    """A message that the console will never take, and why."""

    sequence: Annotated[int, Field(ge=1, le=2**53)]
    reason: str = Field(max_length=300)


class AcknowledgementMessage(Message):
    """Console to node: these rows of your outbox are committed here (or refused for good); drop them.

    wanted: numbers that never came, to be sent again. A message that holds nothing is a greeting: send all again.
    """

    schema_version: Literal[1] = 1
    outbox_id: OutboxId
    committed: tuple[int, ...] = Field((), max_length=1000)
    refused: tuple[Refusal, ...] = Field((), max_length=1000)
    wanted: Annotated[tuple[NumberSpan, ...], Field(max_length=2000)] = ()


CameraHealth.model_rebuild()
