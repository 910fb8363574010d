"""How many true loiterers of drawn school gates are told, by the true boxes and by a network.

    python tests/bench/drawn_loitering.py [--scenes 200] [--model person_416] [--jobs 2] [--list]

Each scene is a story in a light at a gate and a camera of its own, a minute of 640x360 at five pictures a second,
through the motion gate and the pipeline of a camera: once with the true boxes of everybody of whom enough shows, and
once with a network. Every third scene is watched from its eleventh second on, as if the box had just been switched
on. An alarm is a hit when it opens within 3 s of the moment at which somebody has been in the zone for the rule's
seconds and can be seen, with its feet within a body height of theirs; one alarm serves one person. Who is hidden for
longer than the pipeline waits for anybody counts as somebody new. Prints progress with the time left, then F1 by
story, by light and overall; with --list each miss and false alarm.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from math import hypot
from multiprocessing import get_context

import cv2
import numpy as np

from edge.adapters.motion_gate import MotionGate
from edge.app.detector import make_detector
from edge.config.schema import DetectorSection
from edge.core.detect.attention import Attention
from edge.core.detection import Detections
from edge.core.events import Event
from edge.core.frame import Frame
from edge.core.person_link import LinkParams
from edge.core.rules.loitering import LoiteringParams
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch, WatchedRule
from edge.core.zone import Zone
from edge.pipeline.camera_pipeline import CameraPipeline
from edge.pipeline.scheduler import Looked, Scheduler
from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from edge.virtual_camera.truth import Presence, TrueStay, stays_of
from models.labelled import frame_of

STORIES = (
    "loiterer",
    "school_day_mix",
    "pole",
    "gathering",
    "turns",
    "random_mix",
    "meet",
    "return",
    "pacing",
    "passers",
)
FIRST_SEED = 7000  # training draws from others
SHOWS = 0.3  # share of a person that must show before a camera can be held to see them
GRACE_S, TOLERANCE_S = 2.0, 3.0
LATE_START_S = 10.0
MARGIN_S = 0.5  # who stays so nearly as long as the rule says may be told or not
JPEG_QUALITY = 60  # about what cheap cameras' coding takes from a picture


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody whom the rule should tell of. foot_px, height_px: at that moment. judged: a miss counts."""

    person: str
    alarm_s: float
    foot_px: tuple[float, float]
    height_px: float
    judged: bool


@dataclass(slots=True)
class Tally:
    """Counts of one or several scenes; late_s of each hit."""

    hits: int = 0
    misses: int = 0
    false: int = 0
    late_s: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)  # a line for each miss and false alarm

    def add(self, other: "Tally") -> None:
        self.hits, self.misses, self.false = (
            self.hits + other.hits,
            self.misses + other.misses,
            self.false + other.false,
        )
        self.late_s += other.late_s

    @property
    def f1(self) -> float:
        counted = 2 * self.hits + self.misses + self.false
        return 2 * self.hits / counted if counted else 1.0

    def line(self, name: str) -> str:
        late = f"{statistics.median(self.late_s):6.2f}" if self.late_s else "     -"
        return f"{name:32}{self.hits:5}{self.misses:7}{self.false:6}{self.f1:7.3f}{late}"


def spec_of(number: int, fps: float = 5.0, duration_s: float = 60.0, size: tuple[int, int] = (640, 360)) -> SceneSpec:
    """The scene with that number: stories, then lights, then seeds go round."""
    story, light = STORIES[number % len(STORIES)], LIGHTS[number // len(STORIES) % len(LIGHTS)]
    return SceneSpec(FIRST_SEED + number, light, story, *size, fps, duration_s, varied=True)


def first_watched(spec: SceneSpec) -> int:
    """Number of the picture with which the watching begins."""
    return round(LATE_START_S * spec.fps) if spec.seed % 3 == 0 else 0


def dues(scene: DrawnScene, dwell_s: float) -> list[Due]:
    """Whom a rule of `dwell_s` should tell of."""
    truth, result = scene.truth(), []
    watched = [one for one in truth.presences if one.frame >= first_watched(scene.spec)]
    for stay in stays_of(watched, truth.fps, truth.zone_name, GRACE_S):
        for sights in _in_view(stay, watched, truth.fps):
            long_s = (sights[-1].frame + 1 - sights[0].frame) / truth.fps
            if long_s < dwell_s - MARGIN_S:
                continue
            due = sights[0].frame + dwell_s * truth.fps
            at = next((one for one in sights if one.frame >= due), sights[-1])
            foot_px, height_px = _px(at.footpoint, scene), (at.box[3] - at.box[1]) * scene.height
            result.append(Due(stay.person, at.frame / truth.fps, foot_px, height_px, long_s > dwell_s + MARGIN_S))
    return sorted(result, key=lambda one: one.alarm_s)


def _in_view(stay: TrueStay, presences: Sequence[Presence], fps: float) -> list[list[Presence]]:
    """The sights of somebody in the zone, cut where they were hidden for too long."""
    runs: list[list[Presence]] = []
    for one in presences:
        within = stay.enter_s <= one.frame / fps < stay.leave_s
        if one.person != stay.person or not within or not one.in_zone or one.visible < SHOWS:
            continue
        if runs and one.frame - runs[-1][-1].frame <= LinkParams().bridge_s * fps:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _px(point: tuple[float, float], scene: DrawnScene) -> tuple[float, float]:
    return point[0] * scene.width, point[1] * scene.height


def judge(expected: Sequence[Due], opened: Sequence[Event], scene: DrawnScene, source: str) -> Tally:
    """Hits, misses and false alarms of one scene."""
    tally, free = Tally(), list(opened)
    for due in sorted(expected, key=lambda one: not one.judged):
        near = [event for event in free if _serves(event, due, scene)]
        best = min(near, key=lambda event: abs(event.media_s - due.alarm_s), default=None)
        if best is not None:
            free.remove(best)
        if not due.judged:
            continue
        if best is None:
            tally.misses += 1
            tally.told.append(_told(scene, source, f"miss   {due.alarm_s:5.1f} s  {due.person}"))
        else:
            tally.hits += 1
            tally.late_s.append(best.media_s - due.alarm_s)
    for event in free:
        tally.false += 1
        tally.told.append(_told(scene, source, f"false  {event.media_s:5.1f} s  box {event.box}"))
    return tally


def _serves(event: Event, due: Due, scene: DrawnScene) -> bool:
    assert event.box is not None
    left, _, right, bottom = event.box
    foot = _px(((left + right) / 2, bottom), scene)
    apart_px = hypot(foot[0] - due.foot_px[0], foot[1] - due.foot_px[1])
    return abs(event.media_s - due.alarm_s) <= TOLERANCE_S and apart_px <= due.height_px


def _told(scene: DrawnScene, source: str, what: str) -> str:
    spec = scene.spec
    return f"{source:12}{spec.story:16}{spec.light:9} seed {spec.seed}  {what}"


def frames(scene: DrawnScene) -> Iterator[Frame]:
    """The scene's watched pictures after lossy coding, as a camera's frames with what moved."""
    gate = MotionGate()
    for number in range(first_watched(scene.spec), scene.picture_count):
        _, data = cv2.imencode(".jpg", scene.picture(number)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        at_s = number / scene.fps
        frame = frame_of(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), number)
        motion = gate.update(frame.planes()[0], at_s)
        yield replace(frame, camera="drawn", media_s=at_s, captured_at_s=at_s, motion=motion)


def visible_boxes(scene: DrawnScene) -> list[Detections]:
    """Of each watched frame: the true boxes of everybody of whom enough shows."""
    size, found = np.float32([scene.width, scene.height] * 2), []
    at: dict[int, list[Presence]] = {}
    for one in scene.truth().presences:
        if one.visible >= SHOWS:
            at.setdefault(one.frame, []).append(one)
    for number in range(first_watched(scene.spec), scene.picture_count):
        boxes = np.float32([one.box for one in at.get(number, [])]).reshape(-1, 4) * size
        found.append(Detections(boxes, np.full(len(boxes), 0.9, np.float32)))
    return found


def pipeline_for(scene: DrawnScene, dwell_s: float, input_size: tuple[int, int]) -> CameraPipeline:
    zone = Zone(scene.truth().zone_name, scene.truth().zone, GRACE_S)
    rule = WatchedRule(LoiteringParams(zone.name, dwell_s))
    return CameraPipeline(Attention(input_size), Tracker(), CameraWatch("bench", "drawn", [zone], [rule]))


def play(spec: SceneSpec, dwell_s: float, model: str | None) -> dict[str, Tally]:
    """One scene: source of the boxes -> counts. model: a network's name or file; None for the true boxes alone."""
    scene = DrawnScene(spec)
    opened: dict[str, list[Event]] = {"true boxes": []}
    followers = {"true boxes": pipeline_for(scene, dwell_s, (416, 416))}
    scheduler = None
    if model is not None:
        detector, _ = make_detector(DetectorSection(model=model))
        scheduler, opened["network"] = Scheduler(detector), []
        followers["network"] = pipeline_for(scene, dwell_s, detector.input_size)
    for frame, boxes in zip(frames(scene), visible_boxes(scene), strict=True):
        opened["true boxes"] += followers["true boxes"].follow(Looked(frame, boxes)).events
        if scheduler is not None:
            look = followers["network"].where_to_look(frame)
            for looked in scheduler.add(frame, look, 0.0) + scheduler.run():
                opened["network"] += followers["network"].follow(looked).events
    expected = dues(scene, dwell_s)
    return {
        source: judge(expected, [event for event in events if event.state == "open"], scene, source)
        for source, events in opened.items()
    }


def campaign(specs: Sequence[SceneSpec], dwell_s: float, model: str, jobs: int) -> list[dict[str, Tally]]:
    """All scenes, several at once; in the order of `specs`."""
    begun_s, results = time.monotonic(), dict[int, dict[str, Tally]]()
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        waiting = {pool.submit(play, spec, dwell_s, model): index for index, spec in enumerate(specs)}
        for done in as_completed(waiting):
            results[waiting[done]] = done.result()
            left_s = (time.monotonic() - begun_s) / len(results) * (len(specs) - len(results))
            print(f"{len(results)}/{len(specs)} scenes, {left_s:.0f} s left", file=sys.stderr, flush=True)
    return [results[index] for index in range(len(specs))]


def report(specs: Sequence[SceneSpec], results: Sequence[dict[str, Tally]]) -> Iterator[str]:
    """F1 by story, by light and overall."""
    yield f"{'':32}{'hits':>5}{'misses':>7}{'false':>6}{'F1':>7}{'late_s':>6}"
    for source in results[0]:
        groups: dict[str, Tally] = {}
        for spec, result in zip(specs, results, strict=True):
            for name in (spec.story, spec.light, "all"):
                groups.setdefault(name, Tally()).add(result[source])
        order = [name for name in (*STORIES, *LIGHTS, "all") if name in groups]
        yield from (groups[name].line(f"{source}  {name}") for name in order)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--model", default="person_416", help="a network's name or file")
    parser.add_argument("--dwell", type=float, default=15.0, help="the rule's seconds")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="each miss and false alarm")
    given = parser.parse_args()
    specs = [spec_of(number) for number in range(given.scenes)]
    results = campaign(specs, given.dwell, given.model, given.jobs)
    if given.list:
        print(*(line for result in results for tally in result.values() for line in tally.told), sep="\n")
    print(*report(specs, results), sep="\n")


if __name__ == "__main__":
    main()
