"""What people have a box keep of its recording: for how long a time, and how that stands."""

from dataclasses import dataclass
from enum import StrEnum

LONGEST_S = 24 * 3600.0  # a hold of weeks would fill the disk of a box with what never goes
AHEAD_MOST_S = 24 * 3600.0  # also what is still to be recorded can be held
SETTLED_S = 600.0  # so long after its end a box has closed all files of a time
AROUND_MOST_MIN = 240  # minutes before and after an alert


class HoldState(StrEnum):
    """How a hold stands, by what the box said last."""

    ASKED = "asked"  # the box has not said that it keeps it
    COMING = "coming"  # the box keeps it, and there is nothing yet: the time has only just been, or is still to come
    KEPT = "kept"
    NOTHING = "nothing"  # the box keeps what is there, and nothing was left
    RELEASING = "releasing"  # let go of, and the box has not said that it knows
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a box said of a hold. told_at_s: UTC seconds by the console's clock. bytes: of files, whole.

    kept: whether it named the hold in what it said last.
    """

    told_at_s: float
    kept: bool
    recorded_s: float
    bytes: int


def hold_state(to_at_s: float, released_at_s: float | None, answer: Answer | None) -> HoldState:
    """How a hold on a recording up to `to_at_s` stands; released_at_s: None while it holds. UTC seconds."""
    if released_at_s is not None:
        knows = answer is not None and answer.told_at_s >= released_at_s and not answer.kept
        return HoldState.RELEASED if knows else HoldState.RELEASING
    if answer is None or not answer.kept:
        return HoldState.ASKED
    if answer.bytes:
        return HoldState.KEPT
    return HoldState.COMING if answer.told_at_s < to_at_s + SETTLED_S else HoldState.NOTHING


def span_problem(from_at_s: float, to_at_s: float, now_s: float) -> str:
    """Why this time can't be held, a word of the group "hold_problem"; empty where it can. UTC seconds."""
    if to_at_s <= from_at_s:
        return "order"
    if to_at_s - from_at_s > LONGEST_S:
        return "too_long"
    return "too_far_ahead" if to_at_s > now_s + AHEAD_MOST_S else ""
