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
    overlap = _pairwise_iou(boxes)
    alive = np.ones(len(order), bool)
    for row in range(len(order)):
        if alive[row]:
            alive[row + 1 :] &= overlap[row, row + 1 :] <= iou
    return order[alive]


def _pairwise_iou(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    opposite = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(opposite - corner, 0.0, None), axis=2)
    area = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None), axis=1)
    union = area[:, None] + area[None, :] - shared
    result: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result
