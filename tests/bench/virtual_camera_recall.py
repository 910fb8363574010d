"""Do pre-trained networks take the drawn figures for people? Prints recall for each light, story, network and height.

    .venv/bin/python tests/bench/virtual_camera_recall.py [MODELS_FOLDER] [--seeds 101 102] [--varied] [--misses FOLDER]

A figure counts when at least 40 px tall, at least 60 % visible (parts outside the picture are not); it is found when a
detection of at least 0.3 overlaps its box by at least 0.5 (each detection finds one figure). Pictures go through
JPEG at quality 60 first, about as lossy as the demo's video.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge.virtual_camera.light import LIGHTS, LightName
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from edge.virtual_camera.stories import STORIES

NETWORKS = {"yolov8n_640": "yolov8n_640_fp32dq.onnx", "yolox_nano_416": "yolox_nano_416.onnx"}
CONFIDENCE, IOU, MIN_HEIGHT_PX, MIN_VISIBLE = 0.30, 0.5, 40, 0.6


class Network:
    """Either network, read straight from its raw output, so that this check leans on nothing of ours."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0]
        self._side = int(self._input.shape[2])
        self._yolox = "yolox" in path.name

    def people(self, picture: NDArray[np.uint8], confidence: float = CONFIDENCE) -> NDArray[np.float32]:
        """(n, 5): left, top, right, bottom in pixels, confidence."""
        height, width = picture.shape[:2]
        scale = self._side / max(width, height)
        canvas = np.full((self._side, self._side, 3), 114, np.uint8)
        small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR)
        canvas[: small.shape[0], : small.shape[1]] = small
        tensor = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        tensor = tensor[:, ::-1] if self._yolox else tensor / 255.0
        raw = self._session.run(None, {self._input.name: np.ascontiguousarray(tensor)})[0][0]
        boxes, scores = self._decode_yolox(raw) if self._yolox else (raw[:4].T, raw[4])
        keep = scores >= confidence
        boxes, scores = boxes[keep], scores[keep]
        corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1) / scale
        sizes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), confidence, 0.5)
        return np.concatenate([corners, scores[:, None]], axis=1)[np.asarray(kept, int).reshape(-1)]

    def _decode_yolox(self, raw: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        grids = []
        for stride in (8, 16, 32):
            cells = np.arange(self._side // stride)
            x, y = np.meshgrid(cells, cells)
            grids.append(np.stack([x, y, np.full_like(x, stride)], axis=-1).reshape(-1, 3))
        grid = np.concatenate(grids).astype(np.float32)
        centres = (raw[:, :2] + grid[:, :2]) * grid[:, 2:]
        return np.concatenate([centres, np.exp(raw[:, 2:4]) * grid[:, 2:]], axis=1), raw[:, 4] * raw[:, 5]


@dataclass
class Tally:
    """Counts: figures that should be found, found ones, detections that fit no figure at all, pictures."""

    figures: int = 0
    found: int = 0
    strangers: int = 0
    pictures: int = 0
    by_height: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    misses: list[tuple[int, NDArray[np.float32]]] = field(default_factory=list)  # frame, box in pixels

    def add(self, other: "Tally") -> None:
        """Counts the other's too."""
        self.figures, self.found = self.figures + other.figures, self.found + other.found
        self.strangers, self.pictures = self.strangers + other.strangers, self.pictures + other.pictures
        for name, (figures, found) in other.by_height.items():
            self.by_height[name][0] += figures
            self.by_height[name][1] += found

    @property
    def recall(self) -> float:
        """Share of the figures that were found."""
        return self.found / max(1, self.figures)


def _iou(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:4], others[:, 2:4])
    common = np.clip(high - low, 0, None).prod(axis=1)
    return common / ((box[2:4] - box[:2]).prod() + (others[:, 2:4] - others[:, :2]).prod(axis=1) - common + 1e-9)


def coded(picture: NDArray[np.uint8], quality: int = 60) -> NDArray[np.uint8]:
    """One picture after lossy coding about as strong as the demo's video."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def score(network: Network, scene: DrawnScene, frames: list[int], tally: Tally) -> None:
    """Adds what `network` finds in those frames to the tally."""
    size = np.float32([scene.width, scene.height] * 2)
    truth = scene.truth()
    for frame in frames:
        present = truth.at(frame)
        boxes = np.float32([p.box for p in present]).reshape(-1, 4) * size
        found = network.people(coded(scene.picture(frame)))
        tally.pictures += 1
        for one in found:
            tally.strangers += int(len(boxes) == 0 or _iou(one, boxes).max() < 0.3)
        free = np.ones(len(found), bool)
        for box, person in sorted(zip(boxes, present, strict=True), key=lambda pair: -pair[0][3]):
            tall = float(box[3] - box[1])
            wanted = tall >= MIN_HEIGHT_PX and person.visible >= MIN_VISIBLE
            overlap = np.where(free, _iou(box, found), 0) if len(found) else np.zeros(1)
            hit = bool(overlap.max() >= IOU)
            if hit:
                free[int(overlap.argmax())] = False
            if wanted:
                tally.figures += 1
                tally.found += hit
                bucket = tally.by_height[_bucket(tall)]
                bucket[0] += 1
                bucket[1] += hit
                if not hit:
                    tally.misses.append((frame, box))


def _bucket(tall: float) -> str:
    return next(name for limit, name in ((60, "40-60"), (90, "60-90"), (140, "90-140"), (1e9, "140+")) if tall < limit)


def specs(light: LightName, stories: Sequence[str], seeds: Sequence[int], varied: bool) -> list[SceneSpec]:
    """The scenes that a light is judged on, a picture every two seconds; `varied`: a place of its own for each."""
    return [
        SceneSpec(seed, light, story, fps=0.5, duration_s=44.0, varied=varied) for story in stories for seed in seeds
    ]


def _line(key: tuple[str, str, str], tally: Tally) -> str:
    heights = "  ".join(f"{k}: {v[1] / v[0]:.2f} ({v[0]})" for k, v in sorted(tally.by_height.items()))
    strangers = tally.strangers / max(1, tally.pictures)
    cells = " ".join(f"{name:15}" for name in key)
    return f"{cells} {tally.figures:7} {tally.recall:7.3f} {strangers:18.2f}  {heights}"


def _write_misses(folder: Path, scene: DrawnScene, network: str, tally: Tally) -> None:
    """Each picture with figures that were not found, those framed in red."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in sorted({frame for frame, _ in tally.misses}):
        picture = coded(scene.picture(frame))
        for _, box in (one for one in tally.misses if one[0] == frame):
            left, top, right, bottom = (round(float(side)) for side in box)
            cv2.rectangle(picture, (left, top), (right, bottom), (255, 0, 0), 1)
        name = f"{scene.spec.light}-{scene.spec.story}-{scene.spec.seed}-{frame:02d}-{network}.png"
        cv2.imwrite(str(folder / name), picture[..., ::-1])


def main() -> None:
    """Prints the table."""
    default = Path(__file__).resolve().parents[3] / "shared" / "assets" / "models"
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="?", type=Path, default=default)
    parser.add_argument("--varied", action="store_true", help="other cameras and places for each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--stories", nargs="+", default=[story for story in STORIES if story != "empty"])
    parser.add_argument("--lights", nargs="+", default=LIGHTS)
    parser.add_argument("--misses", type=Path, help="folder for pictures of the figures that were not found")
    given = parser.parse_args()
    networks = {name: Network(given.models / file) for name, file in NETWORKS.items()}
    head = " ".join(f"{name:15}" for name in ("light", "story", "network"))
    print(f"{head} {'figures':>7} {'recall':>7} {'strangers/picture':>18}  recall by height in px", flush=True)
    for light in given.lights:
        tallies: dict[tuple[str, str, str], Tally] = defaultdict(Tally)
        for spec in specs(light, given.stories, given.seeds, given.varied):
            scene = DrawnScene(spec)
            for name, network in networks.items():
                tally = Tally()
                score(network, scene, list(range(1, scene.picture_count)), tally)
                tallies[light, spec.story, name].add(tally)
                tallies[light, "all", name].add(tally)
                if given.misses:
                    _write_misses(given.misses, scene, name, tally)
        for key, tally in tallies.items():
            print(_line(key, tally), flush=True)


if __name__ == "__main__":
    main()
