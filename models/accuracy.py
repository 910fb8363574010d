"""Average precision and recall of boxes, the way COCO counts them (cocodataset.org/#detection-eval). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
HEIGHTS_PX = ((0, 20), (20, 40), (40, 80), (80, 160), (160, 100_000))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One picture: true boxes (n, 4), found boxes (m, 4) best first and their scores (m,).

    kinds: of each true box, where its kind is known, say a person's age; else empty.
    """

    truth: Floats
    found: Floats
    score: Floats
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accuracy:
    """ap50, ap50_95: 101-point average precision. precision, recall: at `threshold` and IoU 0.5; recall is None where
    there are no people.

    recall_by_height: label of a range of true heights in pixels -> recall there, at `threshold`; ranges without people
    are left out. boxes_by_height: how many people that is. recall_by_kind, boxes_by_kind: the same by the kinds of
    boxes, where these are known; recall_by_kind_and_height, boxes_by_kind_and_height: of each kind by its heights.
    """

    pictures: int
    boxes: int
    ap50: float
    ap50_95: float
    precision: float
    recall: float | None
    threshold: float
    recall_by_height: dict[str, float]
    boxes_by_height: dict[str, int]
    recall_by_kind: dict[str, float] = field(default_factory=dict)
    boxes_by_kind: dict[str, int] = field(default_factory=dict)
    recall_by_kind_and_height: dict[str, dict[str, float]] = field(default_factory=dict)
    boxes_by_kind_and_height: dict[str, dict[str, int]] = field(default_factory=dict)


def measure(answers: Sequence[Answer], threshold: float) -> Accuracy:
    """Accuracy over all pictures together."""
    aps = [_average_precision(answers, iou) for iou in IOUS]
    hits, found = _hits_at(answers, threshold)
    heights = np.concatenate([answer.truth[:, 3] - answer.truth[:, 1] for answer in answers])
    total = len(heights)
    tall = {
        f"{low}-{high}" if high < HEIGHTS_PX[-1][1] else f"{low}+": (heights >= low) & (heights < high)
        for low, high in HEIGHTS_PX
    }
    of_kind = np.array([kind for answer in answers for kind in answer.kinds or [""] * len(answer.truth)], str)
    kinds = {kind: of_kind == kind for kind in sorted(set(of_kind.tolist()) - {""})}
    by_height, heights_counted = _recall_of(hits, tall)
    by_kind, kinds_counted = _recall_of(hits, kinds)
    by_both = {
        kind: _recall_of(hits, {height: inside & tall[height] for height in tall}) for kind, inside in kinds.items()
    }
    return Accuracy(
        pictures=len(answers),
        boxes=total,
        ap50=round(aps[0], 4),
        ap50_95=round(float(np.mean(aps)), 4),
        precision=round(float(hits.sum()) / found, 4) if found else 1.0,
        recall=round(float(hits.mean()), 4) if total else None,
        threshold=threshold,
        recall_by_height=by_height,
        boxes_by_height=heights_counted,
        recall_by_kind=by_kind,
        boxes_by_kind=kinds_counted,
        recall_by_kind_and_height={kind: recall for kind, (recall, _) in by_both.items()},
        boxes_by_kind_and_height={kind: counted for kind, (_, counted) in by_both.items()},
    )


def _recall_of(
    hits: NDArray[np.bool_], groups: dict[str, NDArray[np.bool_]]
) -> tuple[dict[str, float], dict[str, int]]:
    """Recall of each group that has somebody in it, and how many that are."""
    some = {name: inside for name, inside in groups.items() if inside.any()}
    recall = {name: round(float(hits[inside].mean()), 4) for name, inside in some.items()}
    return recall, {name: int(inside.sum()) for name, inside in some.items()}


def match(truth: Floats, found: Floats, iou: float) -> NDArray[np.intp]:
    """For each found box, best first, the row of the true box it takes, or -1. Each true box is taken once."""
    overlap = iou_table(found, truth)
    taken = np.zeros(len(truth), bool)
    result = np.full(len(found), -1, np.intp)
    for row in range(len(found)):
        free = np.where(taken, -1.0, overlap[row])
        if len(free) and free.max() >= iou:
            result[row] = int(free.argmax())
            taken[result[row]] = True
    return result


def iou_table(first: Floats, second: Floats) -> NDArray[np.float64]:
    """(n, 4) and (m, 4) xyxy -> (n, m) intersection over union."""
    a, b = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0.0, None)
    shared = sides[..., 0] * sides[..., 1]
    areas = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1]) + (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    union = areas - shared
    result: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def _average_precision(answers: Sequence[Answer], iou: float) -> float:
    total = sum(len(answer.truth) for answer in answers)
    if total == 0:
        return 1.0 if not sum(len(answer.found) for answer in answers) else 0.0
    correct = np.concatenate([match(answer.truth, answer.found, iou) >= 0 for answer in answers])
    score = np.concatenate([answer.score for answer in answers])
    correct = correct[np.argsort(-score, kind="stable")]
    hits = np.cumsum(correct)
    recall = hits / total
    precision = hits / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    points = np.searchsorted(recall, np.linspace(0.0, 1.0, 101), side="left")
    return float(np.mean([best_from_here[point] if point < len(hits) else 0.0 for point in points]))


def _hits_at(answers: Sequence[Answer], threshold: float) -> tuple[NDArray[np.bool_], int]:
    """Which true boxes are found at `threshold`, and how many boxes there are at it."""
    hits, found = [np.zeros(0, bool)], 0
    for answer in answers:
        confident = answer.score >= threshold
        taken = match(answer.truth, answer.found[confident], 0.5)
        hit = np.zeros(len(answer.truth), bool)
        hit[taken[taken >= 0]] = True
        hits.append(hit)
        found += int(confident.sum())
    return np.concatenate(hits), found
