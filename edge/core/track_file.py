"""The file beside a clip that tells a player which boxes to draw over it."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One person in one frame: UTC seconds, the person's number, box in fractions."""

    at_s: float
    person_id: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a clip is about: the zone watched, and where its person was when the event opened."""

    opened_at_s: float
    zone: str
    polygon: tuple[tuple[float, float], ...]
    box: tuple[float, float, float, float] | None


def track_file(samples: list[Sample], begins_at_s: float, subject: Subject) -> bytes:
    """JSON beside a clip that begins at `begins_at_s`: boxes over time, and which person the event is about."""
    by_person: dict[int, list[Sample]] = {}
    for sample in samples:
        by_person.setdefault(sample.person_id, []).append(sample)
    chosen = _subject_of(samples, subject)
    document = {
        "schema_version": 1,
        "begins_at_s": round(begins_at_s, 3),
        "opened_offset_s": round(subject.opened_at_s - begins_at_s, 3),
        "zone": {"name": subject.zone, "polygon": [list(point) for point in subject.polygon]},
        "tracks": [
            {
                "track_id": person_id,
                "subject": person_id == chosen,
                "samples": [
                    [round(sample.at_s - begins_at_s, 3), *(round(value, 4) for value in sample.box)]
                    for sample in of_person
                ],
            }
            for person_id, of_person in by_person.items()
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _subject_of(samples: list[Sample], subject: Subject) -> int | None:
    """The person whose box at the opening is that of the event."""
    if subject.box is None or not samples:
        return None
    moment_s = min((sample.at_s for sample in samples), key=lambda at_s: abs(at_s - subject.opened_at_s))
    box = subject.box

    def distance(sample: Sample) -> float:
        return sum(abs(a - b) for a, b in zip(sample.box, box, strict=True))

    nearest = min((sample for sample in samples if sample.at_s == moment_s), key=distance)
    return nearest.person_id if distance(nearest) < 0.2 else None
