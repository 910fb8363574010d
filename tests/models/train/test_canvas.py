"""Training pictures: people where the pixels say, of every height, the same for the same number."""

import cv2
import numpy as np
import pytest

from models.train import camera_look, canvas
from models.train.camera_look import through_a_camera, with_captions, with_glare, with_shadow
from models.train.canvas import PAD, cut_people, letterboxed, paint_canvas
from models.train.shards import Sample

BODY = [100, 60, 140, 180]


def sample(people=(BODY,), size=(320, 240)) -> Sample:
    """White bodies on black."""
    bgr = np.zeros((size[1], size[0], 3), np.uint8)
    for left, top, right, bottom in people:
        bgr[top:bottom, left:right] = 255
    coded, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert coded
    rows = [[*box, 1.0] for box in people]
    return Sample(data.tobytes(), size, np.array(rows, np.float32).reshape(-1, 5))


def test_a_canvas_follows_from_its_number_alone():
    samples = [sample(), sample(())]
    first, again, other = (paint_canvas(samples, 256, 3, number) for number in (7, 7, 8))
    assert first.bgr.shape == (256, 256, 3)
    assert np.array_equal(first.bgr, again.bgr)
    assert np.array_equal(first.people, again.people)
    assert not np.array_equal(first.bgr, other.bgr)


def test_boxes_lie_where_the_bodies_are(monkeypatch):
    monkeypatch.setattr(canvas, "through_a_camera", lambda bgr, _rng: bgr)
    monkeypatch.setattr(canvas, "_GONE", 0.0)  # so that slivers at a cut have a box too
    checked = 0
    for number in range(40):
        painted = paint_canvas([sample()], 256, 1, number)
        white = painted.bgr[..., 1] > 200
        for left, top, right, bottom, certainty in painted.people:
            if certainty > 0:
                inner = white[round(top + 1) : round(bottom - 1), round(left + 1) : round(right - 1)]
                assert inner.mean() > 0.9, (number, left, top, right, bottom)
                checked += 1
        for left, top, right, bottom, _ in painted.people:
            white[max(0, round(top) - 2) : round(bottom) + 2, max(0, round(left) - 2) : round(right) + 2] = False
        assert white.sum() <= 20, f"canvas {number}: a body without a box"
    assert checked > 60


def test_people_are_small_and_large():
    heights = np.concatenate([
        (painted.people[:, 3] - painted.people[:, 1])[painted.people[:, 4] > 0]
        for painted in (paint_canvas([sample()], 256, 1, number) for number in range(80))
    ])  # fmt: skip
    for low, high in ((8, 32), (32, 80), (80, 256)):
        assert ((heights >= low) & (heights < high)).mean() > 0.05, (low, high)


def test_some_people_fill_the_input_that_cameras_frames_are_laid_into():
    side = max(canvas.SIDES_PX)
    painted = [paint_canvas([sample([[80, 20, 180, 230]])], side, 1, number).people for number in range(20)]
    sure = np.concatenate([people[people[:, 4] > 0] for people in painted])
    assert (sure[:, 3] - sure[:, 1] > 250).sum() >= 3


def test_where_nobody_is_is_learnt_too_and_as_large_as_anybody(monkeypatch):
    monkeypatch.setattr(canvas, "through_a_camera", lambda bgr, _rng: bgr)
    monkeypatch.setattr(canvas, "_GONE", 0.0)
    empty = 0
    for number in range(100):
        painted = paint_canvas([sample(size=(640, 240))], 416, 4, number)
        if not len(painted.people):
            assert (painted.bgr[..., 1] > 200).sum() <= 20, f"canvas {number}: a body without a box"
            empty += (painted.bgr.min(axis=2) < 50).mean() > 0.95  # nothing of the grey around a smaller picture
    assert empty >= 5


def test_a_person_cut_in_half_is_undecided_and_one_hardly_there_is_gone():
    people = np.array(
        [[10, 10, 30, 60, 1], [-10, 10, 10, 60, 1], [-14, 10, 6, 60, 1], [-19, 10, 1, 60, 1], [50, 50, 55, 57, 1]],
        np.float32,
    )
    cut = cut_people(people, 100, 100)
    assert cut.tolist() == [
        [10, 10, 30, 60, 1], [0, 10, 10, 60, 1], [0, 10, 6, 60, 0], [50, 50, 55, 57, 0],
    ]  # fmt: skip


def test_letterboxed_as_the_camera_side_does_it():
    bgr, box = letterboxed(sample(), 128)
    assert (box.width, box.height) == (128, 96)
    assert (bgr[96:] == PAD).all()
    body = (bgr[..., 1] > 128)[:96]
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    left, top, right, bottom = box.to_input(np.array([BODY], np.float32))[0]
    assert (columns[0], rows[0]) == pytest.approx((left, top), abs=1)
    assert (columns[-1] + 1, rows[-1] + 1) == pytest.approx((right, bottom), abs=1)


def test_cameras_degrade_but_do_not_blind():
    grey = 0
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 4) * 3
    for seed in range(60):
        out = through_a_camera(picture, np.random.default_rng(seed))
        again = through_a_camera(picture, np.random.default_rng(seed))
        assert out.shape == picture.shape
        assert out.dtype == np.uint8
        assert np.array_equal(out, again)
        assert 5 < out.mean() < 250
        grey += bool(np.ptp(out.astype(int), axis=2).max() <= 12)
    assert 15 <= grey <= 40


def test_about_three_in_five_pictures_are_noisy():
    flat = np.full((120, 160, 3), 110, np.uint8)
    noisy = 0
    for seed in range(100):
        out = through_a_camera(flat, np.random.default_rng(seed), by_night=False).astype(np.float32)
        noisy += bool((out - cv2.GaussianBlur(out, (0, 0), 6)).std() > 0.8)
    assert 45 <= noisy <= 75


def test_about_half_of_the_pictures_are_compressed_until_it_shows(monkeypatch):
    compressed, really = [], camera_look._compressed

    def seen(bgr, rng):
        out = really(bgr, rng)
        compressed.append(float(np.abs(out.astype(int) - bgr).mean()))
        return out

    monkeypatch.setattr(camera_look, "_compressed", seen)
    texture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    for seed in range(100):
        through_a_camera(texture, np.random.default_rng(seed))
    assert 35 <= len(compressed) <= 65
    assert np.mean(compressed) > 3


def test_a_night_is_grey_and_its_lamps_outshine_everything():
    picture = np.full((120, 160, 3), (90, 60, 40), np.uint8)
    for seed in range(20):
        night = through_a_camera(picture, np.random.default_rng(seed), by_night=True)
        assert np.ptp(night.astype(int), axis=2).max() <= 12
        lit = with_glare(picture, np.random.default_rng(seed)).astype(int)
        assert lit.max() >= 150
        assert (lit >= picture).all()
        assert np.median(lit[..., 0]) < 200


def test_who_cannot_be_seen_teaches_nothing(monkeypatch):
    def night(bgr, rng):
        return np.asarray(bgr // 64 + rng.integers(0, 8, bgr.shape), np.uint8)

    monkeypatch.setattr(canvas, "through_a_camera", night)
    people = np.concatenate([paint_canvas([sample()], 256, 1, number).people for number in range(10)])
    assert len(people) > 10
    assert (people[:, 4] == 0).all()


def test_a_lamp_in_a_black_picture_shows_nobody():
    black = np.random.default_rng(1).integers(0, 8, (240, 320, 3)).astype(np.uint8)
    cv2.rectangle(black, (110, 70), (130, 80), (255, 255, 255), -1)  # a plate, in front of where somebody stands
    lit = np.full((240, 320, 3), 20, np.uint8)
    lit[60:180, 100:140] = 45
    lit[150:180, 100:140] = 20
    body = np.array([[*BODY, 1.0]], np.float32)
    assert canvas.sure_of_the_visible(black, body)[0, 4] == 0
    assert canvas.sure_of_the_visible(lit, body)[0, 4] == 1


def test_captions_are_written_over_pictures_and_leave_most_of_them():
    for number in range(20):
        picture = np.full((200, 300, 3), 60, np.uint8)
        written = with_captions(picture, np.random.default_rng(number))
        changed = (written != picture).any(axis=2)
        assert changed.mean() < 0.6
        assert (picture == 60).all()
    assert (
        sum((with_captions(np.zeros((200, 300, 3), np.uint8), np.random.default_rng(n)) > 150).any() for n in range(20))
        >= 15
    )


def test_in_the_shadow_a_person_is_a_few_levels_from_the_wall_and_outside_it_all_is_as_before():
    """Dim people before dark walls were found least of all on real infra-red."""
    picture = np.full((120, 160, 3), 120, np.uint8)
    picture[40:80, 60:80] = 200
    apart = []
    for seed in range(40):
        shaded = with_shadow(picture, np.random.default_rng(seed)).astype(int)
        assert np.ptp(shaded, axis=2).max() == 0
        apart.append(abs(shaded[60, 70, 0] - shaded[60, 50, 0]))
    assert min(apart) < 20
    assert apart.count(80) > 5
    assert sum(step < 40 for step in apart) > 10
