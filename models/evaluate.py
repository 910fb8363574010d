"""Runs a network over labelled pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edge.adapters.onnx_detector import OnnxDetector
from models.accuracy import Accuracy, Answer, measure
from models.labelled import read_folder
from models.registry import ModelEntry

LOWEST_CONFIDENCE = 0.01  # average precision needs the faint boxes too
Ticker = Callable[[], float]  # seconds, growing


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out: accuracy, and the median milliseconds of processor time for one picture."""

    model: str
    accuracy: Accuracy
    ms_per_image: float


def evaluate(entry: ModelEntry, file: Path, images: Path, ticker: Ticker, prefix: str = "") -> Evaluation:
    """Accuracy of a network on the pictures of `images`. ticker: processor seconds of this process.

    Raises LabelError, UnusableModelError.
    """
    detector = OnnxDetector(entry, file, LOWEST_CONFIDENCE)
    answers, durations_s = [], []
    for picture in read_folder(images, prefix):
        begun_s = ticker()
        found = detector.detect(picture.frame)
        durations_s.append(ticker() - begun_s)
        answers.append(Answer(picture.xyxy, found.xyxy, found.confidence))
    return Evaluation(entry.name, measure(answers, entry.confidence), round(median(durations_s) * 1000, 2))
