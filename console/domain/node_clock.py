"""How far a node's clock is from the console's. A Raspberry Pi has no clock that outlives a power cut."""

from dataclasses import dataclass, replace

SAME_S = 2.0  # less is the journey of a message, not a clock
APART_S = 5.0  # between two reports that tell whether they come live
WRONG_S = 30.0  # from here on people are told, so that somebody sets it
LEAP_S = 300.0  # one message is enough for so much: what rings must not be taken for hours old


@dataclass(frozen=True, slots=True)
class NodeClock:
    """What the health reports tell of a node's clock.

    A report's lag is its arrival by the console's clock less its time by the node's: the difference of the clocks and
    a journey, which is never negative but may take an hour where the broker kept the report.
    at_s: of the last report, by the node's clock. heard_at_s: its arrival. lag_s: as far as known.
    """

    at_s: float
    heard_at_s: float
    lag_s: float

    @property
    def behind_s(self) -> float:
        """Seconds to add to a time of the node for the same by the console's clock; negative where it is fast."""
        return self.lag_s if abs(self.lag_s) >= SAME_S else 0.0

    @property
    def told_at_s(self) -> float:
        """When the last report was made, by the console's clock: the broker may have kept it long after."""
        return min(self.heard_at_s, self.at_s + self.lag_s)


def heard(known: NodeClock | None, at_s: float, received_at_s: float) -> NodeClock:
    """What is known after one more health report.

    at_s: of the report, by the node's clock; received_at_s: by the console's; UTC seconds.
    A smaller lag counts at once, as no journey explains it. A larger one counts when two reports come as far apart as
    they were made: what the broker kept comes in a burst, a clock that was set shows in the report after the next.
    """
    lag_s = received_at_s - at_s
    if known is None:
        return NodeClock(at_s, received_at_s, min(0.0, lag_s))
    made_s, came_s = at_s - known.at_s, received_at_s - known.heard_at_s
    if lag_s >= known.lag_s and 0 <= made_s < APART_S:
        return known  # a change told between two reports, or one that the broker repeats
    live = made_s > 0 and abs(came_s - made_s) <= SAME_S
    return replace(known, at_s=at_s, heard_at_s=received_at_s, lag_s=lag_s if live else min(known.lag_s, lag_s))


def leapt(known: NodeClock | None, sent_at_s: float, received_at_s: float, *, at_once: bool = True) -> NodeClock | None:
    """What is known after a message, where it shows that the clock was set; else None.

    at_once: it waited nowhere. Of one that may have, only a clock that was set forward shows: no journey makes it
    come before it was sent.
    """
    lag_s = received_at_s - sent_at_s
    set_s = (known.behind_s if known else 0.0) - lag_s
    if abs(set_s) < LEAP_S or (set_s < 0 and not at_once):
        return None
    return NodeClock(sent_at_s, received_at_s, lag_s)
