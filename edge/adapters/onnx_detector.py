"""Stop 6 of the house: people in pieces of frames, by a network that onnxruntime runs."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.adapters.network_input import NetworkInput
from edge.adapters.onnx_session import ORT_ERRORS, NetworkFailedError, checked_family, open_session
from edge.adapters.providers import ON_PROCESSOR, Network, Runner, open_network
from edge.core.detect.canvas import Canvas, Tile
from edge.core.detect.families.family import Reading
from edge.core.detect.region import whole_frame
from edge.core.detect.suppression import suppress
from edge.core.detection import Detections
from edge.core.frame import Frame
from models.registry import ModelEntry

MAX_CANDIDATES = 1000  # people before suppression; a school gate at noon stays far below, and what is cut is counted


class OnnxDetector:
    """Implements edge.core.ports.Detector. For one thread; the input buffer is reused from canvas to canvas."""

    def __init__(
        self, entry: ModelEntry, path: Path, confidence: float | None = None, runner: Runner = ON_PROCESSOR
    ) -> None:
        """confidence: threshold instead of the entry's.

        Raises UnusableModelError where file and entry don't fit, UnusableProviderError where `runner` can't run it.
        """
        self._entry = entry
        session = open_session(path)
        self._family = checked_family(entry, session)
        self._reading = Reading(entry.width, entry.height, entry.person_class, confidence or entry.confidence)
        self._network = open_network(path, runner, session)
        self._input = NetworkInput(entry, self._network.input)
        self._whole: Tile | None = None  # where the last whole frame lay
        self.candidates_cut = 0

    @property
    def network(self) -> Network:
        """The open network, whose input holds what was laid in last: for benchmarks and calibration."""
        return self._network

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the input in pixels."""
        return self._entry.width, self._entry.height

    def detect(self, frame: Frame) -> Detections:
        """People in `frame` looked at as a whole, in the frame's own pixels, best first."""
        tile, size = self._whole, (frame.width, frame.height)
        if tile is None or tile.frame_size != size:
            tile = self._whole = Canvas(*self.input_size).place(whole_frame(size, self.input_size), size)
            assert tile is not None, "an empty canvas holds a whole frame"
        self._input.clear(but=_place(tile))
        self.lay_in(frame, tile)
        xyxy, score = self._people()
        return Detections(tile.to_frame(xyxy), score)

    def lay_in(self, frame: Frame, tile: Tile) -> None:
        """Shows the network the part of `frame` that `tile` says, where it says."""
        self._input.lay_in(frame, tile.source, _place(tile))

    def clear(self) -> None:
        """Makes the input grey."""
        self._input.clear()

    def run(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """People in the input, best first: boxes (n, 4) xyxy in its pixels, and scores (n,).

        Raises NetworkFailedError.
        """
        try:
            return self._people()
        except (RuntimeError, *ORT_ERRORS) as error:
            raise NetworkFailedError(f"network {self._entry.name!r} does not run any more: {error}"[:300]) from error

    def _people(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
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
        sound = keep[(xyxy[keep, 2:] - xyxy[keep, :2] >= 1).all(axis=1)]
        return xyxy[sound], score[sound].astype(np.float32)


def _place(tile: Tile) -> tuple[int, int, int, int]:
    return tile.x, tile.y, tile.x + tile.width, tile.y + tile.height
