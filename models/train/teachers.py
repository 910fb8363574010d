"""Other networks as teachers: where several of them agree, somebody is there, whatever the labels say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.adapters.onnx_detector import OnnxDetector
from models.accuracy import iou_table
from models.labelled import frame_of

Floats = NDArray[np.float32]
FAINT = 0.05  # below this a teacher says nothing
SAME = 0.5  # overlap from which two boxes mean one person
AGREED = 0.4  # mean score of all teachers from which an unlabelled box is a person
DOUBTFUL = 0.1  # ... and from which it is neither a person nor nobody


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What the teachers see together: boxes (n, 4) pixels, mean score (n,), and by how many each was seen (n,)."""

    xyxy: Floats
    score: Floats
    seen_by: NDArray[np.intp]


def ask(teachers: Sequence[OnnxDetector], bgr: NDArray[np.uint8]) -> Opinion:
    """The teachers' boxes on one picture, those of the same person melted into one by their scores."""
    found = [teacher.detect(frame_of(bgr)) for teacher in teachers]
    xyxy = np.concatenate([one.xyxy for one in found])
    score = np.concatenate([one.confidence for one in found])
    teacher = np.repeat(np.arange(len(found)), [len(one.xyxy) for one in found])
    free = np.ones(len(xyxy), bool)
    overlap = iou_table(xyxy, xyxy)
    boxes, scores, seen = [], [], []
    for best in np.argsort(-score, kind="stable"):
        if not free[best]:
            continue
        group = np.flatnonzero(free & (overlap[best] >= SAME))
        free[group] = False
        free[best] = False
        highest = [float(score[group[teacher[group] == one]].max(initial=0.0)) for one in range(len(found))]
        boxes.append(np.average(xyxy[group], axis=0, weights=score[group]))
        scores.append(float(np.mean(highest)))
        seen.append(sum(one > 0 for one in highest))
    return Opinion(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(seen, np.intp))


def complete(labelled: Floats, opinion: Opinion) -> Floats:
    """(n, 4) labelled boxes and the teachers' opinion -> (m, 5) boxes with certainty, as in `Sample.people`.

    A labelled person whom a teacher sees too is certain; one whom none sees counts half. A box without a label is a
    person where at least two teachers agree, and undecided where they only suspect somebody.
    """
    overlap = iou_table(labelled, opinion.xyxy)
    seen = overlap.max(axis=1, initial=0.0) >= 0.3
    rows = [np.column_stack([labelled, np.where(seen, 1.0, 0.5)])]
    new = overlap.max(axis=0, initial=0.0) < SAME
    agreed = new & (opinion.score >= AGREED) & (opinion.seen_by >= 2)
    doubtful = new & ~agreed & (opinion.score >= DOUBTFUL)
    rows.append(np.column_stack([opinion.xyxy[agreed], opinion.score[agreed]]))
    rows.append(np.column_stack([opinion.xyxy[doubtful], np.zeros(int(doubtful.sum()))]))
    return np.concatenate(rows).astype(np.float32)
