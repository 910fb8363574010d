"""What a virtual camera costs: share of one core for serving a coded loop, and for drawing, spoiling and coding live.

The client copies packets and decodes nothing, in another process. Judges nothing; run with
`pytest -m bench -s tests/bench/test_virtual_camera_cost.py`.
"""

import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from edge.virtual_camera.scene import DrawnScene, SceneSpec

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 12.0, 8.0
READ = """
import sys, time, av
with av.open(sys.argv[1], options={"rtsp_transport": "tcp"}, timeout=(10, 10)) as container:
    ends_s = None
    for packet in container.demux(video=0):
        ends_s = ends_s or time.monotonic() + float(sys.argv[2])
        if time.monotonic() > ends_s:
            break
"""


def pictures() -> PictureList:
    """More than are played while it is measured: once all went out, they are coded no more."""
    noise = np.random.default_rng(1)
    ground = cv2.GaussianBlur(noise.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), (9, 9), 0)
    made = [cv2.add(ground, noise.integers(0, 12, ground.shape, np.uint8)) for _ in range(int(FPS * 16))]
    for number, picture in enumerate(made):
        left = number * 8 % (WIDTH - 40)
        picture[120:240, left : left + 40] = (40, 90, 200)
    return PictureList(made, FPS)


@pytest.mark.parametrize("viewers", [1, 4])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("coded loop", "h264"),
        ("coded loop, faulty", "h264"),
        ("live from memory", "h264"),
        ("live from memory", "hevc"),
        ("live drawn scene", "h264"),
    ],
)
def test_cost(name, codec, viewers):
    main = DrawnScene(SceneSpec(1, fps=FPS)) if "drawn" in name else pictures()
    played = encode(main, codec) if "loop" in name else main
    with serve_cameras([VirtualCamera("gate", played, codec=codec)], SystemClock()) as server:
        if "faulty" in name:
            server.fault("gate", "shake")
        command = [sys.executable, "-c", READ, server.url("gate"), str(SECONDS + 4)]
        readers = [subprocess.Popen(command) for _ in range(viewers)]
        time.sleep(3.0)
        begun_s, cpu_s = time.monotonic(), time.process_time()
        time.sleep(SECONDS)
        share = (time.process_time() - cpu_s) / (time.monotonic() - begun_s)
        assert [reader.wait(30) for reader in readers] == [0] * viewers
    print(f"{name}, {codec}, {WIDTH}x{HEIGHT} at {FPS:g}, {viewers} viewer(s): {share:.1%} of a core")
