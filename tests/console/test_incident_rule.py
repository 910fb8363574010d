"""Which alerts are one incident, in whatever order they are told of."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from console.domain.incident import JOIN_S, MOST_S, Sighting, incidents, place_of

PLACES = [
    place_of("loitering", "n1", "gate", "pavement", ""),
    place_of("loitering", "n1", "gate", "street", ""),
    place_of("intrusion", "n1", "yard", "door", "east"),
    place_of("camera_black", "n1", "gate", "", ""),
]
sightings = st.lists(
    st.builds(Sighting, st.uuids().map(str), st.sampled_from(PLACES), st.integers(0, 3000).map(float)),
    unique_by=lambda one: one.event_id,
    max_size=40,
)


@given(sightings, st.randoms())
def test_the_order_in_which_alerts_are_told_is_of_no_account(told, chance: random.Random):
    shuffled = list(told)
    chance.shuffle(shuffled)
    assert incidents(shuffled) == incidents(told)


@given(sightings)
def test_an_incident_is_of_one_place_has_no_pause_and_ends(told):
    found = incidents(told)
    assert set(found) == {one.event_id for one in told}
    of = {one.event_id: one for one in told}
    for incident_id in set(found.values()):
        members = sorted((of[one] for one in found if found[one] == incident_id), key=lambda one: one.opened_at_s)
        times = [one.opened_at_s for one in members]
        assert len({one.place for one in members}) == 1
        assert times[-1] - times[0] <= MOST_S
        assert all(later - earlier <= JOIN_S for earlier, later in itertools.pairwise(times))
        assert of[incident_id].opened_at_s == times[0]  # named after its first alert


@given(sightings)
def test_who_follows_close_upon_another_at_the_same_place_belongs_to_it(told):
    found = incidents(told)
    first_at_s = {one.event_id: one.opened_at_s for one in told}
    for place in PLACES:
        there = sorted((one for one in told if one.place == place), key=lambda one: (one.opened_at_s, one.event_id))
        for earlier, later in itertools.pairwise(there):
            begun_at_s = first_at_s[found[earlier.event_id]]
            close = later.opened_at_s - earlier.opened_at_s <= JOIN_S and later.opened_at_s - begun_at_s <= MOST_S
            assert (found[earlier.event_id] == found[later.event_id]) == close


@given(sightings)
def test_what_lies_beyond_a_pause_changes_nothing(told):
    """So the console may look at no more than what follows each other without one."""
    shifted = [Sighting(f"later {one.event_id}", one.place, one.opened_at_s + 3000 + 2 * JOIN_S) for one in told]
    both = incidents([*told, *shifted])
    assert {one: both[one] for one in incidents(told)} == incidents(told)


def test_neighbours_are_one_place_lenses_another_and_zones_their_own():
    east = place_of("loitering", "n1", "gate", "pavement", "east")
    assert east == place_of("intrusion", "n2", "yard", "door", "east")
    assert east != place_of("camera_black", "n1", "gate", "", "east")
    assert place_of("camera_black", "n1", "gate", "", "") == place_of("camera_moved", "n1", "gate", "", "")
    assert place_of("loitering", "n1", "gate", "a", "") != place_of("loitering", "n1", "gate", "b", "")
    assert place_of("loitering", "n1", "gate", "a", "") != place_of("loitering", "n2", "gate", "a", "")
