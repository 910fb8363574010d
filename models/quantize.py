"""Makes an 8-bit network of a float one, and enters it only where it finds the people that the float one finds."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.processor import processor_kind
from edge.core.detect.agreement import disagreement
from edge.core.frame import Frame
from models.accuracy import Accuracy
from models.add import keep, renamed
from models.eight_bits import EightBits
from models.evaluate import Ticker, evaluate
from models.labelled import LabelError, LabelledPicture
from models.registry import ModelEntry, ModelError, Registry, sha256_of
from models.whole_file import check_writable

MOST_LOST = 0.01  # of recall at the default threshold, and of AP50: recall bought with false boxes is none
_TRIAL_EVERY = 8  # of the calibration's frames, one on which each block is tried alone
_FAINT = 0.05
_ROUNDS = 15

Tell = Callable[[int, int, str], None]  # pictures done, in all, what else to say


@dataclass(frozen=True, slots=True)
class Trial:
    """One network that was measured on the evaluation pictures. float_blocks: given back to float, worst first."""

    float_blocks: tuple[int, ...]
    recall: float
    precision: float
    ap50: float


@dataclass(frozen=True, slots=True)
class Quantization:
    """What came out. entry: None where nothing was entered. Milliseconds are processor time of one thread, medians."""

    entry: ModelEntry | None
    processor: str
    pictures: int
    recall: float
    precision: float
    ap50: float
    best: Trial
    tried: tuple[Trial, ...]
    convolutions: int
    in_8_bits: int
    float_ms: float
    int8_ms: float

    @property
    def speed_up(self) -> float:
        """How many times as fast as in floats."""
        return round(self.float_ms / self.int8_ms, 2)

    @property
    def recall_lost(self) -> float:
        """Recall of the float network less that of the best one in 8 bits."""
        return round(self.recall - self.best.recall, 4)


@dataclass(frozen=True, slots=True)
class Material:
    """What networks are shown. ticker: processor seconds of this process.

    pictures: begins a new walk through the labelled pictures that judge. frames: the same for those to calibrate on,
    `most_frames` or fewer.
    """

    pictures: Callable[[], Iterable[LabelledPicture]]
    frames: Callable[[], Iterable[Frame]]
    most_frames: int
    ticker: Ticker


def quantize(registry: Registry, model: str, name: str | None, material: Material, tell: Tell) -> Quantization:
    """Tries how many blocks of `model` can be in 8 bits, and enters the result if it is as good as `model`.

    First all blocks; where that loses too much, those that err most when they alone are in 8 bits go back to floats:
    half of the interval that is left at each step, so the fewest are found in few steps.

    name: of the new entry; by default that of `model` and `_int8`, with a number where that is taken. Raises
    ModelError, LabelError, UnusableModelError, UnwritableError.
    """
    entry, file = registry.find(model)
    new = renamed(entry, name or _free_name(registry, entry.name))
    if new.name == entry.name:
        raise ModelError(f"{new.name!r} is the float network's name; give the new one another name")
    registry.refuse_taken(new.name, "")
    check_writable(registry.user_folder / "manifest.toml")
    with tempfile.TemporaryDirectory(prefix="gatehouse-quantize-") as folder:
        search = _Search(entry, file, Path(folder), material, tell)
        found, target = search.run()
        if search.good(found):
            said = (
                f"recall {found.recall:.3f} (float {search.accuracy.recall or 0.0:.3f}), AP50 {found.ap50:.3f} "
                f"({search.accuracy.ap50:.3f}) on {search.accuracy.pictures} pictures; {search.int8_ms} ms a frame "
                f"(float {search.float_ms}), {processor_kind()}"
            )
            digest = sha256_of(target)
            update = {"file": f"{digest[:16]}.onnx", "sha256": digest, "measured": said}
            kept = keep(new.model_copy(update=update), target, registry.user_folder, becomes_default=False)
        else:
            kept = None
        return search.result(found, kept)


def _free_name(registry: Registry, of: str) -> str:
    taken = {entry.name for entry in registry.entries()}
    names = (f"{of}_int8{number}" for number in ("", *(f"_{count}" for count in range(2, len(taken) + 3))))
    return next(name for name in names if name not in taken)


class _Search:
    """One run: what was measured so far, and the files in `folder`."""

    def __init__(self, entry: ModelEntry, file: Path, folder: Path, material: Material, tell: Tell) -> None:
        self._entry, self._file, self._folder, self._material = entry, file, folder, material
        pictures = sum(1 for _ in material.pictures())
        self._tell, self._done, self._total = tell, 0, 2 * pictures + material.most_frames
        self.tried: list[Trial] = []
        self._network = EightBits(file, folder)  # first of all: one that is in 8 bits already is refused at once
        self.accuracy = self._judged(file)
        if not self.accuracy.boxes:
            raise LabelError("nobody is marked in the pictures: recall can't be measured; name a folder with labels")
        self._trial_frames: list[Frame] = []
        self._network.calibrate(self._inputs())
        self._total = self._done + pictures
        self.float_ms = self.int8_ms = 0.0

    @property
    def _recall(self) -> float:
        return self.accuracy.recall or 0.0  # there are people, or nothing is searched

    def good(self, trial: Trial) -> bool:
        """Whether it loses at most a point."""
        lost = (self._recall - trial.recall, self.accuracy.ap50 - trial.ap50)
        return bool(trial.float_blocks != self._all()) and max(lost) <= MOST_LOST

    def run(self) -> tuple[Trial, Path]:
        """The best trial, and the file of it."""
        first = self._trial(())
        best = first
        if not self.good(first):
            steps = int(np.ceil(np.log2(len(self._network.blocks))))
            self._total += len(self._network.blocks) * len(self._trial_frames) + steps * self.accuracy.pictures
            order = self._worst_first()
            bad, good = 0, len(order)
            while good - bad > 1:
                middle = (bad + good) // 2
                trial = self._trial(tuple(order[:middle]))
                if self.good(trial):
                    best, good = trial, middle
                else:
                    best = max(best, trial, key=lambda one: one.recall) if good == len(order) else best
                    bad = middle
        target = self._written(best.float_blocks)
        self._time(target)
        self._tell(self._total, self._total, "")
        return best, target

    def result(self, best: Trial, entry: ModelEntry | None) -> Quantization:
        """All that there is to say."""
        blocks = range(len(self._network.blocks))
        in_8_bits = self._network.convolutions(block for block in blocks if block not in best.float_blocks)
        right = self.accuracy
        return Quantization(
            entry, processor_kind(), right.pictures, self._recall, right.precision, right.ap50, best,
            tuple(self.tried), self._network.convolutions(blocks), in_8_bits, self.float_ms, self.int8_ms,
        )  # fmt: skip

    def _all(self) -> tuple[int, ...]:
        return tuple(range(len(self._network.blocks)))

    def _inputs(self) -> Iterator[NDArray[np.float32]]:
        """What the network is shown, by the detector's own hand; some of the frames are kept to try blocks on."""
        detector = OnnxDetector(self._entry, self._file)
        for number, frame in enumerate(self._material.frames()):
            if number % _TRIAL_EVERY == 0:
                self._trial_frames.append(frame)
            detector.detect(frame)
            self._advance("calibrating")
            yield detector.network.input.copy()
        if not self._trial_frames:
            raise LabelError("there is nothing to calibrate on; name a folder of pictures or a video: --calibration")

    def _trial(self, float_blocks: tuple[int, ...]) -> Trial:
        right = self._judged(self._written(float_blocks))
        trial = Trial(float_blocks, right.recall or 0.0, right.precision, right.ap50)
        self.tried.append(trial)
        return trial

    def _written(self, float_blocks: tuple[int, ...]) -> Path:
        target = self._folder / "int8.onnx"
        self._network.write(target, [block for block in self._all() if block not in float_blocks])
        return target

    def _judged(self, file: Path) -> Accuracy:
        def counted() -> Iterator[LabelledPicture]:
            for picture in self._material.pictures():
                self._advance("measuring")
                yield picture

        return evaluate(self._entry, file, counted(), self._material.ticker).accuracy

    def _worst_first(self) -> list[int]:
        """The blocks by how far each, alone in 8 bits, leads away from the float network's boxes."""
        detector = OnnxDetector(self._entry, self._file, _FAINT)
        right = [detector.detect(frame) for frame in self._trial_frames]
        errors = []
        for block in self._all():
            self._network.write(self._folder / "block.onnx", [block])
            detector = OnnxDetector(self._entry, self._folder / "block.onnx", _FAINT)
            error = 0.0
            for frame, answer in zip(self._trial_frames, right, strict=True):
                error += disagreement(answer, detector.detect(frame))
                self._advance("trying blocks")
            errors.append(error)
        return sorted(self._all(), key=lambda block: -errors[block])

    def _time(self, target: Path) -> None:
        """Both networks in turns, so that a machine that slows down slows both."""
        both = [OnnxDetector(self._entry, file).network for file in (self._file, target)]
        durations: list[list[float]] = [[], []]
        for _ in range(_ROUNDS):
            for network, mine in zip(both, durations, strict=True):
                begun_s = self._material.ticker()
                network.run()
                mine.append(self._material.ticker() - begun_s)
        self.float_ms, self.int8_ms = (round(median(mine) * 1000, 2) for mine in durations)

    def _advance(self, what: str) -> None:
        self._done += 1
        self._tell(self._done, self._total, what)
