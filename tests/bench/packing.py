"""People found with regions packed into inputs against the whole frame in one, same network, same frames.

    python tests/bench/packing.py [--models yolov8n_640_fp32dq,default,FILE.onnx] [--fps 5]

Truth: MOT15's boxes for PETS09-S2L1 and TUD-Campus, person_eval's labelled frames for one-by-one-person-detection. A
row for each network and video: recall and precision at IoU 0.5 and score 0.35 (whole, packed, ratio), recall of people
under 60 px, and how many inputs of the network a frame took. Regions come from the camera's own pipeline: gate,
tracker, attention.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.video_file import VideoFile
from edge.config.environment import user_model_folder
from edge.core.appearance import histograms
from edge.core.detect.attention import Attention
from edge.core.tracking.tracker import Tracker
from edge.pipeline.scheduler import Scheduler
from models.add import find_or_recognise
from models.choice import named
from models.registry import Registry

ASSETS = Path(__file__).resolve().parents[2] / ".." / "shared" / "assets"
SCORE, SMALL_PX = 0.35, 60.0
Boxes = NDArray[np.float32]
Truth = Callable[[int, tuple[int, int]], Boxes | None]


def mot(name: str, scale: float) -> Truth:
    """MOT15's truth of a sequence whose video is `scale` times as large as its pictures."""
    rows = np.loadtxt(ASSETS / "mot/MOT15" / name / "gt/gt.txt", delimiter=",")
    rows = rows[rows[:, 6] != 0]

    def at(number: int, _: tuple[int, int]) -> Boxes:
        here = rows[rows[:, 0] == number + 1]
        return np.asarray(np.hstack([here[:, 2:4], here[:, 2:4] + here[:, 4:6]]) * scale, np.float32)

    return at


def labelled(prefix: str) -> Truth:
    """person_eval's labels of single frames, which its file names number."""

    def at(number: int, size: tuple[int, int]) -> Boxes | None:
        file = ASSETS / "person_eval/labels" / f"{prefix}{number:04d}.txt"
        if not (ASSETS / "person_eval/images" / f"{prefix}{number:04d}.jpg").exists():
            return None
        lines = file.read_text().split("\n") if file.exists() else []
        rows = np.array([[float(word) for word in line.split()[1:5]] for line in lines if line.strip()]).reshape(-1, 4)
        boxes = np.hstack([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2])
        return np.asarray(boxes * np.array(size * 2), np.float32)

    return at


VIDEOS = {
    "pets09_s2l1_campus_480x360": mot("PETS09-S2L1", 0.625),
    "tud_campus": mot("TUD-Campus", 1.0),
    "one-by-one-person-detection": labelled("indoor1_"),
}


class Tally:
    """Counts people found and missed, and boxes that are nobody."""

    def __init__(self) -> None:
        self.people = self.found = self.small = self.small_found = self.boxes = self.right = 0

    def note(self, boxes: Boxes, truth: Boxes) -> None:
        """Boxes best first; each finds the person it overlaps most, who is then taken."""
        taken = np.zeros(len(truth), np.bool_)
        for box in boxes:
            overlap = np.where(taken, 0.0, _iou(box, truth))
            if len(truth) and overlap.max() >= 0.5:
                taken[overlap.argmax()] = True
        small = truth[:, 3] - truth[:, 1] < SMALL_PX
        self.people, self.found = self.people + len(truth), self.found + int(taken.sum())
        self.small, self.small_found = self.small + int(small.sum()), self.small_found + int((taken & small).sum())
        self.boxes, self.right = self.boxes + len(boxes), self.right + int(taken.sum())

    @property
    def recall(self) -> float:
        return self.found / max(1, self.people)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.boxes)

    @property
    def small_recall(self) -> float:
        return self.small_found / max(1, self.small)


def _iou(box: NDArray[np.float32], others: Boxes) -> NDArray[np.float64]:
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    area = np.prod(np.clip(shared, 0, None), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - area
    result: NDArray[np.float64] = area / union
    return result


def measure(detector: OnnxDetector, video: str, fps: float) -> str:
    """One row."""
    truth_at, whole, packed = VIDEOS[video], Tally(), Tally()
    attention, scheduler, tracker = Attention(detector.input_size), Scheduler(detector), Tracker()
    cost_px = frames = 0.0
    for source in VideoFile(ASSETS / "videos" / f"{video}.mp4", "bench", fps):
        frame, size = source.frame, (source.frame.width, source.frame.height)
        look = attention.look(size, frame.media_s, frame.motion, tracker.expected(frame.media_s))
        looked = (scheduler.add(frame, look, 0.0) + scheduler.run())[-1]
        found = looked.detections
        attention.learn(found.xyxy, looked.cut, size)
        tracker.update(found, frame.media_s, histograms(frame, found.xyxy))
        cost_px, frames = cost_px + sum(region.cost_px for region in look.regions), frames + 1
        truth = truth_at(source.source_number, size)
        if truth is not None:
            packed.note(found.xyxy[found.confidence >= SCORE], truth)
            alone = detector.detect(frame)
            whole.note(alone.xyxy[alone.confidence >= SCORE], truth)
    inputs = cost_px / frames / (detector.input_size[0] * detector.input_size[1])
    return (
        f"{video:28} {whole.people:6} {whole.recall:7.3f} {packed.recall:7.3f} "
        f"{packed.recall / max(1e-9, whole.recall):6.3f} {whole.precision:7.3f} {packed.precision:7.3f} "
        f"{whole.small:6} {whole.small_recall:7.3f} {packed.small_recall:7.3f} {inputs:7.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="yolov8n_640_fp32dq,default")
    parser.add_argument("--fps", type=float, default=5.0)
    given = parser.parse_args()
    heads = ("people", "whole", "packed", "ratio", "whole", "packed", "<60px", "whole", "packed", "inputs")
    widths = (6, 7, 7, 6, 7, 7, 6, 7, 7, 7)
    print(
        f"{'recall, then precision':28} "
        + " ".join(f"{head:>{wide}}" for head, wide in zip(heads, widths, strict=True))
    )
    for name in given.models.split(","):
        shared = ASSETS / "models" / f"{name}.onnx"
        entry, file = find_or_recognise(Registry(user_model_folder()), str(shared) if shared.exists() else named(name))
        print(entry.name)
        for video in VIDEOS:
            print(measure(OnnxDetector(entry, file), video, given.fps), flush=True)


if __name__ == "__main__":
    main()
