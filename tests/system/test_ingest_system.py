"""Ingest and recorder against two RTSP servers (GStreamer's and our own), with faults, and killed in the middle."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from edge.adapters import stream_faults as faults
from edge.adapters.av_source import AvSource
from edge.adapters.clip_writer import write_clip
from edge.adapters.recorder import Recorder
from edge.adapters.segments import list_segments, open_segment
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.digest import Account
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

RECORD = """
import sys, threading
from pathlib import Path
from edge.adapters.av_source import AvSource
from edge.adapters.recorder import Recorder
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock
class ToDisk(Recorder):
    def frame(self, frame): pass
recorder = ToDisk(Path(sys.argv[2]), 2.0, 10**9)
source = AvSource("gate", StreamAddress(sys.argv[1]), recorder, SystemClock(), analysed_fps=None, stall_s=4.0)
source.run(threading.Event())
"""


def wait_for(condition, timeout_s=20.0, what="it"):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.02)
    return found


class Watch:
    """Runs a source in a thread, records it, and keeps what it said."""

    def __init__(self, url, folder, *, username=None, password=None, transport="tcp", analysed_fps=5.0, stall_s=4.0):
        self.recorder = Recorder(folder, 2.0, 10**9)
        self.infos, self.packets, self.frames, self.faults = [], [], [], []
        address = StreamAddress(url, username, password, transport)
        self.source = AvSource("gate", address, self, SystemClock(), analysed_fps=analysed_fps, stall_s=stall_s)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.source.run, args=(self._stop,))

    def connected(self, info, template):
        self.infos.append(info)
        self.recorder.connected(info, template)

    def packet(self, packet, media_s, captured_at_s):
        self.packets.append((time.monotonic(), media_s, captured_at_s, packet.is_keyframe))
        self.recorder.packet(packet, media_s, captured_at_s)

    def frame(self, frame):
        self.frames.append(frame)

    def disconnected(self, fault):
        self.faults.append((time.monotonic(), fault))
        self.recorder.disconnected(fault)

    def codes(self):
        return [fault.code for _, fault in self.faults]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def gstreamer():
    if not Path("/usr/bin/python3").exists():
        pytest.skip("the system's Python with gi is not here")
    script = Path(__file__).with_name("gst_ingest_server.py")
    process = subprocess.Popen(["/usr/bin/python3", str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    ports = process.stdout.readline().split()
    if not ports:
        pytest.skip("GStreamer's RTSP server (gst-rtsp-server with its introspection) is not here")
    yield process, *(f"rtsp://127.0.0.1:{int(port)}" for port in ports)
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait(10)


def check_recording(folder, watch):
    """All of the recording is whole, without a gap, and a clip of it plays."""
    segments = list_segments(folder)
    assert all(segment.ends_at_s is not None for segment in segments)
    for earlier, later in pairwise(segments):
        assert later.begins_at_s == pytest.approx(earlier.ends_at_s, abs=0.15)
    kept = 0
    for segment in segments:
        with open_segment(segment) as container:
            kept += sum(1 for packet in container.demux(video=0) if packet.size)
    first_key = next(n for n, packet in enumerate(watch.packets) if packet[3])
    assert kept == len(watch.packets) - first_key
    out = folder / "clip.mp4"
    facts = write_clip(folder, segments[0].begins_at_s + 1, segments[-1].ends_at_s, out)
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == facts.frames
    return facts


@pytest.mark.parametrize(
    ("path", "codec", "transport", "rate"),
    [("/main", "h264", "tcp", 12.5), ("/main", "h264", "udp", 12.5), ("/h265", "hevc", "tcp", 10.0)],
)
def test_gstreamers_streams_are_recorded_and_sampled(gstreamer, tmp_path, path, codec, transport, rate):
    with Watch(gstreamer[1] + path, tmp_path, transport=transport) as watch:
        wait_for(lambda: len(watch.packets) >= rate * 6, 30, "packets")
    assert watch.infos[0].codec == codec
    assert watch.codes() == [faults.STOPPED]
    facts = check_recording(tmp_path, watch)
    assert facts.codec == codec
    steps = [b.media_s - a.media_s for a, b in pairwise(watch.frames)]
    assert np.mean(steps) == pytest.approx(0.2, abs=0.01)
    assert max(steps) <= 0.3
    _, media_s, captured_at_s, _ = watch.packets[-1]
    assert captured_at_s == pytest.approx(time.time(), abs=3.0)
    assert media_s == pytest.approx(time.monotonic(), abs=3.0)
    lags_s = [arrival_s - media_s for arrival_s, media_s, _, _ in watch.packets[40:]]
    assert -0.001 <= min(lags_s) <= max(lags_s) < 1.0


def test_the_cameras_clock_is_compared(gstreamer, tmp_path):
    with Watch(gstreamer[1] + "/main", tmp_path) as watch:
        wait_for(lambda: watch.source.status.camera_clock_offset_s is not None, 20, "a sender report")
    assert watch.source.status.camera_clock_offset_s == pytest.approx(0.0, abs=1.0)


def test_a_wrong_password_is_named_and_written_nowhere(gstreamer, tmp_path, caplog, capfd):
    url = gstreamer[2] + "/main"
    with caplog.at_level(logging.DEBUG), Watch(url, tmp_path, username="guard", password="hunter2") as watch:
        wait_for(lambda: watch.faults, 20, "a fault")
    assert watch.codes() == [faults.SIGN_IN_REFUSED]
    with Watch(url, tmp_path) as watch:
        wait_for(lambda: watch.faults, 20, "a fault")
    assert watch.codes() == [faults.SIGN_IN_MISSING]
    with caplog.at_level(logging.DEBUG), Watch(url, tmp_path, username="guard", password="letmein") as watch:
        wait_for(lambda: watch.frames, 20, "a frame")
        status = repr(watch.source.status)
    out, err = capfd.readouterr()
    everything = "".join([caplog.text, out, err, status, repr(watch.faults), *map(str, tmp_path.iterdir())])
    assert "hunter2" not in everything
    assert "letmein" not in everything


def test_a_stream_that_is_not_there_is_named(gstreamer, tmp_path):
    with Watch(gstreamer[1] + "/nothing", tmp_path) as watch:
        wait_for(lambda: watch.faults, 20, "a fault")
    assert watch.codes()[0] == faults.NO_SUCH_STREAM


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_that_hangs_is_found_within_five_seconds_and_comes_back(gstreamer, tmp_path, transport):
    process, url, _ = gstreamer
    with Watch(url + "/main", tmp_path, transport=transport) as watch:
        wait_for(lambda: len(watch.packets) > 20, 20, "packets")
        process.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: watch.faults, 10, "the stall")
            silent_s = watch.faults[0][0] - watch.packets[-1][1]
        finally:
            process.send_signal(signal.SIGCONT)
        assert watch.codes()[0] == faults.STALLED
        assert 3.5 <= silent_s <= 5.0
        before = len(watch.packets)
        wait_for(lambda: len(watch.packets) > before + 20, 40, "packets again")
    media_s = [packet[1] for packet in watch.packets]
    assert all(later >= earlier for earlier, later in pairwise(media_s))


@pytest.fixture
def camera():
    """Our own RTSP server with one camera, 10 pictures a second, a key frame every second or so."""
    pictures = [np.full((96, 160, 3), 40 + 3 * (n % 50), np.uint8) for n in range(100)]
    clip = encode(PictureList(pictures, 10.0))
    cameras = [VirtualCamera("gate", clip), VirtualCamera("shut", clip, account=Account("guard", "letmein"))]
    with serve_cameras(cameras, SystemClock()) as server:
        yield server


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_our_own_cameras_are_recorded_over_both_transports(camera, tmp_path, transport):
    with Watch(camera.url("gate"), tmp_path, transport=transport) as watch:
        wait_for(lambda: len(watch.packets) >= 60, 30, "packets")
    check_recording(tmp_path, watch)
    steps = [b.media_s - a.media_s for a, b in pairwise(watch.frames)]
    assert steps == pytest.approx([0.2] * len(steps), abs=0.11)


def test_stamps_that_jump_neither_stop_the_stream_nor_bend_time(camera, tmp_path):
    with Watch(camera.url("gate"), tmp_path) as watch:
        wait_for(lambda: len(watch.packets) >= 30, 30, "packets")
        camera.fault("gate", "jump")
        wait_for(lambda: len(watch.packets) >= 60, 30, "packets")
        jumps = watch.source.status.time_jumps
    assert jumps >= 1
    assert watch.codes() == [faults.STOPPED]
    steps = [later[1] - earlier[1] for earlier, later in pairwise(watch.packets)]
    assert min(steps) >= 0
    assert max(steps) < 1.0
    check_recording(tmp_path, watch)


def test_a_new_resolution_is_asked_anew_at_once(camera, tmp_path):
    with Watch(camera.url("gate"), tmp_path) as watch:
        wait_for(lambda: len(watch.packets) >= 20, 30, "packets")
        camera.fault("gate", "resolution")
        wait_for(lambda: len(watch.infos) >= 2 and len(watch.frames) > 20, 30, "the new format")
    assert watch.codes()[0] == faults.RESOLUTION_CHANGED
    assert (watch.infos[0].width, watch.infos[0].height) != (watch.infos[-1].width, watch.infos[-1].height)
    assert watch.frames[-1].width == watch.infos[-1].width


def test_a_cut_connection_is_made_again(camera, tmp_path):
    with Watch(camera.url("gate"), tmp_path) as watch:
        wait_for(lambda: len(watch.packets) >= 20, 30, "packets")
        camera.fault("gate", "cut")
        wait_for(lambda: watch.faults, 30, "the cut")
        camera.fault("gate", "cut", on=False)
        wait_for(lambda: watch.source.status.connections >= 2, 30, "a new connection")
    assert watch.codes()[0] in (faults.CONNECTION_LOST, faults.END_OF_STREAM)


def test_our_own_camera_refuses_a_wrong_password(camera, tmp_path):
    with Watch(camera.url("shut"), tmp_path, username="guard", password="wrong") as watch:
        wait_for(lambda: watch.faults, 20, "a fault")
    assert watch.codes()[0] == faults.SIGN_IN_REFUSED
    with Watch(camera.url("shut"), tmp_path, username="guard", password="letmein") as watch:
        wait_for(lambda: watch.frames, 20, "a frame")


def test_a_killed_recorder_leaves_readable_segments_and_the_next_one_goes_on(camera, tmp_path):
    folder, root = tmp_path / "gate", Path(__file__).resolve().parents[2]

    def start():
        environment = {**os.environ, "PYTHONPATH": str(root)}
        return subprocess.Popen([sys.executable, "-c", RECORD, camera.url("gate"), str(folder)], env=environment)

    process = start()
    try:
        wait_for(lambda: len(list_segments(folder)) >= 3, 40, "segments")
        opened = list_segments(folder)[-1]
        wait_for(lambda: (opened.path.exists() and opened.path.stat().st_size > 2000) or not opened.path.exists())
    finally:
        process.kill()
        process.wait(10)
    killed_at_s = time.time()
    left = list_segments(folder)
    facts = write_clip(folder, left[0].begins_at_s, killed_at_s, tmp_path / "before.mp4")
    assert facts.ends_at_s >= killed_at_s - 2.5  # a fragment of a second, and the way to the disk
    assert len(facts.gaps) <= 1  # at the end, what the kill took
    wait_for(lambda: time.time() > killed_at_s + 3)  # longer than the group of pictures that a newcomer gets
    again = start()
    try:
        wait_for(lambda: sum(segment.begins_at_s > killed_at_s for segment in list_segments(folder)) >= 2, 40, "more")
    finally:
        again.kill()
        again.wait(10)
    assert all(segment.ends_at_s is not None for segment in list_segments(folder)[:-1])
    after = write_clip(folder, left[0].begins_at_s, time.time(), tmp_path / "after.mp4")
    assert any(gap.begins_at_s == pytest.approx(facts.ends_at_s, abs=0.2) for gap in after.gaps)
    with av.open(str(tmp_path / "after.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == after.frames > facts.frames
