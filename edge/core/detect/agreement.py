"""How much alike two answers to one picture are. Pure."""

import numpy as np

from edge.core.detect.suppression import pairwise_iou
from edge.core.detection import Detections


def disagreement(right: Detections, other: Detections) -> float:
    """From 0 for the same boxes and scores to 1 where no box has a twin in the other answer.

    Over the boxes of both sides, weighted by score: 1 - the largest overlap x ratio of scores with one of the other
    side. Nobody on both sides is the same answer.
    """
    mine, theirs = right.confidence.astype(np.float64), other.confidence.astype(np.float64)
    total = float(mine.sum() + theirs.sum())
    if total == 0:
        return 0.0
    if not len(mine) or not len(theirs):
        return 1.0
    overlap = pairwise_iou(np.concatenate([right.xyxy, other.xyxy]).astype(np.float64))[: len(mine), len(mine) :]
    alike = overlap * np.minimum(mine[:, None], theirs) / np.maximum(mine[:, None], theirs)
    apart = (mine * (1 - alike.max(axis=1))).sum() + (theirs * (1 - alike.max(axis=0))).sum()
    return float(apart) / total
