"""When a try is made again, and when it is given up. Times are UTC seconds by the console's clock."""

from dataclasses import dataclass
from enum import StrEnum

TRY_S = 30.0  # a try that takes longer is counted as hanging
LEASE_S = 90.0  # after so long a try whose console was killed is made again, by whichever console comes first
MOST_TRIES = 6
GIVE_UP_S = 1800.0  # what was to be told half an hour ago is told no more
SIREN_S = 30  # that a siren sounds, unless it is told to end before
_FIRST_WAIT_S, _MOST_WAIT_S = 5.0, 300.0


class State(StrEnum):
    """Where a notification stands."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    STOPPED = "stopped"  # somebody took the alert on before it was its turn
    NOBODY = "nobody"  # nobody is on duty on this step
    NO_WAY = "no_way"  # somebody is, who has no number and no mailbox here


class Result(StrEnum):
    """What came of a try."""

    SENT = "sent"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    UNKNOWN = "unknown"  # the console ended while it was being made: it may have come through


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody is told, in their language."""

    title: str
    body: str


def wait_s(tries: int) -> float:
    """Seconds to wait after so many tries that failed."""
    return float(min(_MOST_WAIT_S, _FIRST_WAIT_S * 2 ** max(0, tries - 1)))


def next_at_s(tries: int, made_at_s: float, now_s: float) -> float | None:
    """When to try again after so many failed tries; None: it is given up. made_at_s: when it was to be told."""
    at_s = now_s + wait_s(tries)
    return at_s if tries < MOST_TRIES and at_s - made_at_s <= GIVE_UP_S else None
