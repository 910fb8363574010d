"""YOLOv8 and YOLO11, raw output (github.com/ultralytics/ultralytics): (1, 4 + classes, cells).

Rows 0 to 3 are centre x, centre y, width, height in input pixels; then one score a class, sigmoid applied.
"""

from collections.abc import Sequence

import numpy as np

from edge.core.detect.families.family import Family, Floats, Found, Reading, Shape, cells, from_centres

_STRIDES = (8, 16, 32)


def fits(shapes: Sequence[Shape], width: int, height: int) -> int | None:
    """Number of classes where the outputs are this family's."""
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return None
    _, rows, columns = shapes[0]
    return rows - 4 if columns == sum(cells(width, height, _STRIDES)) and rows > 4 else None


def read(outputs: Sequence[Floats], reading: Reading) -> Found:
    """People in the raw output."""
    table = outputs[0][0]
    score = table[4 + reading.person_class]
    keep = np.flatnonzero(score >= reading.threshold)
    boxes = table[:4, keep].T
    return Found(from_centres(boxes[:, :2], boxes[:, 2:]), score[keep])


YOLOV8 = Family("yolov8", fits, read, True, "rgb", (0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
