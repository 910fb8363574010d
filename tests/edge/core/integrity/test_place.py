"""A zone's rules see nothing where it is dark or hidden, though the camera sees; people before it hide nothing."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.integrity.camera import CameraIntegrity
from edge.core.integrity.picture import HEIGHT, WIDTH, SmallPicture
from edge.core.integrity.place import mask_of

ZONE = ((0.55, 0.5), (0.95, 0.5), (0.95, 0.95), (0.55, 0.95))
ACROSS, DOWN = slice(88, 152), slice(45, 85)  # of the small picture


@pytest.fixture
def ground():
    rng = np.random.default_rng(5)
    luma = np.full((HEIGHT, WIDTH), 110, np.float32)
    for _ in range(120):
        x, y, wide, high = rng.uniform((0, 0, 6, 6), (WIDTH, HEIGHT, 40, 30)).astype(int)
        luma[y : y + high, x : x + wide] = rng.uniform(60, 190)
    return luma


class Camera:
    def __init__(self):
        self.integrity = CameraIntegrity(None, {"gate": ZONE})
        self.at_s = 0

    def show(self, seconds, picture):
        rng = np.random.default_rng(self.at_s)
        for second in range(seconds):
            luma = picture(second) if callable(picture) else picture
            noisy = (luma + rng.normal(0, 0.5, luma.shape)).astype(np.float32)
            self.integrity.update(SmallPicture(float(self.at_s), noisy, 0.8, 5.0, 360))
            self.at_s += 1
        assert self.integrity.state.fault is None
        return self.integrity.places["gate"].fault


def with_van(ground):
    luma = ground.copy()
    luma[DOWN, ACROSS] = 150
    luma[DOWN, ACROSS][::9] = 60
    luma[DOWN, ACROSS][:, ::13] = 40
    return luma


def test_a_van_that_stays_before_a_zone_hides_it_until_it_goes(ground):
    camera = Camera()
    assert camera.show(20, ground) is None
    assert camera.show(50, with_van(ground)) is None  # a minute is a delivery
    assert camera.show(100, with_van(ground)) == "zone_hidden"
    assert 20 <= camera.integrity.places["gate"].began_s <= 90
    assert camera.show(60, ground) is None


def test_a_crowd_that_moves_about_in_a_zone_hides_nothing(ground):
    def crowd(second):
        rng, luma = np.random.default_rng([second, 1]), ground.copy()
        for _ in range(25):
            x, y = rng.integers(90, 146), rng.integers(45, 66)
            luma[y : y + 18, x : x + 6] = rng.uniform(30, 200)
        return luma

    camera = Camera()
    camera.show(20, ground)
    assert camera.show(200, crowd) is None


def test_shadows_that_go_hide_nothing(ground):
    bare = ground.copy()
    bare[DOWN, ACROSS] = 110
    striped = bare.copy()
    striped[DOWN, ACROSS][:, ::8] = 70
    camera = Camera()
    camera.show(20, striped)
    assert camera.show(200, bare) is None


def test_a_zone_that_the_lamp_does_not_reach_is_too_dark_for_its_rules(ground):
    dark = ground.copy()
    dark[DOWN, ACROSS] = 18 + 0.05 * ground[DOWN, ACROSS]
    camera = Camera()
    camera.show(20, ground)
    assert camera.show(50, dark) is None
    assert camera.show(20, dark) == "zone_too_dark"
    assert camera.integrity.places["gate"].began_s == 20
    assert camera.show(20, ground) is None


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=8))
def test_the_pixels_of_a_zone_are_those_that_a_drawing_of_it_fills(corners):
    points = (np.array(corners) * (WIDTH, HEIGHT)).astype(np.float32)
    hull = cv2.convexHull(points).reshape(-1, 2)
    if cv2.contourArea(hull) < 1:
        return
    mask = mask_of([(float(x) / WIDTH, float(y) / HEIGHT) for x, y in hull])
    assert abs(float(mask.sum()) - cv2.contourArea(hull)) <= cv2.arcLength(hull, True)


def test_a_line_is_watched_on_both_sides():
    mask = mask_of(((0.25, 0.5), (0.75, 0.5)))
    assert mask[40, 80]
    assert mask[49, 80]
    assert not mask[25, 80]
    assert not mask[45, 10]
