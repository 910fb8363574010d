"""Who is seen where nobody is? False detections an hour of a network at its default threshold.

    .venv/bin/python tests/bench/empty_scenes.py MODEL [--seconds 60] [--things] [--video FILE --from 116 --to 175]

Drawn gates without people, four seeds in each light, a picture a second, with --things cars, dogs, washing, scarecrows,
bins and posts about; or the empty part of a video. An hour is
counted at one picture a second: what a detector looks at while something moves; each false box counts, not each track.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from edge.adapters.onnx_detector import OnnxDetector
from edge.config.environment import user_model_folder
from edge.virtual_camera.light import LIGHTS
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.labelled import frame_of
from models.registry import Registry

SEEDS = range(8000, 8004)


def drawn(light: str, seconds: int, things: bool) -> Iterator[NDArray[np.uint8]]:
    for seed in SEEDS:
        spec = SceneSpec(seed, light, "empty", fps=1.0, duration_s=float(seconds), varied=True, things=things)
        scene = DrawnScene(spec)
        for number in range(scene.picture_count):
            yield np.ascontiguousarray(scene.picture(number)[..., ::-1])


def filmed(path: Path, first_s: float, last_s: float) -> Iterator[NDArray[np.uint8]]:
    due_s = first_s
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and due_s <= frame.time <= last_s:
                due_s += 1.0
                yield frame.to_ndarray(format="bgr24")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--things", action="store_true")
    parser.add_argument("--video", type=Path)
    parser.add_argument("--from", dest="first_s", type=float, default=0.0)
    parser.add_argument("--to", dest="last_s", type=float, default=1e9)
    given = parser.parse_args()
    entry, file = Registry(user_model_folder()).find(given.model)
    detector = OnnxDetector(entry, file)
    if given.video:
        sources = {given.video.name: filmed(given.video, given.first_s, given.last_s)}
    else:
        sources = {light: drawn(light, given.seconds, given.things) for light in LIGHTS}
    for name, pictures in sources.items():
        counts = [len(detector.detect(frame_of(bgr)).confidence) for bgr in pictures]
        hourly = sum(counts) * 3600 / max(1, len(counts))
        print(f"{name:10} {len(counts):5} pictures  {sum(counts):4} false boxes  {hourly:8.0f} an hour  ({entry.name})")


if __name__ == "__main__":
    main()
