"""Average precision against cases counted by hand."""

import numpy as np
import pytest

from models.accuracy import Answer, iou_table, match, measure
from models.evaluate import Evaluation
from models.evaluate_command import _lines

A, B, FAR = [0, 0, 10, 30], [100, 0, 120, 60], [300, 300, 310, 340]


def answer(truth, found, score, kinds=()) -> Answer:
    as_boxes = [np.array(rows, np.float32).reshape(-1, 4) for rows in (truth, found)]
    return Answer(*as_boxes, np.array(score, np.float32), kinds)


def test_perfect_is_one():
    result = measure([answer([A, B], [A, B], [0.9, 0.8])], 0.5)
    assert (result.ap50, result.ap50_95, result.recall, result.precision) == (1, 1, 1, 1)


def test_half_found_is_half_of_the_points():
    # Recall 0.5 is reached at precision 1: 51 of the 101 points.
    assert measure([answer([A, B], [A], [0.9])], 0.5).ap50 == pytest.approx(51 / 101, abs=1e-4)


def test_a_false_box_ahead_of_the_true_one_halves_precision():
    assert measure([answer([A], [FAR, A], [0.9, 0.8])], 0.5).ap50 == pytest.approx(0.5)


def test_a_person_found_twice_counts_once():
    result = measure([answer([A], [A, A], [0.9, 0.8])], 0.5)
    assert (result.recall, result.precision) == (1.0, 0.5)


def test_recall_goes_by_the_true_height():
    result = measure([answer([A, B], [A], [0.9])], 0.5)
    assert result.recall_by_height == {"20-40": 1.0, "40-80": 0.0}
    assert result.boxes_by_height == {"20-40": 1, "40-80": 1}


def test_recall_goes_by_kind_where_kinds_are_known():
    pictures = [answer([A, B], [A], [0.9], ("child", "adult")), answer([B], [], [])]
    result = measure(pictures, 0.5)
    assert (result.recall_by_kind, result.boxes_by_kind) == ({"adult": 0.0, "child": 1.0}, {"adult": 1, "child": 1})


def test_recall_of_each_kind_goes_by_the_true_height_too():
    small_child = [0, 0, 10, 25]
    pictures = [answer([A, B], [A], [0.9], ("child", "adult")), answer([small_child], [], [], ("child",))]
    result = measure(pictures, 0.5)
    assert result.recall_by_kind_and_height == {"adult": {"40-80": 0.0}, "child": {"20-40": 0.5}}
    assert result.boxes_by_kind_and_height == {"adult": {"40-80": 1}, "child": {"20-40": 2}}


def test_a_table_tells_children_apart_in_each_light_and_at_each_height():
    day, night = [answer([A, B], [A], [0.9], ("child", "adult"))], [answer([B], [B], [0.9], ("adult",))]
    parts = {"day": measure(day, 0.5), "night": measure(night, 0.5)}
    rows = {line.split()[0]: line for line in _lines(Evaluation("x", measure(day + night, 0.5), 1.0, parts), 0)}
    assert rows["day"].endswith("      0.000 (1)      1.000 (1)")
    assert rows["night"].endswith("      1.000 (1)             --")
    assert rows["all"].endswith("      0.500 (2)      1.000 (1)")
    assert rows["40-80"].endswith("      0.500 (2)             --")


def test_where_there_are_no_people_there_is_no_recall():
    assert measure([answer([], [A], [0.9])], 0.5).recall is None


def test_empty_pictures_and_faint_boxes():
    assert measure([answer([], [], [])], 0.5).ap50 == 1.0
    assert measure([answer([], [A], [0.9])], 0.5).ap50 == 0.0
    assert measure([answer([A], [A], [0.1])], 0.5).recall == 0.0


def test_each_true_box_is_taken_by_the_best_found_one():
    shifted = [1, 0, 11, 30]
    assert match(np.array([A], np.float32), np.array([shifted, A], np.float32), 0.5).tolist() == [0, -1]


def test_overlap_by_hand():
    table = iou_table(np.array([[0, 0, 2, 2]], np.float32), np.array([[1, 1, 3, 3], [5, 5, 6, 6]], np.float32))
    assert table.tolist() == [[pytest.approx(1 / 7), 0.0]]
