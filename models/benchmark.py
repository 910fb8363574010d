"""What the loop around a network costs beside decoding and the network itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from statistics import median

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from edge.adapters.decoded_picture import i420
from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.providers import ON_PROCESSOR, Runner
from edge.core.frame import Frame
from edge.virtual_camera.access_unit import annex_b
from edge.virtual_camera.coder import LiveEncoder, usual_bit_rate
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.registry import ModelEntry

CAMERA_SIZE = (1280, 720)
_FIRST, _PICTURES = 200, 10  # of the drawn scene; by then people stand together in it
_WARM_UP = 5

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Medians for pictures of one size, milliseconds of processor time a frame.

    bare_ms: H.264 decoding and the network alone. loop_ms: decoding and everything up to people in the frame's pixels.
    ratio: median of loop over bare, frame by frame.
    """

    width: int
    height: int
    bare_ms: float
    loop_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """bare_ms, loop_ms, ratio: of the worse one of `sizes`. people: found in a frame, on average."""

    model: str
    bare_ms: float
    loop_ms: float
    ratio: float
    people: float
    sizes: tuple[PictureSize, ...]


def benchmark(
    entry: ModelEntry, file: Path, rounds: int, ticker: Callable[[], float], runner: Runner = ON_PROCESSOR
) -> Benchmark:
    """Times `rounds` frames of a drawn gate with people, at a camera's usual size and at the network's own.

    Each frame is decoded and run bare, then decoded and run in the loop, so that a machine that slows down slows both.
    ticker: processor seconds of this process.
    """
    detector = OnnxDetector(entry, file, runner=runner)
    scene = DrawnScene(SceneSpec(7, "day", "gathering"))
    pictures = [scene.picture(number) for number in range(_FIRST, _FIRST + _PICTURES)]
    scale = min(entry.width / scene.width, entry.height / scene.height)
    own = (round(scene.width * scale) // 2 * 2, round(scene.height * scale) // 2 * 2)
    found: list[int] = []
    sizes = tuple(_timed(detector, _coded(pictures, size), rounds, ticker, found) for size in (CAMERA_SIZE, own))
    worse = max(sizes, key=lambda size: size.ratio)
    return Benchmark(entry.name, worse.bare_ms, worse.loop_ms, worse.ratio, round(sum(found) / len(found), 1), sizes)


def _coded(pictures: list[Picture], size: tuple[int, int]) -> list[bytes]:
    """H.264 as cameras send it, the first one a key frame."""
    fps = 10.0
    encoder = LiveEncoder("h264", size, fps, usual_bit_rate(*size, fps))
    scaled = (np.asarray(cv2.resize(picture, size), np.uint8) for picture in pictures)
    coded = [encoder.encode(picture, number / fps, number / fps) for number, picture in enumerate(scaled)]
    return [annex_b(unit.nals) for units in coded for unit in units]


def _timed(
    detector: OnnxDetector,
    packets: list[bytes],
    rounds: int,
    ticker: Callable[[], float],
    found: list[int],
) -> PictureSize:
    for_bare, for_loop = _decoded(packets), _decoded(packets)
    frame = _frame(next(_decoded(packets)))
    detector.detect(frame)  # leaves a real picture in the input
    bare: list[float] = []
    loop: list[float] = []
    for _ in range(rounds + _WARM_UP):
        begun_s = ticker()
        next(for_bare)
        detector.network.run()
        between_s = ticker()
        people = detector.detect(_frame(next(for_loop)))
        loop.append((ticker() - between_s) * 1000)
        bare.append((between_s - begun_s) * 1000)
        found.append(len(people))
    bare, loop = bare[_WARM_UP:], loop[_WARM_UP:]
    ratio = median(one / other for one, other in zip(loop, bare, strict=True))
    return PictureSize(frame.width, frame.height, round(median(bare), 3), round(median(loop), 3), round(ratio, 4))


def _decoded(packets: list[bytes]) -> Iterator[av.VideoFrame]:
    """Pictures for ever, each decoded when it is asked for."""
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    for content in chain.from_iterable(repeat(packets)):
        yield from context.decode(av.Packet(content))


def _frame(picture: av.VideoFrame) -> Frame:
    return Frame("drawn", 0, 0.0, 0.0, i420(picture))
