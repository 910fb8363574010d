"""Accuracy during training, on pictures kept apart from it."""

from collections.abc import Sequence

import torch

from edge.core.detect.suppression import suppress
from models.accuracy import Answer, measure
from models.train.canvas import letterboxed
from models.train.fit import half_precision, to_input
from models.train.network import PersonNetwork
from models.train.shards import Sample

_FAINT, _MOST, _SAME_IOU = 0.01, 300, 0.6


class Judge:
    """Measures a network on named sets of samples, letterboxed into a square input as a camera's frames are."""

    def __init__(self, sets: dict[str, Sequence[Sample]], side: int) -> None:
        """side: of the input, pixels."""
        self._sets, self._side = sets, side

    def __call__(self, network: PersonNetwork) -> dict[str, float]:
        """AP at IoU 0.5 of each set, rounded."""
        return {
            name: measure([self._answer(network, sample) for sample in samples], _FAINT).ap50
            for name, samples in self._sets.items()
        }

    def _answer(self, network: PersonNetwork, sample: Sample) -> Answer:
        bgr, box = letterboxed(sample, self._side)
        device = next(network.parameters()).device
        tensor = to_input(torch.from_numpy(bgr[..., ::-1].transpose(2, 0, 1).copy())[None].to(device))
        with torch.no_grad(), half_precision(device):
            logits, boxes = network(tensor)
        score, keep = logits[0].sigmoid().topk(min(_MOST, logits.shape[1]))
        keep = keep[score >= _FAINT]
        xyxy = boxes[0][keep].cpu().numpy()
        scores = score[score >= _FAINT].cpu().numpy()
        rows = suppress(xyxy, scores, _SAME_IOU)
        truth = sample.people[sample.people[:, 4] > 0, :4]
        return Answer(truth, box.to_frame(xyxy[rows]), scores[rows])
