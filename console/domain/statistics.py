"""What a month of alerts adds up to: what they were, when, where, how soon somebody answered, what to do about it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from console.domain.alert import CloseReason

HOURS = 24
ANSWERS_S = (30, 60, 120, 300, 900)  # a bucket holds what was answered within so many seconds, and not within fewer
LATER, NEVER, TOLD_LATE = len(ANSWERS_S), len(ANSWERS_S) + 1, len(ANSWERS_S) + 2
FEW = 8  # alerts whose outcome is known; of fewer nothing is said about a place
ENOUGH_FOR_A_SHARE = 20  # of fewer "so many in 100" sounds like more than is known; people are told "3 of 4"
MOST_ADVICE = 4
_PEAK_HOURS = 2
_FRACTIONS = ((9, 10), (4, 5), (3, 4), (2, 3), (1, 2))

PlaceKey = int | tuple[int, str, str]  # a site's id; or id of the node, camera, zone


class Kind(StrEnum):
    """What alerts turned out to be, in few words."""

    INCIDENT = "incident"
    HARMLESS = "harmless"  # people who may be there
    MISTAKEN = "mistaken"  # nobody was there
    CAMERA = "camera"  # a fault of a camera that was put right
    TEST = "test"
    OPEN = "open"  # nobody has closed it


_KIND_OF = {
    CloseReason.INCIDENT: Kind.INCIDENT,
    CloseReason.TAMPERING: Kind.INCIDENT,
    CloseReason.ANIMAL: Kind.MISTAKEN,
    CloseReason.FALSE_BOX: Kind.MISTAKEN,
    CloseReason.CAMERA_MENDED: Kind.CAMERA,
    CloseReason.TEST: Kind.TEST,
}


@dataclass(frozen=True, slots=True)
class Count:
    """A number of alerts of one hour of the day, reason ("" while nobody has closed them) and answer (a bucket)."""

    hour: int
    reason: str
    answer: int
    number: int


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """A number of alerts of a place, hour of the day (None: of any) and reason."""

    place: PlaceKey
    hour: int | None
    reason: str
    number: int


@dataclass(frozen=True)
class Summary:
    """All alerts of a time. by_hour: for each of 24 hours how many of each kind. answers: how many in each bucket."""

    in_all: int
    kinds: Mapping[Kind, int]
    reasons: Sequence[tuple[str, int]]
    by_hour: Sequence[Mapping[Kind, int]]
    answers: Sequence[int]

    @property
    def in_time(self) -> int:
        """How many were told in time, so that somebody could answer."""
        return sum(self.answers[: NEVER + 1])

    def answered_within(self, bucket: int) -> int:
        """How many were answered within the seconds of a bucket."""
        return sum(self.answers[: bucket + 1])

    @property
    def most_answered(self) -> tuple[int, int] | None:
        """The bucket of the shortest time within which at least half were answered, and how many; None: later."""
        within = ((bucket, self.answered_within(bucket)) for bucket in range(LATER))
        return next((one for one in within if self.in_time and 2 * one[1] >= self.in_time), None)


@dataclass(frozen=True)
class PlaceSummary:
    """The alerts of one place. judged: those of which is known whether they were what the place is watched for."""

    place: PlaceKey
    in_all: int
    kinds: Mapping[Kind, int]
    reasons: Sequence[tuple[str, int]]
    hours: Mapping[str, Sequence[int]]  # by reason, where hours are known

    @property
    def judged(self) -> int:
        """How many turned out to be an incident, harmless or nobody."""
        return sum(self.kinds.get(kind, 0) for kind in (Kind.INCIDENT, Kind.HARMLESS, Kind.MISTAKEN))

    @property
    def precision(self) -> float | None:
        """Share of incidents among the judged ones; None where there are none."""
        return self.kinds.get(Kind.INCIDENT, 0) / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Advice:
    """That most alerts of a place had one harmless or mistaken reason: about `part` in `whole` of them.

    from_hour, to_hour: between which hours of the day most of them were, where that is so.
    """

    place: PlaceKey
    reason: str
    number: int
    part: int
    whole: int
    from_hour: int | None = None
    to_hour: int | None = None


def kind_of(reason: str) -> Kind:
    """The kind of an alert by the reason for which it was closed; empty: it was not."""
    if not reason:
        return Kind.OPEN
    return _KIND_OF.get(CloseReason(reason), Kind.HARMLESS)


def summary(counts: Iterable[Count]) -> Summary:
    """All counts together."""
    reasons: Counter[str] = Counter()
    by_hour: list[Counter[Kind]] = [Counter() for _ in range(HOURS)]
    answers = [0] * (TOLD_LATE + 1)
    for one in counts:
        reasons[one.reason] += one.number
        by_hour[one.hour][kind_of(one.reason)] += one.number
        answers[one.answer] += one.number
    return Summary(sum(answers), _kinds(reasons), _in_order(reasons), by_hour, answers)


def by_place(counts: Iterable[PlaceCount]) -> Sequence[PlaceSummary]:
    """Each place, the one with the most alerts first."""
    reasons: dict[PlaceKey, Counter[str]] = defaultdict(Counter)
    hours: dict[PlaceKey, dict[str, list[int]]] = defaultdict(dict)
    for one in counts:
        reasons[one.place][one.reason] += one.number
        if one.hour is not None:
            hours[one.place].setdefault(one.reason, [0] * HOURS)[one.hour] += one.number
    found = [
        PlaceSummary(place, sum(own.values()), _kinds(own), _in_order(own), hours[place])
        for place, own in reasons.items()
    ]
    return sorted(found, key=lambda one: -one.in_all)


def advice(places: Iterable[PlaceSummary]) -> Sequence[Advice]:
    """What is worth changing, where it would spare most alerts first."""
    found = [one for place in places if (one := _advice(place)) is not None]
    return sorted(found, key=lambda one: -one.number)[:MOST_ADVICE]


def _advice(place: PlaceSummary) -> Advice | None:
    wanted = (Kind.HARMLESS, Kind.MISTAKEN)
    reason, number = next(((word, n) for word, n in place.reasons if kind_of(word) in wanted), ("", 0))
    told = place.judged + place.kinds.get(Kind.OPEN, 0)  # of those that nobody has closed nothing is known
    if place.judged < FEW or 2 * number < told:
        return None
    share = number / told
    part, whole = next((one for one in _FRACTIONS if share >= one[0] / one[1] - 0.03), _FRACTIONS[-1])
    return Advice(place.place, reason, number, part, whole, *_peak(place.hours.get(reason, ())))


def _peak(hours: Sequence[int]) -> tuple[int | None, int | None]:
    """The two hours in a row in which at least six in ten were."""
    if not hours:
        return None, None
    within = [hours[hour] + hours[(hour + 1) % HOURS] for hour in range(HOURS)]
    begin = max(range(HOURS), key=within.__getitem__)
    return (begin, (begin + _PEAK_HOURS) % HOURS) if 5 * within[begin] >= 3 * sum(hours) else (None, None)


def _kinds(reasons: Mapping[str, int]) -> Mapping[Kind, int]:
    kinds: Counter[Kind] = Counter()
    for reason, number in reasons.items():
        kinds[kind_of(reason)] += number
    return kinds


def _in_order(reasons: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    return sorted(((word, n) for word, n in reasons.items() if word), key=lambda one: (-one[1], one[0]))
