"""What a quiet camera costs to decode: every picture, or key frames only. Share of one core, median of five.

    .venv/bin/python tests/bench/idle_cost.py [--rounds 5]

H.264 at 25 pictures a second, a key frame every 2 s, read from a file as fast as it goes, five pictures a second handed
to the motion gate; processor time over the video's own time. The same process reads both ways in turn.
"""

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np

from edge.adapters.av_source import AvSource
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.coder import usual_bit_rate

FPS, SECONDS, SETTLED_S = 25, 20, 4
CODERS = {"h264": "libx264", "hevc": "libx265"}


class Nobody:
    """A listener that lets the camera rest, as often as the gate wakes it, and looks at the clock once it does."""

    def __init__(self, idle: bool):
        self._idle, self.source = idle, None
        self.began: tuple[float, int] | None = None

    def connected(self, info, template):
        pass

    def packet(self, packet, media_s, captured_at_s):
        if float(packet.pts * packet.time_base) >= SETTLED_S and self.began is None:
            self.began = time.process_time(), self.source.status.frames_decoded

    def frame(self, frame):
        self.source.rest(self._idle)

    def disconnected(self, fault):
        pass


def film(path: Path, codec: str, width: int, height: int) -> None:
    """An empty place with a sensor's noise, at a cheap camera's bit rate."""
    noise = np.random.default_rng(1)
    ground = cv2.GaussianBlur(noise.integers(0, 255, (height, width, 3), np.uint8), (31, 31), 0)
    options = {"preset": "veryfast", "g": str(2 * FPS), "bf": "0", "sc_threshold": "0"}
    if codec == "hevc":
        options = {"preset": "ultrafast", "x265-params": f"keyint={2 * FPS}:bframes=0:scenecut=0:log-level=none"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODERS[codec], rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = usual_bit_rate(width, height, FPS)
        grain = [noise.normal(0, 3, ground.shape).astype(np.int16) for _ in range(5)]
        for number in range(FPS * SECONDS):
            picture = np.clip(ground + grain[number * 3 % 5], 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def cost(path: Path, idle: bool) -> tuple[float, int]:
    """(processor seconds a second of video, pictures decoded)."""
    listener = Nobody(idle)
    address = StreamAddress(str(path))
    source = listener.source = AvSource("cam", address, listener, SystemClock(), analysed_fps=5.0, stall_s=4.0)
    source.run_once(threading.Event())
    began_s, decoded = listener.began
    return (time.process_time() - began_s) / (SECONDS - SETTLED_S), source.status.frames_decoded - decoded


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        for codec in CODERS:
            for width, height in ((1280, 720), (1920, 1080)):
                path = Path(folder) / f"{codec}{height}.mp4"
                film(path, codec, width, height)
                both = [[cost(path, idle) for idle in (False, True)] for _ in range(rounds)]
                full, rest = (statistics.median(turn[way][0] for turn in both) for way in (0, 1))
                decoded = [both[-1][way][1] for way in (0, 1)]
                ratio = statistics.median(turn[1][0] / turn[0][0] for turn in both)
                print(
                    f"{codec} {width}x{height}@{FPS}: all {full * 100:.2f} % of a core ({decoded[0]} pictures), "
                    f"idle {rest * 100:.2f} % ({decoded[1]}); idle/all {ratio:.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
