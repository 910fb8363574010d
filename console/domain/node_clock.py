"""How far a node's clock is from the console's. A Raspberry Pi has no clock that outlives a power cut."""

from dataclasses import dataclass

WINDOW_S = 60.0  # four health reports
SAME_S = 2.0  # less is the journey of a message, not a clock
WRONG_S = 30.0  # from here on people are told, so that somebody sets it


@dataclass(frozen=True, slots=True)
class NodeClock:
    """What the health reports tell of a node's clock.

    A report's lag is its arrival by the console's clock less its time by the node's: the difference of the clocks and
    a journey, which is never negative but may take an hour where the broker kept the report. So the smallest counts.
    started_at_s, at_s: of the last report, by the node's clock. lag_s: as far as known. lowest_s: the smallest since
    `since_s`, by the console's clock.
    """

    started_at_s: float
    at_s: float
    lag_s: float
    lowest_s: float
    since_s: float

    @property
    def behind_s(self) -> float:
        """Seconds to add to a time of the node for the same by the console's clock; negative where it is fast."""
        return self.lag_s if abs(self.lag_s) >= SAME_S else 0.0


def heard(known: NodeClock | None, started_at_s: float, at_s: float, received_at_s: float) -> NodeClock:
    """What is known after one more health report.

    started_at_s, at_s: of the report, by the node's clock; received_at_s: by the console's; all UTC seconds.
    A smaller lag counts at once. A larger one counts when nothing smaller came for a whole window, or at once after the
    node has started anew, for its clock may have stood still meanwhile. A report that the broker repeats tells nothing.
    """
    lag_s = received_at_s - at_s
    if known is None or known.started_at_s != started_at_s:
        return NodeClock(started_at_s, at_s, lag_s, lag_s, received_at_s)
    if known.at_s == at_s:
        return known
    lowest_s = min(known.lowest_s, lag_s)
    if received_at_s - known.since_s >= WINDOW_S:
        return NodeClock(started_at_s, at_s, lowest_s, lag_s, received_at_s)
    return NodeClock(started_at_s, at_s, min(known.lag_s, lag_s), lowest_s, known.since_s)
