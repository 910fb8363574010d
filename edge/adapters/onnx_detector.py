"""Stop 6 of the house: people in pieces of frames, by a network that onnxruntime runs."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.adapters.onnx_session import checked_family, open_session
from edge.core.detect.canvas import Canvas, Tile
from edge.core.detect.families.family import Reading
from edge.core.detect.region import whole_frame
from edge.core.detect.suppression import suppress
from edge.core.detection import Detections
from edge.core.frame import Frame
from models.registry import ModelEntry

PAD = 114  # the grey around the picture, as all four families were trained with
MAX_CANDIDATES = 1000  # people before suppression; a school gate at noon stays far below, and what is cut is counted


class OnnxDetector:
    """Implements edge.core.ports.Network. For one thread; the input buffer is reused from canvas to canvas."""

    def __init__(self, entry: ModelEntry, path: Path, confidence: float | None = None) -> None:
        """confidence: threshold instead of the entry's. Raises UnusableModelError where file and entry don't fit."""
        self._entry = entry
        self._session = open_session(path)
        self._family = checked_family(entry, self._session)
        self._reading = Reading(entry.width, entry.height, entry.person_class, confidence or entry.confidence)
        self._input_name = self._session.get_inputs()[0].name
        mean, std = (np.array(triple, np.float32)[:, None, None] for triple in (entry.mean, entry.std))
        self._mean, self._scale = mean, 1.0 / std
        self._blank = (np.full((3, entry.height, entry.width), PAD, np.float32) - mean) * self._scale
        self._input = self._blank[None].copy()
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(self._input_name, self._input)
        for output in self._session.get_outputs():
            self._binding.bind_output(output.name, "cpu")
        self.candidates_cut = 0

    @property
    def session(self) -> ort.InferenceSession:
        """The session, for benchmarks."""
        return self._session

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the input in pixels."""
        return self._entry.width, self._entry.height

    @property
    def suppression_iou(self) -> float:
        """The overlap past which two boxes are the same person."""
        return self._entry.suppression_iou

    def detect(self, frame: Frame) -> Detections:
        """People in `frame` looked at as a whole, in the frame's own pixels, best first."""
        size = (frame.width, frame.height)
        tile = Canvas(*self.input_size).place(whole_frame(size, self.input_size), size)
        assert tile is not None, "an empty canvas holds a whole frame"
        self.clear()
        self.lay_in(frame, tile)
        xyxy, score = self.run()
        return Detections(tile.to_frame(xyxy), score)

    def lay_in(self, frame: Frame, tile: Tile) -> None:
        """Scales the planes, turns the small picture's colours, writes it into the input: no full-size colour copy."""
        small = _resized(frame, tile)
        code = cv2.COLOR_YUV2RGB_I420 if self._entry.colour == "rgb" else cv2.COLOR_YUV2BGR_I420
        picture = cv2.cvtColor(small, code)
        target = self._input[0, :, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        np.subtract(picture.transpose(2, 0, 1), self._mean, out=target)
        np.multiply(target, self._scale, out=target)

    def clear(self) -> None:
        """Makes the input grey."""
        self._input[0] = self._blank

    def run(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """People in the input, best first: boxes (n, 4) xyxy in its pixels, and scores (n,)."""
        self._session.run_with_iobinding(self._binding)
        found = self._family.read(self._binding.copy_outputs_to_cpu(), self._reading)
        xyxy, score = found.xyxy, found.score
        if len(score) > MAX_CANDIDATES:
            self.candidates_cut += len(score) - MAX_CANDIDATES
            best = np.argsort(-score, kind="stable")[:MAX_CANDIDATES]
            xyxy, score = xyxy[best], score[best]
        if self._family.suppression:
            keep = suppress(xyxy, score, self._entry.suppression_iou)
        else:
            keep = np.argsort(-score, kind="stable")
        sound = keep[(xyxy[keep, 2:] - xyxy[keep, :2] >= 1).all(axis=1)]
        return xyxy[sound], score[sound].astype(np.float32)


def _resized(frame: Frame, tile: Tile) -> NDArray[np.uint8]:
    """The piece of the frame as I420 of the tile's size."""
    left, top, right, bottom = tile.source
    small = np.empty((tile.height * 3 // 2, tile.width), np.uint8)
    y, u, v = frame.planes()
    # Shrinking by much without averaging would let thin legs and far people flicker in and out between pixels.
    how = cv2.INTER_AREA if right - left > 1.6 * tile.width else cv2.INTER_LINEAR
    chroma = small[tile.height :].reshape(2, tile.height // 2, tile.width // 2)
    cv2.resize(y[top:bottom, left:right], (tile.width, tile.height), dst=small[: tile.height], interpolation=how)
    half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
    for source, target in ((u, chroma[0]), (v, chroma[1])):
        cv2.resize(source[half], (tile.width // 2, tile.height // 2), dst=target, interpolation=how)
    return small
