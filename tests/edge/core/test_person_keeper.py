"""Who is who, where the tracker is wrong: told with tracks made by hand, so that its mistake is certain."""

import numpy as np
import pytest

from edge.core.person_keeper import PersonKeeper
from edge.core.track import Track

SIZE = (640, 480)


@pytest.fixture
def keeper():
    return PersonKeeper()


def track(track_id, x, now_s, look, speed=0.0, first_s=0.0, y=300.0):
    box = np.array([x - 20, y - 100, x + 20, y], np.float32)
    velocity = np.array([speed, 0], np.float32)
    return Track(track_id, box, 0.9, velocity, first_s, now_s, True, look)


def named(persons):
    return {person.track_id: person.person_id for person in persons if person.seen}


def test_who_walks_in_where_another_walked_out_is_another_whatever_the_tracker_says(keeper, clothes):
    for now_s in np.arange(0, 5.1, 0.2):
        first = named(keeper.update([track(1, 300 + 60 * now_s, now_s, clothes(1), 60)], SIZE, now_s))
    for now_s in (5.2, 5.6, 6.0, 6.4):
        keeper.update([], SIZE, now_s)
    second = named(keeper.update([track(1, 622, 6.6, clothes(2), -60)], SIZE, 6.6))
    assert first[1] != second[1]


def test_doubts_that_others_keep_open_do_not_throw_a_person_back_to_their_beginning(keeper, clothes):
    # Again and again another comes by and goes back to hug a third, so that their colours can't be told apart. Then
    # somebody passes and takes the track of the first along; a new track goes on at the first one's place.
    for now_s in np.arange(0, 20, 0.2).round(1):
        hugging = 240 if now_s % 4 >= 3.6 else 420
        tracks = [track(2, hugging, now_s, clothes(2)), track(3, 440, now_s, clothes(3))]
        passing = 60 + 40 * (now_s - 12)
        if now_s < 15:
            tracks.append(track(1, 200, now_s, clothes(1)))
        else:
            tracks.append(track(1, passing, now_s, clothes(4), 40))
        if 12 <= now_s < 15:
            tracks.append(track(4, passing, now_s, clothes(4), 40, 12.0))
        if now_s >= 16.4:
            tracks.append(track(5, 200, now_s, clothes(1), first_s=16.4))
        persons = named(keeper.update(tracks, SIZE, float(now_s)))
        if now_s == 0:
            begun = persons[1]
    assert persons[5] == begun
    assert persons[1] != begun
