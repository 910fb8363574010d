"""Pieces of frames on one input: none over another, all inside, and the way back exact."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.detect.canvas import GAP_PX, Canvas
from edge.core.detect.letterbox import Letterbox
from edge.core.detect.region import Region, whole_frame

frame_sizes = st.tuples(st.integers(8, 1500).map(lambda n: n * 2), st.integers(8, 1500).map(lambda n: n * 2))
fractions = st.floats(0, 1, width=32)


@st.composite
def regions(draw, size):
    x = sorted(draw(st.tuples(fractions, fractions)))
    y = sorted(draw(st.tuples(fractions, fractions)))
    box = (x[0] * size[0], y[0] * size[1], x[1] * size[0], y[1] * size[1])
    return Region(box, draw(st.floats(0.02, 4.0)))


def filled(canvas, data):
    tiles = []
    for _ in range(30):
        size = data.draw(frame_sizes)
        tile = canvas.place(data.draw(regions(size)), size)
        if tile is None:
            break
        tiles.append(tile)
    return tiles


@settings(max_examples=60, deadline=None, derandomize=True)
@given(sides=st.sampled_from([(256, 256), (416, 416), (640, 384), (100, 70)]), data=st.data())
def test_pieces_lie_inside_and_apart(sides, data):
    canvas = Canvas(*sides)
    tiles = filled(canvas, data)
    taken = np.zeros((sides[1], sides[0]), int)
    for tile in tiles:
        assert tile.x >= 0
        assert tile.y >= 0
        assert tile.x + tile.width <= sides[0]
        assert tile.y + tile.height <= sides[1]
        assert tile.width % 2 == tile.height % 2 == 0
        assert all(edge % 2 == 0 for edge in tile.source)
        assert 0 <= tile.source[0] < tile.source[2] <= tile.frame_size[0]
        assert 0 <= tile.source[1] < tile.source[3] <= tile.frame_size[1]
        around = taken[
            max(0, tile.y - GAP_PX) : tile.y + tile.height + GAP_PX,
            max(0, tile.x - GAP_PX) : tile.x + tile.width + GAP_PX,
        ]
        assert not around.any()
        taken[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = 1
    assert canvas.filled_px == taken.sum()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(size=frame_sizes, data=st.data())
def test_a_box_on_a_piece_comes_back_where_it_was(size, data):
    region = data.draw(regions(size))
    tile = Canvas(416, 416).place(region, size)
    left, top, right, bottom = tile.source
    x = sorted(data.draw(st.tuples(fractions, fractions)))
    y = sorted(data.draw(st.tuples(fractions, fractions)))
    wide, high = right - left, bottom - top
    box = np.array([[left + x[0] * wide, top + y[0] * high, left + x[1] * wide, top + y[1] * high]], np.float32)
    assert np.allclose(tile.to_frame(tile.to_canvas(box)), box, rtol=1e-5, atol=0.05)
    assert tile.holds(tile.to_canvas(box)).all() or (x[0] == x[1] == 1) or (y[0] == y[1] == 1)


@settings(max_examples=60, derandomize=True)
@given(size=frame_sizes)
def test_a_whole_frame_lies_as_a_letterboxed_one(size):
    tile = Canvas(640, 640).place(whole_frame(size, (640, 640)), size)
    box = Letterbox.fit(size, (640, 640))
    assert (tile.x, tile.y, tile.width, tile.height) == (0, 0, box.width, box.height)
    edges = np.array([[0, 0, box.width, box.height]], np.float32)
    assert not tile.is_cut(edges).any()  # the end of the picture cuts nobody off


def test_who_goes_on_beyond_a_piece_is_told_from_who_ends_at_the_picture():
    tile = Canvas(416, 416).place(Region((0, 100, 200, 300), 1.0), (640, 480))
    assert tile.source == (0, 100, 200, 300)
    x, y = tile.x, tile.y
    boxes = np.array(
        [
            [x, y + 50, x + 60, y + 150],  # at the left edge of the picture
            [x + 50, y, x + 90, y + 150],  # at the upper edge of the piece
            [x + 150, y + 50, x + 199, y + 150],  # at its right edge
            [x + 150, y + 50, x + 190, y + 215],  # past its lower edge
            [x + 50, y + 50, x + 90, y + 150],
        ],
        np.float32,
    )
    assert tile.is_cut(boxes).tolist() == [False, True, True, True, False]


def test_a_full_canvas_takes_no_more_until_it_is_cleared():
    canvas, size = Canvas(416, 416), (640, 480)
    assert canvas.place(whole_frame(size, (416, 416)), size) is not None
    assert canvas.place(whole_frame(size, (416, 416)), size) is None
    assert canvas.place(Region((0, 0, 90, 90), 1.0), size) is not None
    canvas.clear()
    assert canvas.fill == 0
    assert canvas.place(whole_frame(size, (416, 416)), size) is not None
