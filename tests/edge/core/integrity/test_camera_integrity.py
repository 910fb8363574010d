"""Each fault of a drawn camera is told by its name and taken back; ordinary changes of light are not told."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.small_picture import small_picture
from edge.core.frame import Frame
from edge.core.integrity.camera import CameraIntegrity
from edge.core.integrity.faults import LENS_FAULTS
from edge.core.integrity.judges import JUDGES
from edge.core.integrity.latch import Latch
from edge.core.integrity.picture import HEIGHT, WIDTH, SmallPicture, outlines
from edge.core.integrity.reference import Reference, learnt
from edge.virtual_camera.picture_faults import PictureSpoiler
from edge.virtual_camera.scene import DrawnScene, SceneSpec

LEARNS_S = 15
EXPECTED = {
    "black": "camera_black",
    "covered": "camera_covered",
    "sprayed": "camera_covered",
    "overexposed": "camera_overexposed",
    "freeze": "camera_frozen",
    "swing": "camera_moved",
    "nudge": "camera_moved",
    "defocused": "camera_defocused",
}


@pytest.fixture(scope="module", params=["day", "night_ir"])
def film(request):
    return drawn(request.param)


@cache
def drawn(light):
    scene = DrawnScene(SceneSpec(3, light, "random_mix", 320, 180, fps=1.0, duration_s=20.0))
    return [scene.picture(number) for number in range(20)]


def looked_at(picture, at_s):
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
    return small_picture(Frame("gate", 0, float(at_s), float(at_s), planes))


class Watched:
    """A camera whose pictures come one a second."""

    def __init__(self, film, reference=None):
        self.film, self.at_s, self.spoiler = film, 0, PictureSpoiler(1.0)
        self.integrity = CameraIntegrity(reference)

    def settle(self):
        """As a box that has known this camera for long."""
        self.integrity = CameraIntegrity(self.integrity.reference)
        assert set(self.show(5)) == {""}

    def show(self, seconds, *faults, change=lambda picture: picture):
        """The codes told in these seconds."""
        told = []
        for _ in range(seconds):
            picture = self.spoiler.spoilt(self.film[self.at_s % len(self.film)], self.at_s, frozenset(faults))
            fault = self.integrity.update(looked_at(change(picture), self.at_s)).fault
            told.append(fault.code if fault else "")
            self.at_s += 1
        return told


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_is_told_by_its_name_since_it_began_and_taken_back(film, fault):
    camera = Watched(film)
    assert set(camera.show(LEARNS_S)) == {""}
    camera.settle()
    told = []
    while len(told) < 100 and not any(told):
        told += camera.show(1, fault)
    assert told[-1] == EXPECTED[fault]
    assert set(camera.show(5, fault)) == {EXPECTED[fault]}
    # since it began to show: paint takes its time, and what came alive shortly before counts as frozen
    assert LEARNS_S - 3 <= camera.integrity.state.began_s <= LEARNS_S + 30
    assert camera.show(30)[-1] == ""
    assert not camera.integrity.doubtful


def another_gate(film):
    """Much like the first one: a third of its outlines are found again."""
    light = "day" if film is drawn("day") else "night_ir"
    scene = DrawnScene(SceneSpec(4, light, "random_mix", 320, 180, fps=1.0, duration_s=20.0))
    return [scene.picture(number) for number in range(20)]


def test_a_camera_turned_to_a_place_much_like_its_own_is_told_and_that_place_never_learnt(film):
    camera = Watched(film)
    camera.show(LEARNS_S)
    camera.settle()
    known, camera.film = camera.integrity.reference, another_gate(film)
    likeness = max(view.present(outlines(looked_at(camera.film[0], 0).luma)) for view in known.views)
    assert 0.2 < likeness < 0.47  # or this test is about nothing
    assert camera.show(200)[-1] == "camera_moved"
    followed = camera.integrity.reference
    assert max(view.present(outlines(looked_at(film[0], 0).luma)) for view in followed.views) > 0.9
    camera.film = film
    assert camera.show(30)[-1] == ""


def test_a_first_view_of_a_ladder_is_forgotten_once_it_is_gone(film):
    ladder = [np.ascontiguousarray(picture[::-1]) for picture in film]
    camera = Watched(ladder)
    camera.show(LEARNS_S)
    camera.film = film
    assert set(camera.show(120)) == {""}
    assert max(view.present(outlines(looked_at(film[0], 0).luma)) for view in camera.integrity.reference.views) > 0.9
    camera.film = ladder
    assert camera.show(120)[-1] == "camera_moved"


def test_wind_is_no_fault_of_the_view(film):
    camera = Watched(film)
    camera.show(LEARNS_S)
    assert set(camera.show(60, "shake")) == {""}


def test_another_picture_size_is_told_as_such(film):
    camera = Watched(film)
    camera.show(LEARNS_S)
    assert camera.show(30, "resolution")[-1] == "camera_resolution_changed"
    assert camera.integrity.state.fault.severity == "low"
    assert camera.show(15)[-1] == ""


def test_a_short_cover_is_not_told(film):
    camera = Watched(film)
    camera.show(LEARNS_S)
    for _ in range(4):
        assert set(camera.show(8, "covered") + camera.show(10)) == {""}


def test_day_night_and_a_lamp_switched_are_not_told():
    day, night = drawn("day"), drawn("night_ir")
    camera = Watched(day)
    told = camera.show(30)
    camera.film = night
    told += camera.show(60)
    camera.film = day
    told += camera.show(30) + camera.show(30, change=lambda picture: picture // 3) + camera.show(30)
    assert set(told) == {""}
    assert camera.integrity.reference.night is not None


def test_dusk_without_a_lamp_is_too_dark_and_no_cover():
    camera = Watched(drawn("day"))
    camera.show(LEARNS_S)
    told = []
    for minute in range(30):
        gain = 1 - minute / 30
        told += camera.show(10, change=lambda picture, gain=gain: (picture * gain).astype(np.uint8))
    told += camera.show(90, change=lambda picture: picture // 60)
    assert set(told) == {"", "camera_too_dark"}
    assert told[-1] == "camera_too_dark"


def test_infra_red_that_stays_off_at_night_is_told():
    camera = Watched(drawn("night_ir"))
    camera.show(LEARNS_S)
    camera.film = drawn("day")
    camera.show(LEARNS_S)
    for step in range(40):  # dusk, and no lamp
        camera.show(5, change=lambda picture, step=step: (picture * (1 - step / 40)).astype(np.uint8))
    assert camera.show(90, "lamp_out")[-1] == "camera_infra_red_failed"


def test_who_is_covered_while_the_box_restarts_is_told_by_the_view_that_was_kept(film):
    first = Watched(film)
    first.show(LEARNS_S)
    second = Watched(film, first.integrity.reference)
    assert second.show(30, "covered")[-1] == "camera_covered"


def test_what_is_covered_is_never_learnt_as_the_view(film):
    camera = Watched(film)
    camera.show(LEARNS_S)
    kept = camera.integrity.reference
    camera.show(120, "covered")
    assert camera.integrity.reference is kept


def test_seconds_without_pictures_speak_for_nothing(film):
    camera = Watched(film)
    camera.show(LEARNS_S)
    camera.show(5, "covered")
    camera.at_s += 600
    assert set(camera.show(3, "covered")) == {""}


def test_a_camera_that_has_shown_no_view_yet_is_not_accused_of_having_lost_it():
    """A dark place that a lamp passes, say: nothing of it has ever stayed."""
    dark, lit = np.zeros((180, 320, 3), np.uint8), np.full((180, 320, 3), 200, np.uint8)
    camera = Watched([*[lit] * 5, *[dark] * 25])
    assert set(camera.show(60)) == {""}
    assert camera.integrity.reference.views == ()


def test_a_lamp_that_goes_off_again_and_again_is_no_cap_on_the_lens(film):
    camera = Watched(film)
    camera.show(LEARNS_S)
    rang = []
    for _ in range(5):
        rang.append("camera_black" in camera.show(60, "black"))
        camera.show(90)
    assert rang == [True, True, False, False, False]


def test_every_fault_has_one_judge():
    assert list(JUDGES) == [fault.code for fault in LENS_FAULTS]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([1 / 10, 1 / 90, 0.0, -1 / 8]), st.floats(0.1, 4.0)), min_size=1, max_size=60)
)
def test_a_latch_tells_only_what_lasted_and_ends_only_when_empty(steps):
    latch, at_s, before = Latch(), 0.0, False
    for push, step_s in steps:
        at_s += step_s
        told = latch.update(push, at_s)
        assert 0 <= latch.charge <= 1
        if told and not before:
            assert latch.charge > 0.999
            assert at_s - latch.began_s >= 6.0  # the fastest judge needs 10 s, of which steps of 3 count at most
        if before and not told:
            assert latch.charge == 0
        before = told


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.integers(-40, 40), st.integers(-22, 22))
def test_a_shift_is_found_where_it_is(right, down):
    rng = np.random.default_rng(2)
    luma = np.full((3 * HEIGHT, 3 * WIDTH), 90, np.float32)
    for _ in range(400):
        x, y, wide, high = rng.uniform((0, 0, 4, 4), (3 * WIDTH, 3 * HEIGHT, 60, 40)).astype(int)
        luma[y : y + high, x : x + wide] = rng.uniform(30, 200)
    here = luma[HEIGHT : 2 * HEIGHT, WIDTH : 2 * WIDTH]
    there = luma[HEIGHT - down : 2 * HEIGHT - down, WIDTH - right : 2 * WIDTH - right]
    view = learnt([(SmallPicture(0.0, here, 1.0, 5.0, 360), outlines(here))])
    found = view.shift(outlines(there))
    assert found[:2] == (right, down)
    assert found[2] > 0.5


def test_a_view_without_outlines_is_compared_with_nothing():
    flat = np.full((HEIGHT, WIDTH), 90, np.float32)
    view = learnt([(SmallPicture(0.0, flat, 0.0, 5.0, 360), outlines(flat))])
    assert not view.comparable
    assert replace(Reference(), day=view).views == ()
    assert view.present(outlines(flat)) == 1.0
