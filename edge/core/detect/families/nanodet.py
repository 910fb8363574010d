"""NanoDet (github.com/RangiLyu/nanodet): for each stride a class map (cells, classes) and a box map (cells, 4 x 8).

Class scores have the sigmoid applied. A box is its distances left, top, right, bottom from the cell's centre, in
strides, each the mean of a distribution over 0..7 (Li et al., 'Generalized Focal Loss', arXiv 2006.04388).
"""

from collections.abc import Sequence

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
    found_boxes, found_scores = [], []
    for stride, count in zip(_STRIDES, cells(reading.width, reading.height, _STRIDES), strict=True):
        score = scores_by_cells[count][:, reading.person_class]
        keep = np.flatnonzero(score >= reading.threshold)
        centre = (grid(reading.width, reading.height, stride)[keep] + 0.5) * stride
        distance = _means(boxes_by_cells[count][keep]) * stride
        found_boxes.append(np.concatenate([centre - distance[:, :2], centre + distance[:, 2:]], axis=1))
        found_scores.append(score[keep])
    return Found(np.concatenate(found_boxes).astype(np.float32), np.concatenate(found_scores))


def _means(logits: Floats) -> Floats:
    """(n, 4 x 8) logits -> (n, 4) means of their distributions."""
    spread = logits.reshape(-1, 4, _BINS)
    weight = np.exp(spread - spread.max(axis=2, keepdims=True))
    weight /= weight.sum(axis=2, keepdims=True)
    return np.asarray(weight @ np.arange(_BINS, dtype=np.float32), np.float32)


NANODET = Family("nanodet", fits, read, True, "bgr", (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
