"""What a virtual camera can be told to play, and how it says no."""

import pytest

from edge.virtual_camera.access_unit import MediaError
from edge.virtual_camera.scene import DrawnScene
from edge.virtual_camera.sources import open_sources


def test_drawn_scenes_are_made_in_the_order_in_which_they_are_named():
    scenes = open_sources(["drawn:loiterer:day:1", "drawn:pole:dusk:2"], duration_s=3.0)
    assert all(isinstance(scene, DrawnScene) for scene in scenes)
    assert [scene.spec.light for scene in scenes] == ["day", "dusk"]
    assert [(scene.width, scene.height, scene.picture_count) for scene in scenes] == [(640, 360, 30)] * 2


def test_a_sub_stream_can_show_the_same_scene_in_small():
    large, small = open_sources(["drawn:gathering:day:1:960x540", "drawn:gathering:day:1"], duration_s=20.0)
    assert (large.width, large.height) == (960, 540)
    pairs = list(zip(large.truth().at(150), small.truth().at(150), strict=True))
    assert len(pairs) >= 3
    for one, other in pairs:
        assert one.person == other.person
        assert one.box == pytest.approx(other.box, abs=0.01)


def test_a_story_can_have_its_time_in_a_longer_scene():
    (scene,) = open_sources(["drawn:loiterer:day:1@40-90/120"])
    stays = [stay for stay in scene.truth().stays if stay.dwell_s > 8]
    assert scene.picture_count == 1200
    assert len(stays) == 1
    assert 40 < stays[0].enter_s < 50
    assert len(scene.truth().people) > 4  # others only pass by


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("drawn:loiterer", "write it as"),
        ("drawn:loiterer:day:x", "write it as"),
        ("drawn:dancing:day:1", "stories are"),
        ("drawn:loiterer:noon:1", "lights are"),
        ("drawn:loiterer:day:1:9x9", "must be even"),
        ("drawn:loiterer:day:1@60-30/90", "a begin and an end within 90 s"),
        ("drawn:loiterer:day:1@0-100/90", "a begin and an end within 90 s"),
        ("drawn:loiterer:day:1@0-30", "write it as"),
        ("missing.mp4", "can't be played"),
    ],
)
def test_what_there_is_not_is_told(text, words):
    with pytest.raises(MediaError, match=words):
        open_sources([text])
