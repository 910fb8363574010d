"""Runs a network over labelled pictures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edge.adapters.onnx_detector import OnnxDetector
from models.accuracy import Accuracy, Answer, measure
from models.labelled import LabelledPicture
from models.registry import ModelEntry

LOWEST_CONFIDENCE = 0.01  # average precision needs the faint boxes too
_TIMED = 100  # pictures
Ticker = Callable[[], float]  # seconds, growing


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out: accuracy, and the median milliseconds of processor time for one picture at the entry's threshold.

    parts: the same for the pictures whose names begin alike, up to the first `_`: of drawn gates that is their light.
    others: pictures whose labels name other classes too, which were left out.
    """

    model: str
    accuracy: Accuracy
    ms_per_image: float
    parts: dict[str, Accuracy]
    others: int = 0


def evaluate(entry: ModelEntry, file: Path, pictures: Iterable[LabelledPicture], ticker: Ticker) -> Evaluation:
    """Accuracy of a network on `pictures`, at least one. ticker: processor seconds of this process.

    Raises LabelError, UnusableModelError.
    """
    detector = OnnxDetector(entry, file, LOWEST_CONFIDENCE)
    in_use = OnnxDetector(entry, file)  # timed alone: faint boxes cost time that no camera's frame takes
    durations_s: list[float] = []
    others = 0
    parts: dict[str, list[Answer]] = {}
    for picture in pictures:
        if len(durations_s) < _TIMED:
            begun_s = ticker()
            in_use.detect(picture.frame)
            durations_s.append(ticker() - begun_s)
        found = detector.detect(picture.frame)
        part = parts.setdefault(picture.name.partition("_")[0], [])
        part.append(Answer(picture.xyxy, found.xyxy, found.confidence, picture.kinds))
        others += picture.others
    answers = [answer for part in parts.values() for answer in part]
    return Evaluation(
        entry.name,
        measure(answers, entry.confidence),
        round(median(durations_s) * 1000, 2),
        {name: measure(part, entry.confidence) for name, part in parts.items()},
        others,
    )
