"""The drawn school gate: the same bytes for the same seed, and a truth that the pixels bear out."""

import json
from collections import Counter
from dataclasses import replace

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.virtual_camera.draw import draw
from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from edge.virtual_camera.stories import STORIES
from edge.virtual_camera.truth import Presence, stays_of

SHORT = SceneSpec(3, "day", "passers", width=320, height=180, duration_s=12.0, fps=5.0)


def test_the_same_spec_and_number_give_the_same_bytes_in_any_order():
    first, second = DrawnScene(SHORT), DrawnScene(SHORT)
    numbers = [0, 17, 30, 59]
    forward = [first.picture(n) for n in numbers]
    second.truth()
    backward = [second.picture(n) for n in reversed(numbers)][::-1]
    for one, other in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.truth() == second.truth()


def test_another_seed_gives_other_people():
    other = DrawnScene(replace(SHORT, seed=4))
    assert other.truth().people != DrawnScene(SHORT).truth().people
    assert not np.array_equal(other.picture(20), DrawnScene(SHORT).picture(20))


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("story", STORIES)
def test_every_story_renders_in_every_light(story, light):
    scene = DrawnScene(SceneSpec(1, light, story, width=160, height=90, duration_s=20.0, fps=2.0))
    assert scene.picture_count == 40
    picture = scene.picture(17)
    assert picture.shape == (90, 160, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 8
    if light == "night_ir":
        assert np.array_equal(picture[30:70, :, 0], picture[30:70, :, 2])
    np.testing.assert_array_equal(scene.picture(17 + scene.picture_count), picture)


@pytest.mark.parametrize("light", LIGHTS)
def test_pixels_change_only_inside_the_boxes_of_the_truth(light):
    scene = DrawnScene(SceneSpec(2, light, "school_day_mix", duration_s=30.0, fps=0.5))
    truth, empty, seen = scene.truth(), scene.empty().astype(int), 0
    for frame in range(scene.picture_count):
        changed = np.abs(scene.composed(frame, shadows=False).astype(int) - empty).max(axis=2) > 3
        everything = changed.copy()
        for one in truth.at(frame):
            box = [one.box[0] * 640, one.box[1] * 360, one.box[2] * 640, one.box[3] * 360]
            left, top, right, bottom = (round(v) for v in box)
            inside = everything[top:bottom, left:right]
            if one.visible > 0.5:
                assert inside.mean() > 0.12, (frame, one)
                seen += 1
            # an umbrella is no part of the person: it may stand out above and beside the box
            above, beside = (bottom - top, (bottom - top) // 2) if light == "rain" else (2, 2)
            changed[max(0, top - above) : bottom + 2, max(0, left - beside) : right + beside] = False
        if light == "rain":
            changed[:, :60] = changed[:, -60:] = False  # an umbrella whose bearer is not in the picture yet
        assert changed.sum() == 0, f"frame {frame}: pixels changed where nobody stands"
    assert seen > 10


@pytest.mark.parametrize("seed", range(4))
def test_things_stand_about_without_changing_who_is_there(seed):
    spec = SceneSpec(seed, "night_ir", "passers", duration_s=12.0, fps=1.0, varied=True)
    plain, furnished = DrawnScene(spec), DrawnScene(replace(spec, things=True))
    assert not np.array_equal(plain.empty(), furnished.empty())
    for frame in range(plain.picture_count):
        before = {one.person: one for one in plain.truth().at(frame)}
        for one in furnished.truth().at(frame):
            assert one.box == before[one.person].box
            assert one.visible <= before[one.person].visible + 0.001


def test_boxes_are_tight():
    scene = DrawnScene(SceneSpec(5, "day", "passers", duration_s=30.0, fps=2.0))
    empty, tried = scene.empty().astype(int), 0
    for frame in range(scene.picture_count):
        people = scene.truth().at(frame)
        if len(people) != 1 or people[0].visible < 0.999:
            continue
        changed = np.abs(scene.composed(frame, shadows=False).astype(int) - empty).max(axis=2) > 6
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        assert np.abs(found - np.array(people[0].box) * [640, 360, 640, 360]).max() < 3.5
        tried += 1
    assert tried > 10


def test_the_loiterer_stays_in_the_zone_as_long_as_the_truth_says():
    scene = DrawnScene(_small("loiterer"))
    truth = scene.truth()
    longest = max(truth.stays, key=lambda stay: stay.dwell_s)
    assert longest.dwell_s > 30
    inside = [p.frame for p in truth.presences if p.person == longest.person and p.in_zone]
    assert inside[0] / truth.fps == pytest.approx(longest.enter_s)
    assert longest.leave_s - longest.enter_s == pytest.approx(longest.dwell_s)


def _small(story):
    return SceneSpec(1, "day", story, width=240, height=136, fps=4.0)


def _stays(story):
    return DrawnScene(_small(story)).truth().stays


def test_who_returns_has_two_stays_and_leaves_the_picture_between():
    truth = DrawnScene(_small("return")).truth()
    person = max(Counter(stay.person for stay in truth.stays).items(), key=lambda item: item[1])[0]
    first, second = sorted((s for s in truth.stays if s.person == person), key=lambda s: s.enter_s)[:2]
    frames = {p.frame for p in truth.presences if p.person == person}
    between = range(round(first.leave_s * truth.fps), round(second.enter_s * truth.fps))
    assert any(frame not in frames for frame in between)


def test_the_other_stories_tell_what_their_names_say():
    assert _stays("empty") == ()
    assert max(stay.dwell_s for stay in _stays("passers")) < 15
    crowd = [stay for stay in _stays("gathering") if stay.dwell_s > 15]
    assert len({stay.person for stay in crowd}) >= 5
    one, other = sorted(_stays("turns"), key=lambda stay: -stay.dwell_s)[:2]
    assert one.person != other.person
    pacing = Counter(stay.person for stay in _stays("pacing"))
    assert max(pacing.values()) >= 3


def test_the_pole_hides_the_one_behind_it():
    truth = DrawnScene(_small("pole")).truth()
    hider = max(truth.stays, key=lambda stay: stay.dwell_s).person
    shown = [p.visible for p in truth.presences if p.person == hider and p.in_zone]
    assert min(shown) < 0.5
    assert max(shown) > 0.95


@given(st.lists(st.booleans(), max_size=80))
@settings(max_examples=60, derandomize=True)
def test_stays_cover_exactly_the_frames_in_the_zone(in_zone):
    presences = [Presence(i, "a", (0, 0, 1, 1), 1.0, (0.5, 0.5), flag) for i, flag in enumerate(in_zone)]
    stays = stays_of(presences, 10.0, "gate", grace_s=0.0)
    assert round(sum(stay.dwell_s for stay in stays) * 10) == sum(in_zone)
    for stay in stays:
        assert all(in_zone[round(stay.enter_s * 10) : round(stay.leave_s * 10)])


def test_random_specs_vary_and_render():
    specs = [SceneSpec.random(seed, 240, 136, 2.0) for seed in range(8)]
    assert len({spec.light for spec in specs}) >= 3
    cameras = set()
    for spec in specs:
        scene = DrawnScene(spec)
        assert scene.picture(10).shape == (136, 240, 3)
        assert all(0 <= u <= 1 and 0 <= v <= 1 for u, v in scene.truth().zone)
        cameras.add(round(scene.place.camera.height_m, 2))
    assert len(cameras) > 5


def test_a_spec_names_everything_that_is_wrong_with_it():
    with pytest.raises(ValueError, match=r"no story 'dance'.*no light 'noon'.*321x180") as caught:
        SceneSpec(1, "noon", "dance", width=321, height=180)  # type: ignore[arg-type]  # on purpose
    assert "loiterer" in str(caught.value)


def test_draw_writes_a_video_its_truth_and_a_still(tmp_path):
    video, truth, still = tmp_path / "gate.mp4", tmp_path / "gate.json", tmp_path / "gate.png"
    scene = draw(replace(SHORT, duration_s=4.0), video, truth, still)
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
    assert len(pictures) == scene.picture_count == 20
    assert np.abs(pictures[9].astype(int) - scene.picture(9).astype(int)).mean() < 6
    told = json.loads(truth.read_text())
    assert told["frames"] == 20
    assert {p["person"] for p in told["presences"]} <= set(told["people"])
    assert still.read_bytes().startswith(b"\x89PNG")


def test_the_command_draws_and_refuses_in_a_sentence(tmp_path):
    import typer

    from edge.virtual_camera.draw_command import draw as command

    app = typer.Typer()
    app.command()(command)
    out = tmp_path / "a.mp4"
    done = CliRunner().invoke(app, ["--out", str(out), "--seconds", "2", "--size", "320x180"])
    assert done.exit_code == 0, done.output
    assert out.stat().st_size > 1000
    bad = CliRunner().invoke(app, ["--out", str(out), "--story", "dance"])
    assert bad.exit_code == 2
    assert "no story 'dance'" in bad.output
