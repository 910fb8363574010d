"""What the loop around a network costs beside the network itself."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from edge.adapters.onnx_detector import OnnxDetector
from edge.core.frame import Frame
from models.registry import ModelEntry


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Medians, milliseconds of processor time: `session.run` alone, a whole `detect`, and their ratio."""

    model: str
    bare_ms: float
    loop_ms: float
    ratio: float


def benchmark(entry: ModelEntry, file: Path, rounds: int, ticker: Callable[[], float]) -> Benchmark:
    """Times both in turns, so that a machine that slows down slows both. ticker: processor seconds of this process."""
    detector = OnnxDetector(entry, file)
    noise = np.random.default_rng(1)
    frame = Frame("drawn", 0, 0.0, 0.0, noise.integers(0, 256, (360 * 3 // 2, 640), np.uint8))

    def time_of(work: Callable[[], object]) -> float:
        begun_s = ticker()
        work()
        return ticker() - begun_s

    bare, loop = [], []
    for _ in range(rounds + 3):
        bare.append(time_of(detector.network.run))
        loop.append(time_of(lambda: detector.detect(frame)))
    bare_ms, loop_ms = (median(times[3:]) * 1000 for times in (bare, loop))
    return Benchmark(entry.name, round(bare_ms, 3), round(loop_ms, 3), round(loop_ms / bare_ms, 4))
