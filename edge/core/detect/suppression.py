"""Non-maximum suppression: of boxes that overlap much, the best one stays. Pure."""

import numpy as np
from numpy.typing import NDArray


def suppress(xyxy: NDArray[np.float32], score: NDArray[np.float32], iou: float) -> NDArray[np.intp]:
    """Row numbers that stay, best first.

    xyxy: (n, 4). score: (n,). iou: a box that overlaps a better one by more than this goes.
    Greedy, as in Neubeck and Van Gool, 'Efficient Non-Maximum Suppression' (ICPR 2006); equal scores keep their order.
    """
    order = np.argsort(-score, kind="stable")
    boxes = xyxy[order].astype(np.float64)
    beaten = np.triu(pairwise_iou(boxes) > iou, 1)  # [better, worse]
    alive = np.ones(len(order), bool)
    for row in np.flatnonzero(beaten.any(axis=1)):
        if alive[row]:
            alive &= ~beaten[row]
    return order[alive]


def pairwise_iou(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each two: (n, 4) xyxy -> (n, n)."""
    left, top, right, bottom = boxes.T
    width = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    height = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    area = np.maximum(right - left, 0.0) * np.maximum(bottom - top, 0.0)
    union = area[:, None] + area - shared
    result: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result
