"""One small judge for each fault: from what is measured to what speaks for it, as charge a second (see Latch).

Levels are those of a camera's Y plane, whose black is 16 and white 235 as a rule.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge.core.integrity.faults import FaultCode

_AGAIN = 1 / 8  # what mends is believed after 8 s
UNLIKE = 0.5  # of what is usual: rain by day leaves 0.57, another gate drawn alike has 0.4


@dataclass(frozen=True, slots=True)
class Measures:
    """One picture against the reference.

    level, top: average and brightest hundredth of the luma. bright: share of it that is white.
    fell: whether it is much darker than over the last minute, and a view is known.
    had_light: levels of the night view, 0 where unknown.
    structure: how much is seen of outlines, by the reference's. present: share of its steady ones that are there.
    kept: the same by what has been usual of late: near 1 where all is well, whatever moves before the camera.
    sharpness: by the reference's, None where that can't be said. displaced: the view is found elsewhere in the picture.
    known_light: the reference knows this light. still: one picture comes again and again, None: can't be said yet.
    resized: frames are of another height than the view's.
    """

    level: float
    top: float
    bright: float
    fell: bool
    had_light: float
    structure: float
    present: float
    kept: float
    sharpness: float | None
    displaced: bool
    known_light: bool
    still: bool | None
    resized: bool


def _dark(seen: Measures) -> bool:
    return seen.level < 40 and seen.top < 70 and seen.structure < 0.35


def _lost(seen: Measures) -> bool:
    """Hardly an outline is left of the view, and little of any."""
    return seen.structure < 0.25 and seen.present < 0.2


def _white(seen: Measures) -> bool:
    return seen.bright > 0.5 and seen.structure < 0.5 and seen.present < 0.5


def _frozen(seen: Measures) -> float:
    if seen.still is None:
        return 0.0
    return 1 / 10 if seen.still and seen.structure > 0.35 else -1 / 3


def _black(seen: Measures) -> float:
    if _dark(seen):
        return 1 / 10 if seen.fell else 0.0
    return -_AGAIN


def _overexposed(seen: Measures) -> float:
    return 1 / 20 if _white(seen) else -_AGAIN if seen.bright < 0.35 or seen.present > 0.6 else 0.0


def _covered(seen: Measures) -> float:
    if _dark(seen) or _white(seen):
        return 0.0
    if _lost(seen):
        return 1 / 15
    if seen.structure < 0.55 and seen.present < 0.3:
        return 1 / 90  # a van's side is not flat, and drives on
    return -_AGAIN if seen.present > 0.4 else 0.0


def _moved(seen: Measures) -> float:
    if _dark(seen) or _white(seen) or _lost(seen):
        return 0.0
    if seen.displaced:
        return 1 / 20
    if seen.present < 0.2 and seen.structure > 0.5:
        return 1 / 90 if seen.known_light else 1 / 300
    if seen.kept < UNLIKE and seen.structure > 0.5 and seen.known_light:
        return 1 / 150  # a place that is much like this one
    return -_AGAIN if seen.present > 0.45 and seen.kept > UNLIKE else 0.0


def _infra_red_failed(seen: Measures) -> float:
    if _dark(seen) and not seen.fell and seen.had_light > max(60.0, 1.5 * seen.level):
        return 1 / 60
    return 0.0 if _dark(seen) else -_AGAIN


def _too_dark(seen: Measures) -> float:
    return 1 / 60 if _dark(seen) else -_AGAIN


def _defocused(seen: Measures) -> float:
    if seen.sharpness is None or _dark(seen) or _lost(seen) or seen.present < 0.15:
        return 0.0
    return 1 / 45 if seen.sharpness < 0.5 else -_AGAIN if seen.sharpness > 0.7 else 0.0


def _resized(seen: Measures) -> float:
    return 1 / 20 if seen.resized else -_AGAIN


JUDGES: dict[FaultCode, Callable[[Measures], float]] = {
    "camera_frozen": _frozen,
    "camera_black": _black,
    "camera_overexposed": _overexposed,
    "camera_covered": _covered,
    "camera_moved": _moved,
    "camera_infra_red_failed": _infra_red_failed,
    "camera_too_dark": _too_dark,
    "camera_defocused": _defocused,
    "camera_resolution_changed": _resized,
}
