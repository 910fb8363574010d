"""NanoDet (github.com/RangiLyu/nanodet): for each stride a class map (cells, classes) and a box map (cells, 4 x 8).

Class scores have the sigmoid applied. A box is its distances left, top, right, bottom from the cell's centre, in
strides, each the mean of a distribution over 0..7 (Li et al., 'Generalized Focal Loss', arXiv 2006.04388).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from edge.core.detect.families.family import Family, Floats, Found, Reading, Shape, cells, grid

_STRIDES = (8, 16, 32)
_BINS = 8


def fits(shapes: Sequence[Shape], width: int, height: int) -> int | None:
    """Number of classes where the outputs are this family's."""
    counts = sorted(cells(width, height, _STRIDES))
    flat = [shape[-2:] for shape in shapes if len(shape) in (2, 3)]
    boxes = [rows for rows, columns in flat if columns == 4 * _BINS]
    classes = [(rows, columns) for rows, columns in flat if columns != 4 * _BINS]
    kinds = {columns for _, columns in classes}
    if len(shapes) != 6 or sorted(boxes) != counts or sorted(rows for rows, _ in classes) != counts or len(kinds) != 1:
        return None
    return kinds.pop()


def read(outputs: Sequence[Floats], reading: Reading) -> Found:
    """People in the raw outputs, whatever their order: a map tells its stride by its number of cells."""
    maps = [output.reshape(-1, output.shape[-1]) for output in outputs]
    boxes_by_cells = {len(table): table for table in maps if table.shape[1] == 4 * _BINS}
    scores_by_cells = {len(table): table for table in maps if table.shape[1] != 4 * _BINS}
    counts = cells(reading.width, reading.height, _STRIDES)
    score = np.concatenate([scores_by_cells[count][:, reading.person_class] for count in counts])
    keep = np.flatnonzero(score >= reading.threshold)
    centre, stride = _anchors(reading.width, reading.height)
    distance = _means(np.concatenate([boxes_by_cells[count] for count in counts])[keep]) * stride[keep]
    boxes = np.concatenate([centre[keep] - distance[:, :2], centre[keep] + distance[:, 2:]], axis=1)
    return Found(boxes, score[keep])


@lru_cache(maxsize=8)
def _anchors(width: int, height: int) -> tuple[Floats, Floats]:
    """(cells, 2) centres in input pixels and (cells, 1) strides."""
    centre = np.concatenate([(grid(width, height, stride) + 0.5) * stride for stride in _STRIDES]).astype(np.float32)
    stride = np.repeat(np.array(_STRIDES, np.float32), cells(width, height, _STRIDES))[:, None]
    return centre, stride


def _means(logits: Floats) -> Floats:
    """(n, 4 x 8) logits -> (n, 4) means of their distributions."""
    spread = logits.reshape(-1, 4, _BINS)
    weight = np.exp(spread - spread.max(axis=2, keepdims=True))
    weight /= weight.sum(axis=2, keepdims=True)
    return np.asarray(weight @ np.arange(_BINS, dtype=np.float32), np.float32)


NANODET = Family("nanodet", fits, read, True, "bgr", (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
