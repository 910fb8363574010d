"""The motion gate: who walks is covered within a second, what is no person asks for little, a new light is told."""

from itertools import pairwise

import av
import cv2
import numpy as np
import pytest

from edge.adapters.decoded_picture import i420
from edge.adapters.motion_gate import ROWS, MotionGate
from edge.virtual_camera.scene import DrawnScene, SceneSpec

SIZE = (640, 360)
GROUND = cv2.GaussianBlur(np.random.default_rng(2).integers(40, 200, (360, 640), np.uint8), (15, 15), 0)


def noisy(picture, number, levels=2.5):
    grain = np.random.default_rng([number, 6]).normal(0, levels, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def with_man(picture, left, height=80, bright=30):
    """Somebody as a dark figure with a light head, `left` pixels from the left, their foot at 300."""
    shown = picture.copy()
    wide = height // 3
    shown[300 - height : 300, left : left + wide] = bright
    shown[300 - height : 300 - height * 5 // 6, left + wide // 4 : left + wide * 3 // 4] = 190
    return shown


def covers(motion, left, height=80):
    cell = 360 / ROWS
    rows = slice(int((300 - height) / cell), int(np.ceil(300 / cell)))
    return bool(motion.cells[rows, int(left / cell) : int(np.ceil((left + height / 3) / cell))].any())


def watched(pictures, fps, gate=None, begin_s=0.0):
    """The motion of each picture, `fps` of them a second."""
    gate = gate or MotionGate()
    return [gate.update(picture, begin_s + number / fps) for number, picture in enumerate(pictures)]


@pytest.mark.parametrize("fps", [0.5, 1, 2, 5, 10])
@pytest.mark.parametrize("height", [40, 80, 160])
def test_who_walks_is_covered_within_a_second_or_at_the_next_frame(fps, height):
    gate = MotionGate()
    watched([noisy(GROUND, n) for n in range(int(8 * fps))], fps, gate, -8.0)
    at = [round(0.7 * height * n / fps) for n in range(max(2, int(3 * fps)))]  # px: 1.2 m/s
    told = watched([noisy(with_man(GROUND, left, height), n) for n, left in enumerate(at)], fps, gate)
    covered = [covers(motion, left, height) for motion, left in zip(told, at, strict=True)]
    assert any(covered[: int(fps) + 1])
    assert all(any(covered[max(0, n - int(fps)) : n + 1]) for n in range(1, len(covered)))


def test_who_walks_is_covered_though_frames_are_dropped():
    gate, random = MotionGate(), np.random.default_rng(5)
    watched([noisy(GROUND, n) for n in range(20)], 5.0, gate, -4.0)
    last_s = 0.0
    for number in range(40):
        if random.random() < 0.4:
            continue
        if covers(gate.update(noisy(with_man(GROUND, number * 8), number), number / 5), number * 8):
            last_s = number / 5
        assert number / 5 - last_s <= 1.0


def test_who_stands_still_fades_and_their_place_is_left_to_the_tracks():
    gate = MotionGate()
    watched([noisy(with_man(GROUND, 8 * n), n) for n in range(25)], 5.0, gate, -5.0)
    told = watched([noisy(with_man(GROUND, 200), n) for n in range(25)], 5.0, gate)
    assert not any(motion.cells.any() for motion in told[8:])


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: np.clip(picture.astype(int) * 3 // 4, 0, 255).astype(np.uint8),  # an exposure step
        lambda picture: np.clip(picture.astype(int) + 45, 0, 255).astype(np.uint8),  # a lamp
        lambda picture: 255 - picture,  # infra-red: cloth and leaves are bright
    ],
    ids=["exposure", "lamp", "infra-red"],
)
def test_another_light_is_told_once_and_nothing_moves_after_it(change):
    gate = MotionGate()
    before = watched([noisy(GROUND, n) for n in range(20)], 5.0, gate)
    after = watched([noisy(change(GROUND), n) for n in range(20)], 5.0, gate, 4.0)
    assert [motion.light_changed for motion in before] == [True] + [False] * 19
    assert [motion.light_changed for motion in after] == [True] + [False] * 19
    assert not any(motion.cells.any() for motion in after)


@pytest.mark.parametrize("fps", [0.5, 1])
def test_an_idle_cameras_few_frames_are_no_change_of_light(fps):
    told = watched([noisy(GROUND, n) for n in range(20)], fps)
    assert [motion.light_changed for motion in told] == [True] + [False] * 19
    assert not any(motion.cells.any() for motion in told)


def test_a_pause_another_size_and_a_time_line_that_begins_anew_are_looked_at_whole():
    gate = MotionGate()
    watched([GROUND] * 5, 5.0, gate)
    assert gate.update(GROUND, 8.0).light_changed
    assert not gate.update(GROUND, 8.2).light_changed
    other = gate.update(np.ascontiguousarray(GROUND[:, :480]), 8.4)
    assert (other.light_changed, other.cells.shape) == (True, (ROWS, 48))
    assert gate.update(np.ascontiguousarray(GROUND[:, :480]), 1.0).light_changed


def test_slow_clouds_and_a_dark_sensors_noise_ask_for_nothing():
    across = np.linspace(-1, 1, 640)[None]
    dark = (GROUND * 0.3).astype(np.uint8)
    clouds = [noisy(GROUND * (1 + 0.15 * np.sin(across * 2 + n / 20)), n) for n in range(60)]
    assert not any(motion.cells.any() for motion in watched(clouds, 5.0)[5:])
    assert not any(motion.cells.any() for motion in watched([noisy(dark, n, 8.0) for n in range(60)], 5.0)[5:])


GRAINS = [np.random.default_rng(n).normal(0, 2.5, (180, 320)) for n in range(16)]


def clocked(at_s):
    """An empty place with the time of day written into the picture, as small as cameras write it."""
    shown = np.clip(GROUND[::2, ::2] + GRAINS[int(at_s * 7) % 16], 0, 255).astype(np.uint8)
    text = f"07:{int(at_s) // 60:02d}:{int(at_s) % 60:02d}"
    return np.asarray(cv2.putText(shown, text, (8, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 235, 1, cv2.LINE_8))


@pytest.fixture
def used_to_a_clock():
    """A gate that has watched a camera's clock for four minutes, five frames a second."""
    gate = MotionGate()
    told = [gate.update(clocked(n / 5), n / 5).cells.any() for n in range(1200)]
    assert any(told)
    return gate


def test_a_clock_in_the_picture_keeps_no_camera_awake(used_to_a_clock):
    moved = [used_to_a_clock.update(clocked(240 + n / 5), 240 + n / 5).cells.any() for n in range(100)]
    assert not any(moved)
    idle = [used_to_a_clock.update(clocked(260 + 2 * n), 260.0 + 2 * n) for n in range(40)]
    assert not any(motion.cells.any() or motion.light_changed for motion in idle)


def test_who_walks_where_the_clock_is_written_is_covered_all_the_same(used_to_a_clock):
    told = []
    for number in range(25):
        at_s, left = 240 + number / 5, 30 + 4 * number
        shown = clocked(at_s)
        shown[0:40, left : left + 13] = 30
        cells = used_to_a_clock.update(shown, at_s).cells
        told.append(bool(cells[:8, left // 5 : (left + 13) // 5 + 1].any()))
    assert all(any(pair) for pair in pairwise(told[2:]))


def luma(rgb):
    planes = i420(av.VideoFrame.from_ndarray(rgb, "rgb24"))
    return planes[: planes.shape[0] * 2 // 3]


@pytest.mark.parametrize("light", ["rain", "night_ir"])
def test_an_empty_drawn_gate_asks_for_little_in_any_weather(light):
    scene = DrawnScene(SceneSpec(8000, light, "empty", 320, 180, fps=5.0, duration_s=12.0))
    told = watched([luma(scene.picture(n)) for n in range(scene.picture_count)], 5.0)
    assert sum(motion.light_changed for motion in told) == 1
    assert np.mean([motion.cells.mean() for motion in told]) < 0.005


def moved_in(path, first_s, last_s, fps=5.0):
    """(moment, motion) of each frame."""
    gate, due_s = MotionGate(), first_s
    with av.open(str(path)) as container:
        container.seek(int(max(0.0, first_s - 3.0) * 1_000_000))
        for picture in container.decode(video=0):
            if picture.time > last_s:
                return
            if picture.time >= due_s - 1e-6:
                due_s += 1 / fps
                planes = i420(picture)
                yield picture.time, gate.update(planes[: planes.shape[0] * 2 // 3], picture.time)


def test_a_far_man_at_night_is_covered_as_he_comes_and_the_empty_place_asks_for_little(shared_assets):
    night = shared_assets / "videos" / "night_ir_far_person_at_gate.mp4"
    gate = (slice(10, 16), slice(17, 21))  # cells: he is 26 pixels wide of 960 and hardly brighter than the fence
    moved = [(at_s, motion.cells[gate].any()) for at_s, motion in moved_in(night, 49.0, 57.5)]
    assert not any(seen for at_s, seen in moved if at_s < 54.5)
    assert any(seen for at_s, seen in moved if at_s < 56.2)  # what little of him moves begins to at 55.2 s
    empty = [motion.cells.mean() for _, motion in moved_in(night, 150.0, 160.0)]
    assert np.mean(empty) < 0.01


def test_people_who_come_to_a_table_one_by_one_wake_a_camera(shared_assets):
    film = shared_assets / "videos" / "one-by-one-person-detection.mp4"
    moved = [(at_s, motion.cells.any()) for at_s, motion in moved_in(film, 45.5, 52.0)]
    assert not any(any_moved for at_s, any_moved in moved if at_s < 49.5)
    assert any(any_moved for at_s, any_moved in moved if 49.5 <= at_s <= 51.2)
