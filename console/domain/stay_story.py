"""A stay as a story: earlier visits, when somebody came, was not seen and why, when it rang, how it ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Part(StrEnum):
    """What a moment or a stretch of a story is."""

    EARLIER = "earlier"
    CAME = "came"
    UNSEEN = "unseen"
    RANG = "rang"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story, UTC seconds; a moment ends as it begins. why: a word of the group "gap" or "because"."""

    part: Part
    from_at_s: float
    to_at_s: float
    why: str = ""

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.to_at_s - self.from_at_s


@dataclass(frozen=True, slots=True)
class Story:
    """chapters: in the order of time. begin_s, end_s: of all of it; here_s: when this stay began."""

    chapters: Sequence[Chapter]
    begin_s: float
    here_s: float
    end_s: float

    def share(self, at_s: float) -> float:
        """How far a moment is through the story, 0 to 1."""
        return min(1.0, max(0.0, (at_s - self.begin_s) / max(self.end_s - self.begin_s, 1e-9)))


def story_of(event: Mapping[str, Any], behind_s: float) -> Story | None:
    """The story of an event (an EventMessage as JSON), by the console's clock; None of what is no stay of a person.

    behind_s: seconds to add to the message's times. Boxes of before tell of no earlier visits.
    """
    if event["rule"] not in ("loitering", "repeated_presence", "intrusion"):
        return None
    gaps, path = event.get("gaps_bridged") or (), event.get("path") or ()
    beginnings = [event["opened_at_s"], *(one["from_at_s"] for one in gaps[:1]), *(one["at_s"] for one in path[:1])]
    if event["rule"] != "repeated_presence":  # whose seconds are those of all visits
        beginnings.append(event["captured_at_s"] - event["dwell_s"])
    here_s = min(beginnings)
    visits = list(_visits(event.get("earlier_visits") or (), here_s))
    end_s = event["closed_at_s"] if event.get("closed_at_s") is not None else event["captured_at_s"]
    chapters = [*visits, Chapter(Part.CAME, here_s, here_s)]
    chapters += [Chapter(Part.UNSEEN, one["from_at_s"], one["to_at_s"], one["reason"]) for one in gaps]
    chapters.append(Chapter(Part.RANG, event["opened_at_s"], event["opened_at_s"]))
    if event["state"] == "closed":
        chapters.append(Chapter(Part.ENDED, end_s, end_s, event.get("closed_because") or "left"))
    told = sorted(chapters, key=lambda one: (one.from_at_s, list(Part).index(one.part)))
    moved = [Chapter(one.part, one.from_at_s + behind_s, one.to_at_s + behind_s, one.why) for one in told]
    begin_s = min(one.from_at_s for one in moved)
    return Story(moved, begin_s, here_s + behind_s, max(end_s + behind_s, *(one.to_at_s for one in moved)))


def _visits(told: Iterable[Mapping[str, float]], before_s: float) -> Iterable[Chapter]:
    """Those that ended before this stay began: with a repeated presence the last one may be the stay itself."""
    for one in told:
        if one["to_at_s"] <= before_s:
            yield Chapter(Part.EARLIER, one["from_at_s"], one["to_at_s"])
