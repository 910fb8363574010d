"""One picture sent again and again is told from a place where nothing happens, however little is sent of it."""

from functools import cache

import cv2
import numpy as np
import pytest

from edge.adapters.small_picture import small_picture
from edge.core.frame import Frame
from edge.core.integrity.picture import HEIGHT, WIDTH, SmallPicture
from edge.core.integrity.stillness import Stillness
from edge.virtual_camera.coder import LiveDecoder, LiveEncoder, usual_bit_rate
from edge.virtual_camera.scene import DrawnScene, SceneSpec

RNG = np.random.default_rng(4)
PLACE = RNG.uniform(20, 200, (HEIGHT, WIDTH)).astype(np.float32)
FPS, SIZE = 5, (320, 180)


def noisy(noise):
    return PLACE + RNG.normal(0, noise, PLACE.shape) if noise else PLACE


def shown(stillness, seconds, picture_at, begin_s=0.0, step_s=1.0, key_every_s=2.0):
    """What is said of a place while `picture_at(second)` is seen."""
    return [
        stillness.update(
            SmallPicture(float(at_s), np.asarray(picture_at(at_s), np.float32), 0.8, 0.0, 1080, key_every_s)
        )
        for at_s in np.arange(begin_s, begin_s + seconds, step_s)
    ]


@pytest.mark.parametrize("noise", [0.1, 0.2, 0.5, 2.0])
@pytest.mark.parametrize("step_s", [1.0, 2.0])
def test_a_place_where_nothing_happens_is_not_a_picture_that_stands_still(noise, step_s):
    assert not any(shown(Stillness(), 300, lambda _: noisy(noise), step_s=step_s))


@pytest.mark.parametrize("key_every_s", [2.0, 10.0, 40.0])
def test_a_coder_that_sends_nothing_new_between_key_frames_is_believed(key_every_s):
    pictures: dict[int, np.ndarray] = {}

    def thrifty(at_s):
        return pictures.setdefault(int(at_s // key_every_s), noisy(0.3))

    assert not any(shown(Stillness(), 1200, thrifty, key_every_s=key_every_s))


@pytest.mark.parametrize(("key_every_s", "within_s"), [(2.0, 47), (10.0, 82), (40.0, 302)])
def test_the_same_picture_stands_still_also_where_a_key_frame_now_and_then_is_coded_anew(key_every_s, within_s):
    stillness = Stillness()
    shown(stillness, 60, lambda _: noisy(0.3), key_every_s=key_every_s)
    first, second = noisy(0), noisy(0.2)
    said = shown(stillness, within_s, lambda at_s: first if at_s < 90 else second, 60.0, key_every_s=key_every_s)
    assert said[-1] is True


def test_a_clock_that_runs_over_a_picture_does_not_wake_it():
    def clock(at_s):
        luma = PLACE.copy()
        luma[2:6, 30:36] = 250 if at_s % 2 else 20
        return luma

    assert shown(Stillness(), 60, clock)[-1] is True


def test_a_lit_spot_in_a_black_night_is_enough_to_see_that_it_lives():
    def night(_):
        luma = np.full_like(PLACE, 16.0)
        luma[50:80, 40:80] = noisy(0.3)[50:80, 40:80]
        return luma

    assert not any(shown(Stillness(), 120, night))


def test_nothing_is_said_before_it_is_known_how_often_key_frames_come():
    assert set(shown(Stillness(), 400, lambda _: PLACE, key_every_s=0.0)) == {None}


def test_after_a_pause_all_begins_anew():
    stillness = Stillness()
    assert shown(stillness, 60, lambda _: PLACE)[-1]
    stillness.pause()
    assert shown(stillness, 1, lambda _: PLACE, begin_s=100.0) == [None]


@cache
def empty(light):
    scene = DrawnScene(SceneSpec(5, light, "empty", *SIZE, fps=float(FPS), duration_s=30.0))
    return [scene.picture(number) for number in range(30 * FPS)]


def coded(light, bit_rate_share, *, filtered=0.0, freezes_s=1e9, clock_runs=False, seconds=120):
    """Whether it stands still, at each second of an empty place that is coded with that share of the usual bits.

    filtered: share of the picture before that the camera's noise filter keeps.
    """
    rate = round(bit_rate_share * usual_bit_rate(*SIZE, FPS))
    encoder, decoder, stillness = LiveEncoder("h264", SIZE, float(FPS), rate), LiveDecoder("h264"), Stillness()
    kept, said = None, []
    for number in range(seconds * FPS):
        drawn, at_s = empty(light)[number % (30 * FPS)], number / FPS
        if kept is None or at_s < freezes_s:
            mixed = (
                drawn if kept is None else cv2.addWeighted(kept, filtered, drawn.astype(np.float32), 1 - filtered, 0)
            )
            kept = np.asarray(mixed, np.float32)
        picture = np.rint(kept).astype(np.uint8)
        if clock_runs:
            picture[:12, :130] = drawn[:12, :130]
        (unit,) = encoder.encode(picture, at_s, at_s)
        for seen, _ in decoder.decode(unit):
            if number % FPS == 0:
                planes = np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2YUV_I420), np.uint8)
                said.append(stillness.update(small_picture(Frame("gate", 0, at_s, at_s, planes))))
    return said


@pytest.mark.parametrize("light", ["day", "night_ir"])
@pytest.mark.parametrize("bit_rate_share", [1.0, 0.2, 0.05])
@pytest.mark.parametrize("filtered", [0.0, 0.85])
def test_an_empty_place_never_counts_as_frozen_however_few_bits_it_has(light, bit_rate_share, filtered):
    assert not any(coded(light, bit_rate_share, filtered=filtered))


@pytest.mark.parametrize("light", ["day", "night_ir"])
@pytest.mark.parametrize("bit_rate_share", [1.0, 0.2, 0.05])
def test_a_frozen_sensor_is_found_however_few_bits_its_coder_has(light, bit_rate_share):
    assert coded(light, bit_rate_share, freezes_s=30.0)[-1] is True


@pytest.mark.parametrize("light", ["day", "night_ir"])
def test_a_frozen_sensor_is_found_under_a_clock_that_runs(light):
    assert coded(light, 1.0, freezes_s=30.0, clock_runs=True)[-1] is True
