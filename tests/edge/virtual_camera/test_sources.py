"""What a virtual camera can be told to play, and how it says no."""

import pytest

from edge.virtual_camera.media import MediaError
from edge.virtual_camera.sources import load


def test_a_drawn_scene_becomes_a_loop():
    clip = load("drawn:loiterer:day:1", duration_s=3.0)
    assert (clip.width, clip.height, len(clip.units)) == (640, 360, 30)
    assert clip.duration_s == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("drawn:loiterer", "write it as"),
        ("drawn:loiterer:day:x", "write it as"),
        ("drawn:dancing:day:1", "stories are"),
        ("drawn:loiterer:noon:1", "lights are"),
        ("missing.mp4", "can't be played"),
    ],
)
def test_what_there_is_not_is_told(text, words):
    with pytest.raises(MediaError, match=words):
        load(text)
