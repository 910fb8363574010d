"""One training picture: a few prepared ones, scaled so that people are of every height, side by side.

Cheap cameras see people of 20 to 300 pixels while most labelled pictures show them large, so each picture is scaled to
give one of its people a height drawn for it. A canvas follows from (seed, number) alone: training can stop anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.detect.letterbox import Letterbox
from models.train.camera_look import through_a_camera
from models.train.shards import Sample

PAD = 114  # the grey around a letterboxed frame
SIDES_PX = (224, 256, 288, 416)  # the largest is what cameras' frames are laid into: people fill it there
_GRID = ((1, 0.25), (2, 0.35), (3, 0.25), (4, 0.15))  # pictures along each side of a canvas, and how often
_LARGEST_GRID = ((1, 0.6), (2, 0.3), (3, 0.1))  # ... of the largest canvases
_SHORT = 0.1  # share of their cell's height below which people are not drawn: smaller cells have enough of them
_HEIGHTS_PX = (13.0, 380.0)  # of people; the logarithm is uniform
_FILLING = 0.85  # of the pieces fill their cell; the others lie in grey like a letterboxed frame
_ABOUT_NOBODY, _ABOUT_SOMEBODY = 0.2, 0.65  # of the pieces; the others are taken anywhere
_NOBODY_SCALES, _NOBODY_TRIES = (0.4, 3.0), 8  # dark walls as large as people close by, or they pass for them
_PLAIN = 14.0  # range of most of a person's levels, in a few large dots, below which nobody could see him
_SHORTEST_PX = 8.0  # shorter people are neither people nor nobody
_SEEN, _GONE = 0.4, 0.1  # share of a person inside the cut: from here a person, below that nobody
_SQUEEZED = 1.06  # pictures no wider than this share of their height were squeezed to squares by their makers


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """bgr: (side, side, 3) uint8. people: as in `Sample`, in canvas pixels."""

    bgr: NDArray[np.uint8]
    people: NDArray[np.float32]


def side_of(seed: int, batch: int) -> int:
    """The side of all canvases of a batch, pixels."""
    return int(np.random.default_rng([seed, 1, batch]).choice(SIDES_PX))


def paint_canvas(samples: Sequence[Sample], side: int, seed: int, number: int) -> Canvas:
    """Canvas `number` of the endless row that `seed` begins, `side` x `side` pixels."""
    rng = np.random.default_rng([seed, 2, number])
    grid = _LARGEST_GRID if side >= SIDES_PX[-1] else _GRID
    parts = int(rng.choice([count for count, _ in grid], p=[share for _, share in grid]))
    cuts = np.linspace(0, side, parts + 1).astype(int)
    if parts > 1:
        cuts[1:-1] += rng.integers(-side // (6 * parts), side // (6 * parts) + 1, parts - 1)
    bgr = np.full((side, side, 3), PAD, np.uint8)
    people = []
    for top, bottom in pairwise(cuts.tolist()):
        for left, right in pairwise(cuts.tolist()):
            sample = samples[int(rng.integers(len(samples)))]
            part, boxes = _cut_out(sample, right - left, bottom - top, rng)
            bgr[top:bottom, left:right] = part
            people.append(boxes + np.array([left, top, left, top, 0], np.float32))
    return Canvas(bgr, np.concatenate(people).astype(np.float32))


def letterboxed(sample: Sample, side: int) -> tuple[NDArray[np.uint8], Letterbox]:
    """A sample as a camera's frame is laid into the network: (side, side, 3) uint8 BGR, and the way back."""
    picture = cv2.imdecode(np.frombuffer(sample.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    box = Letterbox.fit(sample.size, (side, side))
    bgr = np.full((side, side, 3), PAD, np.uint8)
    how = cv2.INTER_AREA if sample.size[0] > 1.6 * box.width else cv2.INTER_LINEAR
    bgr[: box.height, : box.width] = cv2.resize(picture, (box.width, box.height), interpolation=how)
    return bgr, box


def _cut_out(
    sample: Sample, width: int, height: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A scaled piece of a sample, (height, width, 3), and the people in it."""
    people = sample.people.copy()
    wide, high = sample.size
    squeezed = wide <= _SQUEEZED * high
    aspect = rng.uniform(0.9, 1.75) if squeezed else rng.uniform(0.88, 1.14)
    scale, left, top = _nobody(sample, aspect, width, height, rng) or _anywhere(sample, aspect, width, height, rng)
    across, down = scale * aspect, scale
    flip = rng.random() < 0.5
    matrix = np.array([[across, 0, left], [0, down, top]], np.float32)
    if flip:
        matrix[0] = [-across, 0, width - left]
    part = _decoded(sample, matrix, width, height)
    inside = np.zeros((height, width), bool)
    x0, x1 = max(0, round(left)), min(width, round(left + wide * across))
    if flip:
        x0, x1 = width - x1, width - x0
    inside[max(0, round(top)) : round(top + high * down), x0:x1] = True
    part = np.where(inside[..., None], through_a_camera(part, rng), part)
    people[:, [0, 2]] = people[:, [0, 2]] * across + left
    people[:, [1, 3]] = people[:, [1, 3]] * down + top
    if flip:
        people[:, [0, 2]] = width - people[:, [2, 0]]
    return part, sure_of_the_visible(part, cut_people(people, width, height))


def _nobody(
    sample: Sample, aspect: float, width: int, height: int, rng: np.random.Generator
) -> tuple[float, float, float] | None:
    """Now and then a piece that nobody is in: its scale, and where the sample's corner comes to lie, pixels."""
    if rng.random() >= _ABOUT_NOBODY:
        return None
    wide, high = sample.size
    for _ in range(_NOBODY_TRIES):
        scale = max(rng.uniform(*_NOBODY_SCALES), width / (wide * aspect), height / high)
        left, top = rng.random(2) * (width - wide * scale * aspect, height - high * scale)
        people = sample.people[:, :4] * (scale * aspect, scale, scale * aspect, scale) + (left, top, left, top)
        if not ((people[:, :2] < (width, height)) & (people[:, 2:] > 0)).all(axis=1).any():
            return scale, left, top
    return None


def _anywhere(
    sample: Sample, aspect: float, width: int, height: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """As `_nobody`, mostly about one of the people in it, who then is of any height."""
    wide, high = sample.size
    sure = sample.people[sample.people[:, 4] > 0]
    lowest, highest = max(_HEIGHTS_PX[0], _SHORT * height), min(_HEIGHTS_PX[1], 1.15 * height)
    wanted = np.exp(rng.uniform(np.log(lowest), np.log(highest)))
    if len(sure) and rng.random() < _ABOUT_SOMEBODY / (1 - _ABOUT_NOBODY):
        chosen = sure[int(rng.integers(len(sure)))]
        scale = wanted / max(4.0, float(chosen[3] - chosen[1]))
        middle = (chosen[:2] + chosen[2:4]) / 2
    else:
        scale, middle = rng.uniform(0.4, 1.5), np.array([rng.uniform(0, wide), rng.uniform(0, high)])
    if rng.random() < _FILLING:
        scale = max(scale, width / (wide * aspect), height / high)
    scale = float(np.clip(scale, 0.12, 1.7))
    # The chosen person comes to lie anywhere in the cell; a picture smaller than the cell lies anywhere in it whole.
    left = _offset(middle[0] * scale * aspect, wide * scale * aspect, width, rng)
    return scale, left, _offset(middle[1] * scale, high * scale, height, rng)


def sure_of_the_visible(bgr: NDArray[np.uint8], people: NDArray[np.float32]) -> NDArray[np.float32]:
    """People (n, 5) of a picture, those of no certainty who can't be told from a plain wall in it."""
    people = people.copy()
    people[[not _shows(bgr, one) for one in people], 4] = 0.0
    return people


def _shows(bgr: NDArray[np.uint8], person: NDArray[np.float32]) -> bool:
    """Whether somebody can be told from a plain wall after all that the camera did."""
    left, top, right, bottom = person[:4].astype(int).tolist()
    green = bgr[top : bottom + 1, left : right + 1, 1]
    dots = cv2.resize(green, (4, 8), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(dots, (15, 85))  # a lamp that shines in a black picture shows nobody
    return bool(high - low >= _PLAIN)


def cut_people(people: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """People (n, 5) cut at the borders; those hardly inside go, those half inside or tiny lose their certainty."""
    cut = people.copy()
    cut[:, [0, 2]] = cut[:, [0, 2]].clip(0, width)
    cut[:, [1, 3]] = cut[:, [1, 3]].clip(0, height)
    sizes, whole = cut[:, 2:4] - cut[:, :2], people[:, 2:4] - people[:, :2]
    share = sizes.prod(axis=1) / np.maximum(whole.prod(axis=1), 1e-6)
    tall = sizes[:, 1]
    cut[(share < _SEEN) | (tall < _SHORTEST_PX) | (sizes[:, 0] < 3.0), 4] = 0.0
    return np.asarray(cut[(share > _GONE) & (tall > 1.0)], np.float32)


def _offset(point: float, length: float, room: int, rng: np.random.Generator) -> float:
    if length <= room:
        return float(rng.uniform(0, room - length))
    lowest, highest = room - length, 0.0
    wanted = rng.uniform(0.15, 0.85) * room - point
    return float(np.clip(wanted, lowest, highest))


def _decoded(sample: Sample, matrix: NDArray[np.float32], width: int, height: int) -> NDArray[np.uint8]:
    """The picture scaled and shifted into (height, width, 3).

    Shrinking by much begins in the JPEG decoder, which averages: thin legs would flicker between pixels otherwise,
    and it takes a third of the time.
    """
    scale = min(abs(float(matrix[0, 0])), float(matrix[1, 1]))
    how = cv2.IMREAD_COLOR
    if scale < 0.6:
        how = cv2.IMREAD_REDUCED_COLOR_4 if scale < 0.3 else cv2.IMREAD_REDUCED_COLOR_2
    picture = cv2.imdecode(np.frombuffer(sample.jpeg, np.uint8), how)
    assert picture is not None
    across, down = sample.size[0] / picture.shape[1], sample.size[1] / picture.shape[0]
    matrix = matrix * np.array([across, down, 1.0], np.float32)
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # pixel centres lie at halves
    out = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_CONSTANT, borderValue=(PAD, PAD, PAD))  # fmt: skip
    return np.asarray(out, np.uint8)
