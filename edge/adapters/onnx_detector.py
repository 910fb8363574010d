"""Stop 6 of the house: people in a frame, by a network that onnxruntime runs."""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from edge.adapters.network_input import NetworkInput
from edge.adapters.onnx_session import bound, checked_family, open_session
from edge.core.detect.families.family import Reading
from edge.core.detect.letterbox import Letterbox
from edge.core.detect.suppression import suppress
from edge.core.detection import Detections
from edge.core.frame import Frame
from models.registry import ModelEntry

MAX_CANDIDATES = 1000  # people before suppression; a school gate at noon stays far below, and what is cut is counted


class OnnxDetector:
    """Implements edge.core.ports.Detector. For one thread; the input buffer is reused from frame to frame."""

    def __init__(self, entry: ModelEntry, path: Path, confidence: float | None = None) -> None:
        """path: the entry's file, already checked. confidence: threshold, None for the entry's own.

        Raises UnusableModelError where the file's input or outputs are not what the entry says.
        """
        self._entry = entry
        self._session = open_session(path)
        self._family = checked_family(entry, self._session)
        self._reading = Reading(entry.width, entry.height, entry.person_class, confidence or entry.confidence)
        self._input = NetworkInput(entry)
        self._binding, self._outputs = bound(self._session, self._input.tensor)
        self._letterbox: Letterbox | None = None
        self.candidates_cut = 0
        self.inferences, self.fill_sum = 0, 0.0  # fill: share of the input that shows picture, 0..1

    @property
    def session(self) -> ort.InferenceSession:
        """The session, for benchmarks."""
        return self._session

    def detect(self, frame: Frame) -> Detections:
        """People in `frame`, in the frame's own pixels, best first."""
        letterbox = self._lay_in(frame)
        self._session.run_with_iobinding(self._binding)
        self.inferences += 1
        self.fill_sum += letterbox.width * letterbox.height / (self._entry.width * self._entry.height)
        found = self._family.read(self._outputs, self._reading)
        xyxy, score = found.xyxy, found.score
        if len(score) > MAX_CANDIDATES:
            self.candidates_cut += len(score) - MAX_CANDIDATES
            best = np.argsort(-score, kind="stable")[:MAX_CANDIDATES]
            xyxy, score = xyxy[best], score[best]
        if self._family.suppression:
            keep = suppress(xyxy, score, self._entry.suppression_iou)
        else:
            keep = np.argsort(-score, kind="stable")
        boxes = letterbox.to_frame(xyxy[keep])
        sound = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        return Detections(boxes, score[keep].astype(np.float32)).select(sound)

    def _lay_in(self, frame: Frame) -> Letterbox:
        size = (frame.width, frame.height)
        letterbox = self._letterbox
        if letterbox is None or (letterbox.frame_width, letterbox.frame_height) != size:
            self._letterbox = letterbox = Letterbox.fit(size, (self._entry.width, self._entry.height))
            self._input.clear()
        self._input.lay_in(frame, (0, 0, *size), (0, 0, letterbox.width, letterbox.height))
        return letterbox
