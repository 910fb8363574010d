"""What a rule says about a scene."""

from dataclasses import dataclass
from typing import Literal

from edge.core.stay import Stay

RuleKind = Literal["loitering", "repeated_presence", "intrusion", "crowd", "line_crossing"]
SignalState = Literal["open", "updated", "closed"]
ClosedBecause = Literal["left", "lost", "disarmed", "dispersed", "crossed"]
Direction = Literal["in", "out"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Signal:
    """One rule's word on one subject after one frame.

    rule: kind of the rule. place: name of its zone or line.
    subject: what the event is about (a stay, a person, the crowd); the same from open to closed.
    state: "open" once, "updated" on every later frame in which the subject was seen, "closed" once.
    stage: 1, or 2 once the second stage was reached.
    dwell_s: seconds the rule has counted. threshold_s: seconds it was set to, None where seconds do not matter.
    people: how many. visits: stays summed up. direction: for lines.
    stay: the stay it is about, None for crowds and lines.
    box: fractions of the picture; confidence 0..1.
    """

    rule: RuleKind
    place: str
    subject: str
    state: SignalState
    stage: int = 1
    dwell_s: float = 0.0
    threshold_s: float | None = None
    people: int = 1
    direction: Direction | None = None
    visits: int = 1
    stay: Stay | None = None
    box: Box | None = None
    confidence: float = 0.0
    closed_because: ClosedBecause | None = None
