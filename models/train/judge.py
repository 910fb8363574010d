"""Accuracy during training, on pictures kept apart from it."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from edge.core.detect.letterbox import Letterbox
from edge.core.detect.suppression import suppress
from models.accuracy import Answer, measure
from models.train.canvas import PAD
from models.train.fit import to_input
from models.train.network import PersonNetwork
from models.train.shards import Sample

_FAINT, _MOST, _SAME_IOU = 0.01, 300, 0.6
THRESHOLD = 0.35


class Judge:
    """Measures a network on named sets of samples, letterboxed into a square input as a camera's frames are."""

    def __init__(self, sets: dict[str, Sequence[Sample]], side: int) -> None:
        """side: of the input, pixels."""
        self._sets, self._side = sets, side

    def __call__(self, network: PersonNetwork) -> dict[str, float]:
        """AP at IoU 0.5 of each set, rounded."""
        return {
            name: measure([self._answer(network, sample) for sample in samples], THRESHOLD).ap50
            for name, samples in self._sets.items()
        }

    @torch.no_grad()
    def _answer(self, network: PersonNetwork, sample: Sample) -> Answer:
        picture = cv2.imdecode(np.frombuffer(sample.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        box = Letterbox.fit((picture.shape[1], picture.shape[0]), (self._side, self._side))
        canvas = np.full((self._side, self._side, 3), PAD, np.uint8)
        how = cv2.INTER_AREA if picture.shape[1] > 1.6 * box.width else cv2.INTER_LINEAR
        canvas[: box.height, : box.width] = cv2.resize(picture, (box.width, box.height), interpolation=how)
        device = next(network.parameters()).device
        tensor = to_input(torch.from_numpy(canvas[..., ::-1].transpose(2, 0, 1).copy())[None].to(device))
        with torch.autocast(device.type, torch.bfloat16):
            logits, boxes = network(tensor)
        score, keep = logits[0].sigmoid().topk(min(_MOST, logits.shape[1]))
        keep = keep[score >= _FAINT]
        xyxy = boxes[0][keep].cpu().numpy()
        scores = score[score >= _FAINT].cpu().numpy()
        rows = suppress(xyxy, scores, _SAME_IOU)
        truth = sample.people[sample.people[:, 4] > 0, :4]
        return Answer(truth, box.to_frame(xyxy[rows]), scores[rows])
