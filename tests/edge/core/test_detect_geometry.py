"""Letterbox and suppression: exact inverses, and the same answer as the plain definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.detect.letterbox import Letterbox
from edge.core.detect.suppression import suppress

sizes = st.tuples(st.integers(16, 3000).map(lambda n: n * 2), st.integers(16, 3000).map(lambda n: n * 2))


@settings(max_examples=200, derandomize=True)
@given(frame=sizes, side=st.sampled_from([256, 320, 416, 640]), data=st.data())
def test_a_box_goes_into_the_input_and_comes_back(frame, side, data):
    letterbox = Letterbox.fit(frame, (side, side))
    assert letterbox.width % 2 == 0
    assert letterbox.height % 2 == 0
    assert max(letterbox.width, letterbox.height) == side
    fraction = st.floats(0, 1, width=32)
    x = sorted(data.draw(st.tuples(fraction, fraction)))
    y = sorted(data.draw(st.tuples(fraction, fraction)))
    box = np.array([[x[0] * frame[0], y[0] * frame[1], x[1] * frame[0], y[1] * frame[1]]], np.float32)
    back = letterbox.to_frame(letterbox.to_input(box))
    assert np.allclose(back, box, rtol=1e-5, atol=1e-2)
    assert (letterbox.to_input(box) <= np.array([letterbox.width, letterbox.height] * 2) + 1e-2).all()


@settings(max_examples=100, derandomize=True)
@given(frame=sizes)
def test_the_shape_is_kept_within_a_pixel_pair(frame):
    letterbox = Letterbox.fit(frame, (640, 640))
    scale = min(640 / frame[0], 640 / frame[1])
    assert abs(letterbox.width - frame[0] * scale) <= 2
    assert abs(letterbox.height - frame[1] * scale) <= 2


def test_boxes_outside_the_frame_are_cut_off():
    letterbox = Letterbox.fit((640, 360), (320, 320))
    box = letterbox.to_frame(np.array([[-5, -5, 400, 400]], np.float32))
    assert box.tolist() == [[0, 0, 640, 360]]


boxes = st.lists(st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 30)] * 2), max_size=25)


def iou(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (area - width * height)


@settings(max_examples=150, derandomize=True)
@given(boxes, st.sampled_from([0.3, 0.5, 0.7]), st.randoms(use_true_random=False))
def test_suppression_is_the_plain_greedy_one(rows, limit, random):
    xyxy = np.array([[x, y, x + w, y + h] for x, y, w, h in rows], np.float32).reshape(-1, 4)
    score = np.array([random.random() for _ in rows], np.float32)
    kept: list[int] = []
    for row in np.argsort(-score, kind="stable"):
        if all(iou(xyxy[row], xyxy[other]) <= limit for other in kept):
            kept.append(int(row))
    assert suppress(xyxy, score, limit).tolist() == kept
