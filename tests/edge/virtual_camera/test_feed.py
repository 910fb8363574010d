"""What streams send, unit by unit: drawn once and repeated, without a step, in bounded memory."""

from itertools import islice, pairwise

import numpy as np
import pytest

from edge.virtual_camera import feed as feeds
from edge.virtual_camera.access_unit import MediaError
from edge.virtual_camera.coder import LiveDecoder
from edge.virtual_camera.feed import loop_feed, source_feed
from edge.virtual_camera.media import PictureList, encode

COUNT, FPS = 10, 10.0


def picture(number: int) -> np.ndarray:
    image = np.full((96, 128, 3), 90, np.uint8)
    image[20:60, number * 8 : number * 8 + 20] = (200, 80, 40)
    return image


class CountingSource(PictureList):
    """Counts how often a picture was drawn."""

    def __init__(self):
        super().__init__([picture(number) for number in range(COUNT)], FPS)
        self.drawn = 0

    def picture(self, number):
        self.drawn += 1
        return super().picture(number)


def steps(units) -> set[float]:
    return {round(b.dts_s - a.dts_s, 3) for a, b in pairwise(units)}


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_scene_is_drawn_once_and_then_repeated(codec):
    source = CountingSource()
    units = list(islice(source_feed(source, codec, frozenset), 3 * COUNT))
    assert source.drawn == COUNT
    assert steps(units) == {0.1}
    assert [unit.nals for unit in units[COUNT : 2 * COUNT]] == [unit.nals for unit in units[:COUNT]]
    assert units[0].has_parameters(codec)
    decoder = LiveDecoder(codec)
    images = [image.astype(int) for unit in units for image, _ in decoder.decode(unit)]
    images += [image.astype(int) for image, _ in decoder.rest()]
    assert len(images) == 3 * COUNT
    assert all(np.abs(image - picture(number % COUNT)).mean() < 8 for number, image in enumerate(images))


def test_a_round_with_a_fault_in_it_is_not_repeated():
    source, on = CountingSource(), set()
    feed = source_feed(source, "h264", lambda: frozenset(on))
    units = list(islice(feed, 3))
    on.add("black")
    units += islice(feed, 1)
    on.clear()
    units += islice(feed, 2 * COUNT - 4)
    assert source.drawn == 2 * COUNT
    units += islice(feed, 2 * COUNT)
    assert source.drawn == 2 * COUNT
    assert steps(units) == {0.1}
    assert units[3 * COUNT + 3].nals == units[COUNT + 3].nals != units[3].nals


def test_what_is_too_large_to_keep_is_drawn_again(monkeypatch):
    monkeypatch.setattr(feeds, "_KEPT_BYTES", 100)
    source = CountingSource()
    units = list(islice(source_feed(source, "h264", frozenset), 2 * COUNT + 1))
    assert source.drawn == 2 * COUNT + 1
    assert steps(units) == {0.1}


def test_a_fault_in_a_group_too_large_to_keep_shows_from_the_next_key_frame_on(monkeypatch):
    clip = encode(CountingSource())
    assert [unit.key for unit in clip.units] == [True] + [False] * (COUNT - 1)
    monkeypatch.setattr(feeds, "_GROUP_BYTES", 100)
    on: set[str] = set()
    feed = loop_feed(clip, lambda: frozenset(on))
    sound = list(islice(feed, 4))
    on.add("black")
    bad = list(islice(feed, 4))
    assert bad[0].key
    assert bad[0].pts_s == pytest.approx(1.0)
    decoder = LiveDecoder("h264")
    images = [image for unit in sound + bad for image, _ in decoder.decode(unit)]
    assert [image.mean() < 25 for image in images] == [False] * 4 + [True] * 4


def test_a_source_without_pictures_is_refused():
    empty = CountingSource()
    empty.picture_count = 0
    with pytest.raises(MediaError, match="no pictures"):
        next(source_feed(empty, "h264", frozenset))
