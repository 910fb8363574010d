"""What can be wrong with what a camera sees, gravest first: where several are, the first is told."""

from dataclasses import dataclass
from typing import Literal

FaultCode = Literal[
    "camera_frozen",
    "camera_black",
    "camera_overexposed",
    "camera_covered",
    "camera_moved",
    "camera_infra_red_failed",
    "camera_too_dark",
    "camera_defocused",
    "camera_resolution_changed",
]


@dataclass(frozen=True, slots=True)
class LensFault:
    """One row. state: of the camera while it lasts. severity: of the alarm; None for one that only shows.

    sentence: for people who look after the camera, plain English.
    """

    code: FaultCode
    state: Literal["impaired", "blind"]
    severity: Literal["low", "medium", "high"] | None
    sentence: str


LENS_FAULTS = (
    LensFault("camera_frozen", "blind", "high", "the same picture comes again and again: restart the camera"),
    LensFault("camera_black", "blind", "high", "the picture went black at once: look whether the lens is covered"),
    LensFault(
        "camera_overexposed", "blind", "medium", "the picture is white: look for a lamp or laser before the lens"
    ),
    LensFault("camera_covered", "blind", "high", "nothing of the known view is seen: look whether the lens is covered"),
    LensFault("camera_moved", "blind", "high", "the view is another one: turn the camera back, or take the view anew"),
    LensFault(
        "camera_infra_red_failed", "blind", "medium", "dark, where infra-red light was at night: look after the lamp"
    ),
    LensFault("camera_too_dark", "blind", None, "too dark to see anybody: the place needs light at these hours"),
    LensFault("camera_defocused", "impaired", "medium", "the picture is out of focus: clean the lens and focus anew"),
    LensFault(
        "camera_resolution_changed",
        "impaired",
        None,
        "pictures are of another size than when the view was taken: set the camera back, or take the view anew",
    ),
)
