"""What the motion gate catches, what it asks for and what it costs, in each light and on the real videos.

    .venv/bin/python tests/bench/motion_gate.py [--fps 5] [--seconds 40] [--seeds 1 2] [--folder DIR]

For each source: people who walk (0.4 of their height in the last second), counted once a frame, and the share of them
on whom something moved within that second, by height in shares of the picture's; cells that moved, in 1000ths of the
picture, all of them and those not on or beside a person; patches of cells a frame; share of frames in which anything
moved; changes of light a minute;
milliseconds of processor time a frame. Drawn scenes go through H.264 as from a cheap camera; --folder keeps them.
"""

import argparse
import csv
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.adapters.motion_gate import MotionGate
from edge.adapters.video_file import VideoFile
from edge.virtual_camera.draw import draw
from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec

ASSETS = Path(__file__).resolve().parents[3] / "shared" / "assets"
WALKS, IN_S = 0.4, 1.0  # heights in seconds
HEIGHTS = (0.07, 0.12, 0.25, 9.0)
Boxes = dict[str, NDArray[np.float64]]  # person -> xyxy, fractions of the picture


@dataclass
class Source:
    """A video, who is in it when (seconds -> boxes), and which part of it counts."""

    name: str
    video: Path
    truth: dict[float, Boxes]
    first_s: float = 0.0
    last_s: float = 1e9

    def at(self, media_s: float) -> Boxes:
        near = min(self.truth, key=lambda at_s: abs(at_s - media_s), default=None)
        return self.truth[near] if near is not None and abs(near - media_s) < 0.06 else {}


@dataclass
class Tally:
    walking: dict[float, int] = field(default_factory=lambda: defaultdict(int))
    caught: dict[float, int] = field(default_factory=lambda: defaultdict(int))
    cells: list[float] = field(default_factory=list)
    stray: list[float] = field(default_factory=list)
    patches: list[int] = field(default_factory=list)
    lights: int = 0
    cpu_s: list[float] = field(default_factory=list)


def drawn(story: str, light: str, seed: int, seconds: float, folder: Path) -> Source:
    name = f"{story}-{light}-{seed}"
    spec = SceneSpec(seed, light, story, fps=10.0, duration_s=seconds, varied=True)
    video = folder / f"{name}-{seconds:g}.mp4"
    scene = DrawnScene(spec) if video.exists() else draw(spec, video)
    truth: dict[float, Boxes] = defaultdict(dict)
    for one in scene.truth().presences:
        if one.visible >= 0.5:
            truth[one.frame / spec.fps][one.person] = np.array(one.box)
    return Source(f"{story} {light}", video, truth)


def filmed() -> list[Source]:
    if not ASSETS.exists():
        print("shared/assets is not beside this clone: no real videos")
        return []
    truth: dict[float, Boxes] = defaultdict(dict)
    with (ASSETS / "mot/MOT15/PETS09-S2L1/gt/gt.txt").open() as file:
        for frame, person, left, top, wide, high, *_ in csv.reader(file):
            box = np.array([float(left), float(top), float(left) + float(wide), float(top) + float(high)])
            truth[(int(frame) - 1) / 10][person] = box / [768, 576, 768, 576]
    videos = ASSETS / "videos"
    indoor = videos / "one-by-one-person-detection.mp4"
    return [
        Source("PETS09-S2L1", videos / "pets09_s2l1_campus_480x360.mp4", truth),
        Source("one-by-one 6-136 s", indoor, {}, 6.2, 135.8),
        Source("night gate 116- s, empty", videos / "night_ir_far_person_at_gate.mp4", {}, 116.0),
    ]


def score(source: Source, fps: float, tally: Tally) -> None:
    gate = MotionGate()
    before: list[tuple[float, Boxes, NDArray[np.bool_]]] = []
    for one in VideoFile(source.video, "bench", fps):
        frame = one.frame
        if frame.media_s < source.first_s - 3.0 or frame.media_s > source.last_s:
            continue
        began_s = time.thread_time()
        motion = gate.update(frame.planes()[0], frame.media_s)
        tally.cpu_s.append(time.thread_time() - began_s)
        people = source.at(frame.media_s)
        before = [past for past in before if frame.media_s - past[0] < IN_S + 0.05]
        before.append((frame.media_s, people, motion.cells))
        if frame.media_s < source.first_s or len(before) < min(IN_S, 0.9) * fps:
            continue
        tally.lights += motion.light_changed
        near = np.zeros_like(motion.cells)
        for person, box in people.items():
            near[_cells(box, near, 2)] = True
            _count(person, box, before, tally)
        tally.cells.append(float(motion.cells.mean()))
        tally.stray.append(float((motion.cells & ~near).mean()))
        tally.patches.append(cv2.connectedComponents(motion.cells.astype(np.uint8))[0] - 1)


def _count(person: str, box: NDArray[np.float64], before: list, tally: Tally) -> None:
    now_s = before[-1][0]
    height = float(box[3] - box[1])
    then = [past[person] for at_s, past, _ in before if person in past and now_s - at_s > IN_S - 0.15]
    if not then or height <= 0:
        return
    moved = np.hypot(*((box - then[0])[[0, 3]] * [16 / 9, 1.0]))
    if moved < WALKS * height:
        return
    bucket = next(limit for limit in HEIGHTS if height < limit)
    tally.walking[bucket] += 1
    tally.caught[bucket] += any(
        person in past and cells[_cells(past[person], cells, 0)].any() for _, past, cells in before
    )


def _cells(box: NDArray[np.float64], cells: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows, columns = cells.shape
    left, top, right, bottom = box * [columns, rows, columns, rows]
    return (
        slice(max(0, int(top) - margin), int(np.ceil(bottom)) + margin),
        slice(max(0, int(left) - margin), int(np.ceil(right)) + margin),
    )


def line(name: str, fps: float, tally: Tally) -> str:
    by_height = "  ".join(
        f"<{limit:g}: {tally.caught[limit] / tally.walking[limit]:.3f} ({tally.walking[limit]})"
        for limit in HEIGHTS
        if tally.walking[limit]
    )
    minutes = len(tally.cells) / fps / 60
    figures = f"{1000 * np.mean(tally.cells):6.1f} {1000 * np.mean(tally.stray):6.1f} {np.mean(tally.patches):7.2f}"
    figures += f" {np.mean(np.array(tally.patches) > 0):6.3f}"
    cpu_ms = 1000 * np.median(tally.cpu_s)
    return f"{name:26}{fps:5g} {figures} {tally.lights / max(minutes, 1e-9):7.1f} {cpu_ms:6.2f}  {by_height}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fps", type=float, nargs="+", default=[5.0])
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--stories", nargs="+", default=["passers", "empty"])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    head = f"{'cells':>6} {'stray':>6} {'patches':>7} {'frames':>6} {'lights':>7} {'ms':>6}"
    print(f"{'source':26}{'fps':>5} {head}  caught in {IN_S:g} s by height (how many)", flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = given.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        groups = [[source] for source in filmed()]
        for story in given.stories:
            for light in LIGHTS:
                groups.append([drawn(story, light, seed, given.seconds, folder) for seed in given.seeds])
        for fps in given.fps:
            for group in groups:
                tally = Tally()
                for source in group:
                    score(source, fps, tally)
                print(line(group[0].name, fps, tally), flush=True)


if __name__ == "__main__":
    main()
