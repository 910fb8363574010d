"""What the network is told it did wrong.

Cells are given to people by task alignment (Feng et al., 'TOOD', arXiv 2108.07755): those whose own score and box are
best already. A score is to be the overlap its box reaches, boxes follow complete IoU (Zheng et al., arXiv 1911.08287).
"""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn import functional

_CELLS_PER_PERSON = 10
_SCORE_POWER, _OVERLAP_POWER = 0.5, 6.0
_BOX_WEIGHT, _SCORE_WEIGHT = 7.5, 0.5
_LEAST_SIDE_PX = 12.0  # people narrower than this are given the cells around them, or none might lie inside


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Who is on a batch of pictures: xyxy (batch, most, 4) input pixels, certainty (batch, most), -1 where padded."""

    xyxy: Tensor
    certainty: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """For each cell: the score it is to give (batch, cells), the box (batch, cells, 4), whether it counts at all."""

    score: Tensor
    xyxy: Tensor
    counts: Tensor


def loss_of(logits: Tensor, boxes: Tensor, people: People, centres: Tensor) -> Tensor:
    """Loss of one batch, a scalar.

    logits (batch, cells), boxes (batch, cells, 4) as the network gives them; centres (cells, 2) of its cells.
    """
    target = assign(logits.detach().sigmoid(), boxes.detach(), people, centres)
    total = target.score.sum().clamp(min=1.0)
    scores = functional.binary_cross_entropy_with_logits(logits, target.score, reduction="none")
    held = target.score > 0
    missed = 1.0 - complete_iou(boxes[held], target.xyxy[held])
    box_loss = (missed * target.score[held]).sum() / total
    return _SCORE_WEIGHT * (scores * target.counts).sum() / total + _BOX_WEIGHT * box_loss


def assign(scores: Tensor, boxes: Tensor, people: People, centres: Tensor) -> Assignment:
    """Which cell answers for whom. Shapes as in `loss_of`, scores 0..1."""
    real, unsure = people.certainty > 0, people.certainty == 0
    inside = _inside(people.xyxy, centres)
    overlap = iou(people.xyxy[:, :, None], boxes[:, None]).clamp(min=0.0) * (inside & real[..., None])
    aligned = scores[:, None].clamp(min=1e-6) ** _SCORE_POWER * overlap**_OVERLAP_POWER
    best = aligned.topk(min(_CELLS_PER_PERSON, aligned.shape[2]), dim=2)
    chosen = torch.zeros_like(aligned, dtype=torch.bool).scatter_(2, best.indices, best.values > 1e-9)
    wanted = torch.where(chosen, overlap, torch.zeros_like(overlap))
    owner = wanted.argmax(1)  # a cell that several want goes to whom it overlaps most
    mine = functional.one_hot(owner, wanted.shape[1]).transpose(1, 2).bool() & chosen
    aligned, overlap = aligned * mine, overlap * mine
    # Of a person's cells the best one is to score its overlap, the others less in proportion.
    strength = overlap.amax(2, keepdim=True) * aligned / aligned.amax(2, keepdim=True).clamp(min=1e-12)
    score = (strength * people.certainty.clamp(min=0.0)[..., None]).amax(1)
    box = people.xyxy.gather(1, owner[..., None].expand(-1, -1, 4))
    counts = ~(inside & unsure[..., None]).any(1) | (score > 0)
    return Assignment(score, box, counts)


def _inside(xyxy: Tensor, centres: Tensor) -> Tensor:
    """(batch, most, cells): whether a cell's centre lies in a person's box, small boxes made a little larger."""
    middle, half = (xyxy[..., :2] + xyxy[..., 2:]) / 2, (xyxy[..., 2:] - xyxy[..., :2]) / 2
    half = half.clamp(min=_LEAST_SIDE_PX / 2)
    return ((centres - middle[:, :, None]).abs() < half[:, :, None]).all(3)


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4) xyxy that broadcast."""
    low, high = torch.maximum(first[..., :2], second[..., :2]), torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (first, second)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-6)


def complete_iou(found: Tensor, true: Tensor) -> Tensor:
    """Complete IoU of paired boxes (n, 4): overlap less the distance of centres and the difference of shape."""
    hull = torch.maximum(found[:, 2:], true[:, 2:]) - torch.minimum(found[:, :2], true[:, :2])
    offset = (found[:, :2] + found[:, 2:] - true[:, :2] - true[:, 2:]) / 2
    distance = offset.square().sum(1) / hull.square().sum(1).clamp(min=1e-6)
    sizes = [(box[:, 2:] - box[:, :2]).clamp(min=1e-3) for box in (found, true)]
    angles = [torch.atan(size[:, 0] / size[:, 1]) for size in sizes]
    shape = 4 / pi**2 * (angles[1] - angles[0]).square()
    overlap = iou(found, true)
    with torch.no_grad():
        trade = shape / (1 - overlap + shape + 1e-6)
    return overlap - distance - trade * shape
