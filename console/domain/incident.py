"""Which alerts belong together: same kind of thing, same place, same time. Each of them rings all the same."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from console.domain.alert import of_lens

JOIN_S = 120.0  # alerts of a place that opened no further apart than this follow each other
MOST_S = 600.0  # an incident takes in nobody who came later than this after its first alert

Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert as far as grouping asks. opened_at_s: UTC seconds by the console's clock."""

    event_id: str
    place: Place
    opened_at_s: float


def place_of(rule: str, box: str, camera: str, zone: str, area: str) -> Place:
    """Where an event is: its area, where its camera has one (neighbouring cameras share it), else its zone.

    People and lenses never belong together. area: empty where the camera has none. All of one site.
    """
    if of_lens(rule):
        return ("lens", "area", area) if area else ("lens", box, camera)
    return ("people", "area", area) if area else ("people", box, camera, zone)


def incidents(sightings: Iterable[Sighting]) -> dict[str, str]:
    """The incident of each alert, named after its first alert; the order in which they are told of is of no account."""
    of_place: dict[Place, list[Sighting]] = defaultdict(list)
    for one in sightings:
        of_place[one.place].append(one)
    found: dict[str, str] = {}
    for there in of_place.values():
        first = last = None
        for one in sorted(there, key=lambda sighting: (sighting.opened_at_s, sighting.event_id)):
            if first is None or last is None or not _goes_on(first, last, one):
                first = one
            last = one
            found[one.event_id] = first.event_id
    return found


def _goes_on(first: Sighting, last: Sighting, one: Sighting) -> bool:
    return one.opened_at_s - last.opened_at_s <= JOIN_S and one.opened_at_s - first.opened_at_s <= MOST_S
