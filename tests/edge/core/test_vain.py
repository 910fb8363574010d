"""A clock in the picture is no reason to look for ever; who comes there is."""

import numpy as np

from edge.core.detect.attention import Attention
from edge.core.detect.vain import REST_S, VAIN_LOOKS
from edge.core.motion import Motion
from edge.core.track import Expected

SIZE = (1280, 720)
NOBODY = np.zeros((0, 4), np.float32)


def clock():
    cells = np.zeros((36, 64), np.bool_)
    cells[1, 50:60] = True
    return Motion(cells, light_changed=False)


def looked_at(attention, at_s, people=NOBODY):
    """Whether the clock was a reason to look."""
    look = attention.look(SIZE, at_s, clock(), Expected(np.zeros((0, 4)), np.zeros(0)))
    attention.learn(people, NOBODY, SIZE)
    return not look.full and len(look.regions) > 0


def watched(attention, from_s, to_s):
    return sum(looked_at(attention, from_s + number / 5) for number in range(int((to_s - from_s) * 5)))


def test_a_clock_is_looked_at_a_few_times_in_minutes():
    attention = Attention((416, 416))
    assert VAIN_LOOKS - 4 <= watched(attention, 0.0, 20.0) <= VAIN_LOOKS
    assert watched(attention, 20.0, REST_S) == 0
    assert attention.vain[1, 50:60].all()
    assert attention.vain.sum() == 10
    assert 1 <= watched(attention, REST_S, 600.0) <= 600 / REST_S + 1


def test_who_is_found_there_makes_the_place_count_again():
    attention = Attention((416, 416))
    watched(attention, 0.0, 20.0)
    looked_at(attention, 20.0, np.array([[1020, 10, 1060, 100]], np.float32))
    assert not attention.vain[1, 51:53].any()
    assert attention.vain[1, 55:60].all()
    assert watched(attention, 20.2, 24.0) >= 8
