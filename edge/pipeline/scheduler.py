"""Stop 6 of the house: what several cameras want looked at, in as few inputs of the network as it takes."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.detect.canvas import Canvas, Tile
from edge.core.detect.region import Look
from edge.core.detect.suppression import suppress
from edge.core.detection import Detections
from edge.core.frame import Frame
from edge.core.ports import Detector

LONGEST_WAIT_S = 0.1  # a frame waits no longer for others to share its input
_SAME = 0.45  # overlap of one person's boxes on two pieces: shown at two sizes, they fit less well than on one
_PART = 0.6  # of a cut box inside another one: the same person, whole on another piece

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What was found in a frame.

    detections: best first, in the frame's pixels. cut: (n, 4) xyxy in the frame's pixels of those of whom only a part
    was looked at, as a region ended there; they are not among `detections`.
    """

    frame: Frame
    detections: Detections
    cut: Boxes = field(default_factory=lambda: np.zeros((0, 4), np.float32))


@dataclass(slots=True, eq=False)
class _Pending:
    frame: Frame
    since_s: float
    tiles: int  # that have not been looked at yet
    boxes: list[Boxes] = field(default_factory=list)
    scores: list[Boxes] = field(default_factory=list)
    cut: list[NDArray[np.bool_]] = field(default_factory=list)


class Scheduler:
    """Packs regions into the network's input and runs it when that is full or when a frame has waited long enough."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._canvas = Canvas(*detector.input_size)
        self._laid: list[tuple[_Pending, Tile]] = []
        self._waiting: dict[str, _Pending] = {}
        self.inferences = 0
        self.fill_sum = 0.0  # of all inferences, 0..1 each

    @property
    def waiting(self) -> Collection[str]:
        """Cameras of which a frame waits to be looked at."""
        return self._waiting.keys()

    def due_in_s(self, now_s: float) -> float:
        """Until the frame that has waited longest must be looked at; `LONGEST_WAIT_S` where none waits."""
        since_s = min((pending.since_s for pending in self._waiting.values()), default=now_s)
        return max(0.0, since_s + LONGEST_WAIT_S - now_s)

    def add(self, frame: Frame, look: Look, now_s: float) -> list[Looked]:
        """Takes a frame in; returns those that are done by it, oldest first.

        now_s: seconds of any clock that does not run backwards. A camera's frames must be done one after the other: ask
        for the look at the next one when the last one came back.
        """
        if not look.regions:
            return [Looked(frame, Detections.empty())]
        pending = self._waiting[frame.camera] = _Pending(frame, now_s, len(look.regions))
        size, done = (frame.width, frame.height), list[Looked]()
        for region in sorted(look.regions, key=lambda one: (one.xyxy[1] - one.xyxy[3]) * one.scale):
            tile = self._canvas.place(region, size)
            if tile is None:
                done += self.run()
                tile = self._canvas.place(region, size)
                assert tile is not None, "a region is never larger than an empty input"
            self._detector.lay_in(frame, tile)
            self._laid.append((pending, tile))
        return done

    def run(self) -> list[Looked]:
        """Looks at what is laid in, full or not; returns the frames that are done by it, oldest first."""
        if not self._laid:
            return []
        self.inferences += 1
        self.fill_sum += self._canvas.fill
        xyxy, score = self._detector.run()
        for pending, tile in self._laid:
            here = tile.holds(xyxy)
            pending.boxes.append(tile.to_frame(xyxy[here]))
            pending.scores.append(score[here])
            pending.cut.append(tile.is_cut(xyxy[here]))
            pending.tiles -= 1
        self._laid, done = [], [one for one in self._waiting.values() if not one.tiles]
        self._canvas.clear()
        self._detector.clear()
        for pending in done:
            del self._waiting[pending.frame.camera]
        return [self._looked(pending) for pending in done]

    def _looked(self, pending: _Pending) -> Looked:
        boxes, score = np.concatenate(pending.boxes), np.concatenate(pending.scores)
        cut = np.concatenate(pending.cut)
        whole = boxes[~cut]
        if len(pending.boxes) > 1:  # one person on two pieces
            keep = suppress(whole, score[~cut], _SAME)
        else:
            keep = np.argsort(-score[~cut], kind="stable")
        found = Detections(whole[keep], score[~cut][keep])
        return Looked(pending.frame, found, _not_covered(boxes[cut], found.xyxy))


def _not_covered(parts: Boxes, whole: Boxes) -> Boxes:
    """Those of `parts` that are not a part of somebody in `whole`, who was seen on another piece."""
    shared = np.minimum(parts[:, None, 2:], whole[None, :, 2:]) - np.maximum(parts[:, None, :2], whole[None, :, :2])
    inside = np.prod(np.clip(shared, 0.0, None), axis=2).max(axis=1, initial=0.0)
    alone: Boxes = parts[inside < _PART * np.prod(parts[:, 2:] - parts[:, :2], axis=1)]
    return alone
