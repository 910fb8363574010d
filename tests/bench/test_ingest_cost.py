"""What taking a camera in costs: share of one core for recording alone, and with decoding and sampling 5 a second.

The cameras run in another process, so that their cost is not counted. Judges nothing; run with
`pytest -m bench -s tests/bench/test_ingest_cost.py`.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edge.adapters.av_source import AvSource
from edge.adapters.recorder import Recorder
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock

pytestmark = [pytest.mark.bench, pytest.mark.timeout(400)]

SERVE = """
import sys, threading
import cv2, numpy as np
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
width, height, bit_rate = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[4])
fps, codec = float(sys.argv[3]), sys.argv[5]
noise = np.random.default_rng(1)
ground = cv2.GaussianBlur(noise.integers(0, 255, (height, width, 3), np.uint8), (9, 9), 0)
def picture(n):
    made = cv2.add(ground, noise.integers(0, 12, ground.shape, np.uint8))  # sensor noise
    for k in range(5):  # people walk
        left = (n * (3 + k) + k * width // 5) % (width - width // 16)
        made[height // 3 : height // 3 * 2, left : left + width // 16] = (40 * k, 90, 200 - 30 * k)
    return made
clip = encode(PictureList([picture(n) for n in range(int(fps * 8))], fps), codec, bit_rate)
with serve_cameras([VirtualCamera("cam", clip)], SystemClock()) as server:
    print(server.url("cam"), flush=True)
    threading.Event().wait()
"""


class Counting:
    def __init__(self, recorder):
        self.connected, self.packet, self.disconnected = recorder.connected, recorder.packet, recorder.disconnected
        self.frames = 0

    def frame(self, frame):
        self.frames += 1


def measure(url: str, folder: Path, analysed_fps: float | None, seconds: float = 15.0) -> tuple[float, float, float]:
    """(share of a core, packets a second, frames handed on a second), after a start-up of 3 s."""
    listener = Counting(Recorder(folder, 4.0, 10**9))
    source = AvSource("cam", StreamAddress(url), listener, SystemClock(), analysed_fps=analysed_fps, stall_s=4.0)
    stop = threading.Event()
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    time.sleep(3.0)
    began_s, cpu_s, packets, frames = time.monotonic(), time.process_time(), source.status.packets, listener.frames
    time.sleep(seconds)
    passed_s = time.monotonic() - began_s
    share = (time.process_time() - cpu_s) / passed_s
    rates = ((source.status.packets - packets) / passed_s, (listener.frames - frames) / passed_s)
    stop.set()
    thread.join(10)
    return (share, *rates)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(
    ("width", "height", "fps", "bit_rate"), [(640, 360, 12.5, 500_000), (1280, 720, 25.0, 2_500_000)]
)
def test_cost_of_taking_a_camera_in(tmp_path, width, height, fps, bit_rate, codec):
    words = [str(word) for word in (width, height, fps, bit_rate, codec)]
    server = subprocess.Popen([sys.executable, "-c", SERVE, *words], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        for analysed_fps, what in ((None, "recording only"), (5.0, "and 5 frames/s")):
            share, packets, frames = measure(url, tmp_path / what.split()[0], analysed_fps)
            print(
                f"\n{codec} {width}x{height}@{fps} {bit_rate / 1e6:.1f} Mbit/s, {what}: {share * 100:.2f} % of one core"
                f" ({packets:.1f} packets/s, {frames:.1f} frames/s)",
                end="",
            )
    finally:
        server.kill()
        server.wait(10)
