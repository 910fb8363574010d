"""Points, segments and polygons: what must hold for any of them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge.core.geometry import (
    contains,
    depth,
    polygon_fault,
    segment_distance,
    segments_cross,
    side_of_line,
    signed_area,
)
from edge.core.zone import Containment, Zone

many = settings(max_examples=200, derandomize=True, deadline=None)
numbers = st.integers(-1000, 1000).map(lambda n: n / 100)
points = st.tuples(numbers, numbers)
segments = st.tuples(points, points)
SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float64)


@st.composite
def star_polygons(draw):
    """Simple polygons: corners in the order of their angle around the origin."""
    angles = sorted(draw(st.sets(st.integers(0, 359), min_size=5, max_size=12)))
    assume(max(np.diff([*angles, angles[0] + 360])) < 180)
    radii = [draw(st.floats(1, 10)) for _ in angles]
    turns = np.radians(angles)
    return np.stack([radii * np.cos(turns), radii * np.sin(turns)], axis=1)


@many
@given(star_polygons(), points)
def test_depth_is_positive_inside_and_its_size_the_way_to_the_nearest_edge(polygon, point):
    here = np.array([point])
    value = depth(polygon, here)[0]
    assert contains(polygon, here)[0] == (value > 0) or abs(value) < 1e-9
    assert abs(value) == pytest.approx(segment_distance(polygon, np.roll(polygon, -1, axis=0), here).min())


@many
@given(star_polygons(), points, st.integers(0, 11), points)
def test_neither_the_first_corner_nor_the_direction_nor_the_place_matters(polygon, point, turn, shift):
    here = np.array([point])
    value = depth(polygon, here)[0]
    assume(abs(value) > 1e-6)
    assert depth(np.roll(polygon, turn, axis=0)[::-1], here)[0] == pytest.approx(value)
    assert depth(polygon + shift, here + shift)[0] == pytest.approx(value)
    assert signed_area(tuple(map(tuple, polygon[::-1]))) == pytest.approx(-signed_area(tuple(map(tuple, polygon))))


@many
@given(points, points)
def test_depth_changes_no_faster_than_the_feet(first, second):
    a, b = depth(SQUARE, np.array([first, second]))
    assert abs(a - b) <= np.hypot(first[0] - second[0], first[1] - second[1]) + 1e-9


@many
@given(segments, segments)
def test_crossing_is_mutual_and_means_no_distance(first, second):
    crosses = segments_cross(first, second)
    assert crosses == segments_cross(second, first) == segments_cross(first[::-1], second)
    ends = np.array(second, np.float64)
    gap = segment_distance(np.array([first[0]], np.float64), np.array([first[1]], np.float64), ends).min()
    if gap == 0:
        assert crosses


@many
@given(segments, points)
def test_the_other_way_round_right_is_left(line, point):
    assert side_of_line(line, point) == pytest.approx(-side_of_line(line[::-1], point), abs=1e-9)


def test_right_of_a_line_that_points_up_the_picture_is_towards_larger_x():
    assert side_of_line(((5, 10), (5, 0)), (8, 5)) > 0


@pytest.mark.parametrize(
    ("polygon", "why"),
    [
        (((0, 0), (1, 1), (0, 0)), "different point"),
        (((0, 0), (0.5, 0.5), (1, 1)), "one line"),
        (((0, 0), (1, 1), (1, 0), (0, 1)), "crosses"),
        (((0, 0), (0.005, 0), (0.005, 0.005)), "area"),
    ],
)
def test_what_can_be_no_zone_is_said(polygon, why):
    assert why in polygon_fault(polygon)


@many
@given(star_polygons())
def test_corners_in_order_are_a_zone_also_when_it_is_closed_by_its_first_corner(polygon):
    corners = tuple(map(tuple, polygon / 20 + 0.5))
    assert polygon_fault(corners) is None
    assert polygon_fault((*corners, corners[0])) is None


@many
@given(st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=30), st.booleans())
def test_a_box_that_trembles_on_the_edge_never_changes_side(depths, inside):
    state = Containment.first(1.0 if inside else -1.0, 0.0)
    for number, value in enumerate(depths, 1):
        state = state.seen(value, number / 5, margin=0.06)
    assert state.inside == inside
    assert state.since_s == 0.0


@many
@given(st.floats(0.1, 2), st.floats(0.1, 2), st.floats(0.1, 2))
def test_a_change_of_side_is_dated_to_when_the_feet_crossed_the_edge(outside, inside, step_s):
    state = Containment.first(-outside, 10.0).seen(inside, 10.0 + step_s, margin=0.06)
    assert state.inside
    assert state.since_s == pytest.approx(10.0 + step_s * outside / (outside + inside))


@many
@given(points, st.integers(1, 2000), st.integers(1, 2000))
def test_feet_cut_off_by_the_border_stand_in_a_zone_that_reaches_it(foot, width, height):
    whole = Zone("all", ((0, 0), (1, 0), (1, 1), (0, 1)))
    assert whole.depth_px(np.array([foot], np.float64) * 100, (width, height))[0] >= 0
