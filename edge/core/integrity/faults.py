"""What can be wrong with what a camera sends, gravest first: where several are, the first is told."""

from dataclasses import dataclass
from typing import Literal

FaultCode = Literal[
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
FaultGroup = Literal["signal", "sight", "zone", "bits", "rate", "clock"]  # one alarm at a time in each


@dataclass(frozen=True, slots=True)
class CameraFault:
    """One row. state: of the camera while it lasts. severity: of the alarm, where the configuration names no other.

    sentence: for people who look after the camera, plain English.
    """

    code: FaultCode
    state: Literal["impaired", "blind"]
    severity: Literal["low", "medium", "high"]
    sentence: str
    group: FaultGroup = "sight"


@dataclass(frozen=True, slots=True)
class Trouble:
    """How a camera does in one group of faults.

    fault: None while nothing is wrong. since_at_s: UTC seconds. sure_s: for how long nothing has spoken for any fault.
    zone: the only one it is about, empty for the whole camera.
    """

    group: FaultGroup
    fault: CameraFault | None
    since_at_s: float
    sure_s: float
    zone: str = ""


LENS_FAULTS = (
    CameraFault("camera_frozen", "blind", "high", "the same picture comes again and again: restart the camera"),
    CameraFault("camera_black", "blind", "high", "the picture went black at once: look whether the lens is covered"),
    CameraFault(
        "camera_overexposed", "blind", "medium", "the picture is white: look for a lamp or laser before the lens"
    ),
    CameraFault(
        "camera_covered", "blind", "high", "nothing of the known view is seen: look whether the lens is covered"
    ),
    CameraFault(
        "camera_moved", "blind", "high", "the view is another one: turn the camera back, or take the view anew"
    ),
    CameraFault(
        "camera_infra_red_failed", "blind", "medium", "dark, where infra-red light was at night: look after the lamp"
    ),
    CameraFault("camera_too_dark", "blind", "low", "too dark to see anybody: the place needs light at these hours"),
    CameraFault("camera_defocused", "impaired", "medium", "the picture is out of focus: clean the lens and focus anew"),
    CameraFault(
        "camera_resolution_changed",
        "impaired",
        "low",
        "pictures are of another size than when the view was taken: set the camera back, or take the view anew",
    ),
)
SIGNAL_LOST = CameraFault(
    "camera_signal_lost", "blind", "high", "no picture comes: look at its power and its cable", group="signal"
)
ZONE_TOO_DARK = CameraFault(
    "camera_too_dark", "impaired", "low", "too dark in a zone: it needs light at these hours", group="zone"
)
BITS_COLLAPSED = CameraFault(
    "camera_bit_rate_collapsed",
    "impaired",
    "low",
    "the stream holds hardly any bits any more: look at the camera's settings and the network",
    group="bits",
)
RATE_CHANGED = CameraFault(
    "camera_frame_rate_changed",
    "impaired",
    "low",
    "pictures come at another rate than before: look at the camera's settings and the network",
    group="rate",
)
CLOCK_WRONG = CameraFault(
    "camera_clock_wrong", "impaired", "low", "the camera's own clock is wrong: set its NTP server", group="clock"
)
FAULTS = (SIGNAL_LOST, *LENS_FAULTS, BITS_COLLAPSED, RATE_CHANGED, CLOCK_WRONG)
_GROUPS: dict[str, FaultGroup] = {fault.code: fault.group for fault in FAULTS}


def group_of(code: str, zone: str | None) -> FaultGroup:
    """Of the fault `code` of a camera, or of one zone of it."""
    return "zone" if zone else _GROUPS[code]
