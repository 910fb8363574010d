"""How well the motion gate sees who walks, and how little it asks for where nobody does.

    .venv/bin/python tests/bench/motion_gate.py [--fps 5] [--seconds 30] [--videos ../shared/assets] [--only WORD]

Drawn gates (coded and decoded as a cheap camera does) in each light, with people and empty, and the shared videos that
have truth. For each: share of the moments at which somebody has walked for a second (truth boxes, the foot moved a
quarter of a height) and was covered by moved cells within that second; share of the picture that regions around what
moved take, without full looks; share of frames in which anything moved; light changes; milliseconds of processor time
a frame.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.adapters.decoded_picture import i420
from edge.adapters.motion_gate import MotionGate
from edge.adapters.time_line import Sampler
from edge.core.detect.attention import Attention
from edge.virtual_camera.access_unit import annex_b
from edge.virtual_camera.coder import LiveEncoder, usual_bit_rate
from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec

WITHIN_S = 1.0
WALKED_HEIGHTS = 0.25  # in that time
SETTLED_S = 3.0
Boxes = dict[str, tuple[float, float, float, float]]  # of each person, fractions
Source = Iterator[tuple[float, NDArray[np.uint8], Boxes]]  # seconds, Y plane, truth


@dataclass
class Score:
    walking: int = 0
    covered: int = 0
    areas: list[float] = field(default_factory=list)
    moved: list[bool] = field(default_factory=list)
    light: int = 0
    cost_s: float = 0.0
    missed: list[tuple[float, str]] = field(default_factory=list)


def drawn(seed: int, light: str, story: str, seconds: float, picture_fps: float = 10.0) -> Source:
    scene = DrawnScene(SceneSpec(seed, light, story, fps=picture_fps, duration_s=seconds, varied=True))
    encoder = LiveEncoder("h264", (scene.width, scene.height), scene.fps,
                          usual_bit_rate(scene.width, scene.height, scene.fps))  # fmt: skip
    decoder = av.CodecContext.create("h264", "r")
    there: dict[int, Boxes] = {}
    for one in scene.truth().presences:
        if one.visible > 0.3:
            there.setdefault(one.frame, {})[one.person] = one.box
    for number in range(scene.picture_count):
        at_s = number / scene.fps
        for unit in encoder.encode(scene.picture(number), at_s, at_s):
            for picture in decoder.decode(av.Packet(annex_b(unit.nals))):
                yield at_s, luma(picture), there.get(number, {})


def luma(picture: av.VideoFrame) -> NDArray[np.uint8]:
    planes = i420(picture)
    return planes[: planes.shape[0] * 2 // 3]


def filmed(path: Path, truth: dict[int, Boxes], first_s: float = 0.0, last_s: float = 1e9) -> Source:
    with av.open(str(path)) as container:
        for number, picture in enumerate(container.decode(video=0)):
            if first_s <= picture.time <= last_s:
                yield picture.time, luma(picture), truth.get(number, {})


def mot_truth(path: Path, width: float, height: float) -> dict[int, Boxes]:
    found: dict[int, Boxes] = {}
    for line in path.read_text().split():
        frame, person, left, top, wide, high, told = line.split(",")[:7]
        if float(told):
            x, y, w, h = float(left), float(top), float(wide), float(high)
            box = (x / width, y / height, (x + w) / width, (y + h) / height)
            found.setdefault(int(frame) - 1, {})[person] = box
    return found


def touches(cells: NDArray[np.bool_], box: tuple[float, float, float, float]) -> bool:
    rows, columns = cells.shape
    top, bottom = int(max(0, box[1]) * rows), int(np.ceil(min(1, box[3]) * rows))
    left, right = int(max(0, box[0]) * columns), int(np.ceil(min(1, box[2]) * columns))
    return bool(cells[top:bottom, left:right].any())


def walked(before: tuple[float, ...], now: tuple[float, ...], aspect: float) -> bool:
    across = (now[0] + now[2] - before[0] - before[2]) / 2 * aspect
    return float(np.hypot(across, now[3] - before[3])) > WALKED_HEIGHTS * (now[3] - now[1])


def run(source: Source, fps: float) -> Score:
    score, gate, sampler, attention = Score(), MotionGate(), Sampler(fps), Attention((416, 416))
    history: list[tuple[float, Boxes, set[str], bool]] = []
    began_s: float | None = None
    for at_s, plane, people in source:
        began_s = at_s if began_s is None else began_s
        if not sampler.wants(at_s):
            continue
        before_s = time.process_time()
        motion = gate.update(plane, at_s)
        score.cost_s += time.process_time() - before_s
        size = (plane.shape[1], plane.shape[0])
        aspect = size[0] / size[1]
        everywhere = motion.light_changed
        history.append((at_s, people, {n for n, box in people.items() if touches(motion.cells, box)}, everywhere))
        while at_s - history[0][0] > WITHIN_S + 1e-6:
            history.pop(0)
        look = attention.look(size, at_s, motion, np.zeros((0, 4)))
        if at_s - began_s < SETTLED_S:
            continue
        score.light += motion.light_changed
        score.moved.append(bool(motion.cells.any()))
        if not look.full:
            taken = sum((r.xyxy[2] - r.xyxy[0]) * (r.xyxy[3] - r.xyxy[1]) for r in look.regions)
            score.areas.append(taken / (size[0] * size[1]))
        for name, box in people.items():
            was = history[0][1].get(name)
            if was is None or not walked(was, box, aspect):
                continue
            score.walking += 1
            if any(name in seen or everywhere for _, _, seen, everywhere in history):
                score.covered += 1
            else:
                score.missed.append((at_s, name))
    return score


def told(name: str, scores: list[Score]) -> str:
    walking, covered = sum(s.walking for s in scores), sum(s.covered for s in scores)
    areas = np.concatenate([s.areas for s in scores]) if scores else np.zeros(0)
    moved = np.concatenate([s.moved for s in scores])
    cost_ms = 1000 * sum(s.cost_s for s in scores) / max(1, len(moved))
    share = f"{covered / walking:6.3f} of {walking:5}" if walking else "     - of     0"
    return (
        f"{name:34} covered {share}  area {areas.mean() if len(areas) else 1.0:6.3f}  moved {moved.mean():5.2f}"
        f"  light {sum(s.light for s in scores):3}  {cost_ms:5.2f} ms"
    )


def sources(given: argparse.Namespace) -> Iterator[tuple[str, list[Source]]]:
    for light in LIGHTS:
        for story in ("random_mix", "loiterer", "empty"):
            yield (
                f"drawn {light} {story}",
                [drawn(seed, light, story, given.seconds) for seed in range(9000, 9000 + given.seeds)],
            )
    videos = given.videos / "videos"
    if not videos.exists():
        return
    truth = mot_truth(given.videos / "mot/MOT15/PETS09-S2L1/gt/gt.txt", 768, 576)
    yield "PETS", [filmed(videos / "pets09_s2l1_campus_480x360.mp4", truth)]
    truth = mot_truth(given.videos / "mot/MOT15/TUD-Campus/gt/gt.txt", 640, 480)
    yield "TUD-Campus", [filmed(videos / "tud_campus.mp4", truth)]
    # Standing spans of one-by-one have no boxes; the empty gaps between its people do count.
    for first_s, last_s in ((0.0, 6.0), (45.0, 50.0), (87.0, 92.0)):
        yield (
            f"one-by-one empty {first_s:.0f}-{last_s:.0f} s",
            [filmed(videos / "one-by-one-person-detection.mp4", {}, first_s, last_s)],
        )
    night = videos / "night_ir_far_person_at_gate.mp4"
    box = (555 / 960, 310 / 1088, 595 / 960, 470 / 1088)
    yield "night: somebody at the gate 49-78 s", [filmed(night, {n: {"man": box} for n in range(9999)}, 49, 78)]
    yield "night: empty 116-175 s", [filmed(night, {}, 116, 175)]


def main() -> None:
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--videos", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "assets")
    parser.add_argument("--only", default="")
    parser.add_argument("--missed", action="store_true", help="also name who was missed and when")
    given = parser.parse_args()
    for name, streams in sources(given):
        if given.only in name:
            scores = [run(stream, given.fps) for stream in streams]
            print(told(name, scores), flush=True)
            if given.missed:
                print("   ", [(f"{at_s:.1f}", who) for score in scores for at_s, who in score.missed][:30])


if __name__ == "__main__":
    main()
