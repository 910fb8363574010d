"""One picture sent again and again is told from a place where nothing happens, at the price of a few seconds awake."""

import numpy as np
import pytest

from edge.core.integrity.picture import HEIGHT, WIDTH, SmallPicture
from edge.core.integrity.stillness import Stillness

RNG = np.random.default_rng(4)
PLACE = RNG.uniform(20, 200, (HEIGHT, WIDTH)).astype(np.float32)


def shown(stillness, seconds, noise, begin_s=0.0, step_s=1.0):
    """What is said of a place where nothing moves; noise: of the sensor, as it is left in the small picture."""
    said = []
    for at_s in np.arange(begin_s, begin_s + seconds, step_s):
        luma = PLACE + RNG.normal(0, noise, PLACE.shape) if noise else PLACE
        said.append(stillness.update(SmallPicture(float(at_s), luma.astype(np.float32), 0.8, 0.0, 1080)))
    return said


@pytest.mark.parametrize("noise", [0.1, 0.2, 0.5, 2.0])
def test_a_place_where_nothing_happens_is_not_a_picture_that_stands_still(noise):
    assert not any(shown(Stillness(), 300, noise))


def test_the_same_picture_stands_still_also_where_each_key_frame_codes_it_a_little_differently():
    stillness = Stillness()
    for begin_s in range(0, 100, 10):
        stillness.update(SmallPicture(float(begin_s), (PLACE + RNG.normal(0, 0.3, PLACE.shape)), 0.8, 0.0, 1080))
        said = shown(stillness, 9, 0, begin_s + 1)
    assert said[-1] is True


def test_key_frames_alone_decide_nothing_and_ask_for_all_pictures_until_it_is_known():
    stillness = Stillness()
    assert set(shown(stillness, 30, 0.2, step_s=2.0)[1:]) == {None}
    assert stillness.doubtful
    assert shown(stillness, 15, 0.2, begin_s=30.0)[-1] is False
    shown(stillness, 100, 0.2, begin_s=45.0, step_s=2.0)
    assert not stillness.doubtful  # it may rest for a while
    shown(stillness, 600, 0.2, begin_s=145.0, step_s=2.0)
    assert stillness.doubtful


def test_after_a_pause_all_begins_anew():
    stillness = Stillness()
    assert shown(stillness, 40, 0)[-1]
    stillness.pause()
    assert shown(stillness, 1, 0, begin_s=100.0) == [False]
