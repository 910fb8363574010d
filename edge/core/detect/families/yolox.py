"""YOLOX (Ge et al., arXiv 2107.08430; github.com/Megvii-BaseDetection/YOLOX), undecoded: (1, cells, 5 + classes).

Columns: offset x, offset y in cells, log width, log height in strides, objectness, one score a class (both sigmoid).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from edge.core.detect.families.family import Family, Floats, Found, Reading, Shape, cells, from_centres, grid

_STRIDES = (8, 16, 32)


def fits(shapes: Sequence[Shape], width: int, height: int) -> int | None:
    """Number of classes where the outputs are this family's."""
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return None
    _, rows, columns = shapes[0]
    return columns - 5 if rows == sum(cells(width, height, _STRIDES)) and columns > 5 else None


def read(outputs: Sequence[Floats], reading: Reading) -> Found:
    """People in the raw output."""
    table = outputs[0][0]
    score = table[:, 4] * table[:, 5 + reading.person_class]
    keep = np.flatnonzero(score >= reading.threshold)
    origin, stride = _anchors(reading.width, reading.height)
    rows = table[keep]
    centre = (rows[:, :2] + origin[keep]) * stride[keep]
    size = np.exp(np.clip(rows[:, 2:4], -10.0, 10.0)) * stride[keep]
    return Found(from_centres(centre, size), score[keep])


@lru_cache(maxsize=8)
def _anchors(width: int, height: int) -> tuple[Floats, Floats]:
    origin = np.concatenate([grid(width, height, stride) for stride in _STRIDES])
    counts = cells(width, height, _STRIDES)
    stride = np.repeat(np.array(_STRIDES, np.float32), counts)[:, None]
    return origin, stride


YOLOX = Family("yolox", fits, read, True, "bgr", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
