"""Stop 6 of the house: people in a frame, by a network that onnxruntime runs."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.adapters.onnx_session import Network, checked_family, open_session
from edge.core.detect.families.family import Reading
from edge.core.detect.letterbox import Letterbox
from edge.core.detect.suppression import suppress
from edge.core.detection import Detections
from edge.core.frame import Frame
from models.registry import ModelEntry

PAD = 114  # the grey around the picture, as all four families were trained with
MAX_CANDIDATES = 1000  # people before suppression; a school gate at noon stays far below, and what is cut is counted


class OnnxDetector:
    """Implements edge.core.ports.Detector. For one thread; the input buffer is reused from frame to frame."""

    def __init__(self, entry: ModelEntry, path: Path, confidence: float | None = None) -> None:
        """path: the entry's file, already checked. confidence: threshold, None for the entry's own.

        Raises UnusableModelError where the file's input or outputs are not what the entry says.
        """
        self._entry = entry
        session = open_session(path)
        self._family = checked_family(entry, session)
        self._network = Network(session)
        self._reading = Reading(entry.width, entry.height, entry.person_class, confidence or entry.confidence)
        mean, std = (np.array(triple, np.float32)[:, None, None] for triple in (entry.mean, entry.std))
        self._mean, self._scale = mean, 1.0 / std
        self._blank = (np.full((3, entry.height, entry.width), PAD, np.float32) - mean) * self._scale
        self._input = self._network.input
        self._input[0] = self._blank
        self._letterbox: Letterbox | None = None
        self.candidates_cut = 0

    @property
    def network(self) -> Network:
        """The open network, whose `input` holds what `detect` last laid in: for benchmarks and calibration."""
        return self._network

    def detect(self, frame: Frame) -> Detections:
        """People in `frame`, in the frame's own pixels, best first."""
        letterbox = self._lay_in(frame)
        found = self._family.read(self._network.run(), self._reading)
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
        """Scales the planes, turns the small picture's colours, writes it into the input: no full-size colour copy."""
        size = (frame.width, frame.height)
        letterbox = self._letterbox
        if letterbox is None or (letterbox.frame_width, letterbox.frame_height) != size:
            self._letterbox = letterbox = Letterbox.fit(size, (self._entry.width, self._entry.height))
            self._input[0] = self._blank
        small = _resized(frame, letterbox.width, letterbox.height)
        code = cv2.COLOR_YUV2RGB_I420 if self._entry.colour == "rgb" else cv2.COLOR_YUV2BGR_I420
        picture = cv2.cvtColor(small, code)
        target = self._input[0, :, : letterbox.height, : letterbox.width]
        np.subtract(picture.transpose(2, 0, 1), self._mean, out=target)
        np.multiply(target, self._scale, out=target)
        return letterbox


def _resized(frame: Frame, width: int, height: int) -> NDArray[np.uint8]:
    """The frame as I420 of width x height (both even)."""
    if (frame.width, frame.height) == (width, height):
        return frame.i420
    small = np.empty((height * 3 // 2, width), np.uint8)
    y, u, v = frame.planes()
    # Shrinking by much without averaging would let thin legs and far people flicker in and out between pixels.
    how = cv2.INTER_AREA if frame.width > 1.6 * width else cv2.INTER_LINEAR
    cv2.resize(y, (width, height), dst=small[:height], interpolation=how)
    chroma = small[height:].reshape(2, height // 2, width // 2)
    for source, target in ((u, chroma[0]), (v, chroma[1])):
        cv2.resize(source, (width // 2, height // 2), dst=target, interpolation=how)
    return small
