"""What the gate takes for a movement and what not: people near and far; light, weather, leaves, insects, noise."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.motion_gate import ROWS, MotionGate
from edge.adapters.video_file import VideoFile
from edge.virtual_camera.scene import DrawnScene, SceneSpec

WIDTH, HEIGHT = 640, 360
ACROSS, DOWN = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))


@pytest.fixture(scope="module")
def ground():
    scene = DrawnScene(SceneSpec(5, "day", "empty", WIDTH, HEIGHT, fps=1.0, duration_s=2.0))
    return cv2.cvtColor(scene.picture(0), cv2.COLOR_RGB2GRAY).astype(np.float32)


def watched(picture, seconds, fps, noise=2.5):
    """[(media_s, Motion)] of the pictures `picture(media_s)`, (height, width) float, with a sensor's noise on top."""
    gate, rng = MotionGate(), np.random.default_rng(7)
    seen = []
    for number in range(round(seconds * fps)):
        shown = picture(number / fps)
        shown = shown + cv2.GaussianBlur(rng.normal(0, noise, shown.shape).astype(np.float32), (3, 3), 0.8) * 1.5
        seen.append((number / fps, gate.update(np.clip(shown, 0, 255).astype(np.uint8), number / fps)))
    return seen


def with_box(ground, left, top, wide, high, level):
    made = ground.copy()
    made[round(top) : round(top + high), round(left) : round(left + wide)] = level
    return made


def hits(motion, left, top, wide, high, shape=(HEIGHT, WIDTH), beside=0):
    rows, columns = motion.cells.shape
    y0, y1 = int(top * rows / shape[0]) - beside, int(np.ceil((top + high) * rows / shape[0])) + beside
    x0, x1 = int(left * columns / shape[1]) - beside, int(np.ceil((left + wide) * columns / shape[1])) + beside
    return bool(motion.cells[max(0, y0) : y1, max(0, x0) : x1].any())


def area(seen, since_s=0.0):
    """Share of the picture that moved, on average; a change of light counts whole."""
    return float(np.mean([m.light_changed or m.cells.mean() for at_s, m in seen if at_s >= since_s]))


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_who_walks_far_away_is_caught_within_a_second(ground, fps):
    """10 px tall, 20 in a picture of 1280x720; 0.8 of their height a second; dark on what is there."""

    def place(at_s):
        return 300 + 8 * max(0.0, at_s - 3), 200

    level = float(ground[200:210, 300:330].mean()) - 45
    seen = watched(lambda at_s: with_box(ground, *place(at_s), 4, 10, level), 8, fps)
    caught = [at_s for at_s, motion in seen if at_s > 3 and hits(motion, *place(at_s), 4, 10, beside=1)]
    assert caught[0] <= 4.0
    assert all(later - earlier <= 1.0 for earlier, later in pairwise(caught))
    assert caught[-1] >= 7.0


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_only_the_place_where_somebody_is_believed_not_the_way_they_came(ground, fps):
    def place(at_s):
        return 40 + 60 * at_s, 150

    seen = watched(lambda at_s: with_box(ground, *place(at_s), 28, 80, 30), 8, fps)
    for at_s, motion in seen:
        if at_s >= 2:
            assert hits(motion, *place(at_s), 28, 80)
            assert not hits(motion, 0, 150, place(at_s - 1.2)[0] - 20, 80)


def test_after_a_start_a_pause_or_another_size_all_is_new(ground):
    gate, luma = MotionGate(), ground.astype(np.uint8)
    assert gate.update(luma, 10.0).light_changed
    assert not gate.update(luma, 10.2).light_changed
    assert not gate.update(luma, 12.2).light_changed  # an idle camera's key frames
    assert gate.update(luma, 16.2).light_changed
    assert not gate.update(luma, 16.4).light_changed
    assert gate.update(np.ascontiguousarray(luma[:180, :320]), 16.6).light_changed


@pytest.mark.parametrize("after", ["lamp", "infra-red"])
@pytest.mark.parametrize("fps", [2, 5, 10])
def test_a_light_switched_on_asks_for_one_look_at_everything(ground, fps, after):
    other = ground * 1.35 + 12 if after == "lamp" else 235 - 0.8 * ground
    seen = watched(lambda at_s: ground * 0.9 if at_s < 4 else other, 8, fps)
    assert [at_s for at_s, motion in seen if motion.light_changed] == [0.0, 4.0]
    assert area(seen, 4.1) < 0.002


@pytest.mark.parametrize("fps", [2, 5, 10])
@pytest.mark.parametrize("noise", [2.0, 5.0, 9.0])
def test_noise_is_no_movement(ground, fps, noise):
    assert area(watched(lambda _: ground * 0.4 + 10, 12, fps, noise), 1.1) < 0.001


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_clouds_are_no_movement(ground, fps):
    def cloud(at_s):
        shade = 1.0 - 0.35 / (1 + np.exp((ACROSS - 90 * at_s + 150) / 60))
        return ground * shade

    assert area(watched(cloud, 10, fps), 1.1) < 0.01


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_slow_changes_of_exposure_are_no_movement(ground, fps):
    assert area(watched(lambda at_s: ground * (0.8 + 0.03 * at_s), 12, fps), 1.1) < 0.005


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_headlights_that_sweep_ask_for_little(ground, fps):
    def lit(at_s):
        glow = np.exp(-(((ACROSS - 160 * (at_s - 2)) / 90) ** 2) - ((DOWN - 220) / 60) ** 2)
        return 0.35 * ground * (1 + 1.6 * glow)

    assert area(watched(lit, 7, fps), 1.1) < 0.1


@pytest.mark.parametrize("fps", [2, 5])
def test_leaves_that_sway_are_known_after_a_while_and_who_walks_before_them_is_caught(ground, fps):
    leaves = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 90, (160, 300)).astype(np.float32), (0, 0), 2.5)
    swing = np.random.default_rng(4).uniform(0.3, 0.9, 3)

    def tree(at_s):
        made = ground.copy()
        shift = 4 * float(np.sin(2 * np.pi * swing * at_s).sum()) / 3
        moved = cv2.warpAffine(leaves, np.float32([[1, 0, shift], [0, 1, 0.3 * shift]]), leaves.shape[::-1])
        made[20:160, 150:430] = 90 + 3 * moved[10:150, 10:290]
        return with_box(made, 100 + 40 * (at_s - 40), 100, 24, 70, 20) if at_s > 40 else made

    seen = watched(tree, 46, fps)
    still = [one for one in seen if one[0] < 40]
    assert area(still, 25) < 0.02
    walks = [hits(motion, 100 + 40 * (at_s - 40), 100, 24, 70) for at_s, motion in seen if at_s > 41]
    assert np.mean(walks) > 0.9


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_insects_before_the_lens_are_no_movement(ground, fps):
    rng = np.random.default_rng(2)
    at = {}

    def insect(at_s):
        x, y = at.setdefault(at_s, rng.uniform((0, 0), (WIDTH, HEIGHT)))
        return 0.4 * ground + 150 * np.exp(-(((ACROSS - x) / 14) ** 2) - ((DOWN - y) / 8) ** 2)

    assert area(watched(insect, 10, fps), 1.1) < 0.002


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 80).map(lambda half: 16 * half),
    st.integers(2, 80).map(lambda half: 12 * half),
    st.lists(st.floats(0, 5), min_size=1, max_size=6),
    st.integers(0, 9),
)
def test_any_size_and_any_times_give_a_grid_over_the_frame(width, height, steps_s, seed):
    gate, rng = MotionGate(), np.random.default_rng(seed)
    media_s = 0.0
    for step_s in steps_s:
        media_s += step_s
        motion = gate.update(rng.integers(0, 255, (height, width), np.uint8), media_s)
        assert motion.cells.shape == (ROWS, max(1, round(ROWS * width / height)))
        assert not (motion.light_changed and motion.cells.any())


def motions(path, fps, until_s):
    for one in VideoFile(path, "gate", fps):
        if one.frame.media_s > until_s:
            return
        yield one.frame.media_s, one.frame.motion


def test_who_comes_to_the_table_is_caught_and_the_empty_room_is_quiet(shared_assets):
    path = shared_assets / "videos" / "one-by-one-person-detection.mp4"
    seen = list(motions(path, 5.0, 75.0))
    for enters_s, leaves_s in ((6.2, 19.0), (22.8, 44.8), (50.2, 69.8)):
        assert any(motion.cells.any() for at_s, motion in seen if enters_s - 1.0 < at_s < enters_s + 1.0)
        assert sum(motion.cells.any() for at_s, motion in seen if enters_s < at_s < leaves_s) > 10
    empty = [motion.cells.mean() for at_s, motion in seen if 1 < at_s < 5 or 46.5 < at_s < 49]
    assert np.mean(empty) < 0.002


def test_rain_asks_for_little_at_any_rate():
    """A gate that took what changes once for a movement saw eight places a frame at 2 frames a second."""
    scene = DrawnScene(SceneSpec(2, "rain", "empty", WIDTH, HEIGHT, fps=5.0, duration_s=16.0))
    luma = [cv2.cvtColor(scene.picture(number), cv2.COLOR_RGB2GRAY) for number in range(scene.picture_count)]
    for every in (1, 2, 3):
        gate = MotionGate()
        seen = [(number / 5, gate.update(luma[number], number / 5)) for number in range(0, len(luma), every)]
        assert area(seen, 1.3) < 0.01


def test_who_opens_the_gate_at_night_is_caught(shared_assets):
    """Dim infra-red: the door, moving from 50 s on, and who stands in it differ from what is there by ten levels."""
    path = shared_assets / "videos" / "night_ir_far_person_at_gate.mp4"
    box = (541, 300, 66, 170)
    seen = [one for one in motions(path, 5.0, 58.0) if one[0] > 50.0]
    assert any(hits(motion, *box, shape=(1088, 960)) for at_s, motion in seen if at_s < 51)
    assert sum(hits(motion, *box, shape=(1088, 960)) for _, motion in seen) > 15


def test_places_where_movement_means_nothing_are_left_out():
    pictures = [np.full((360, 640), 90, np.uint8) for _ in range(12)]
    for number, picture in enumerate(pictures):
        picture[20:40, 500:600:12] = 255 if number % 3 else 0  # digits that change
        picture[20:40, 500 + 9 * number : 505 + 9 * number] = 200
    gate = MotionGate()
    moved = [gate.update(picture, number / 5).cells for number, picture in enumerate(pictures)]
    assert any(cells.any() for cells in moved)
    gate.vain = np.logical_or.reduce(moved)
    again = [gate.update(picture, 2.4 + number / 5).cells for number, picture in enumerate(pictures)]
    assert not any(cells.any() for cells in again)


@pytest.mark.parametrize("fps", [0.5, 1])
def test_an_idle_cameras_few_frames_are_no_change_of_light_and_show_who_came_between_two(ground, fps):
    seen = watched(lambda at_s: with_box(ground, 200, 120, 28, 80, 30) if at_s >= 10 else ground, 20, fps)
    assert [at_s for at_s, motion in seen if motion.light_changed] == [0.0]
    assert [at_s for at_s, motion in seen if motion.cells.any()] == [10.0]


def test_who_walks_is_caught_though_frames_are_dropped(ground):
    gate, rng, last_s = MotionGate(), np.random.default_rng(5), 4.0
    for number in range(60):
        at_s, left = number / 5, 20 + 8 * max(0, number - 20)
        if number < 20 or rng.random() > 0.4:
            motion = gate.update(with_box(ground, left, 120, 28, 80, 30).astype(np.uint8), at_s)
            last_s = at_s if number <= 20 or hits(motion, left, 120, 28, 80) else last_s
        assert at_s <= 4.0 or at_s - last_s <= 1.0


def test_who_stands_still_fades_and_their_place_is_left_to_the_tracks(ground):
    seen = watched(lambda at_s: with_box(ground, 20 + 40 * min(at_s, 5.0), 120, 28, 80, 30), 12, 5)
    assert all(motion.cells.any() for at_s, motion in seen if 1.0 < at_s < 5.0)
    assert not any(motion.cells.any() for at_s, motion in seen if at_s > 6.5)
