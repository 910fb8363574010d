"""`gatehouse edge bench`: what it counts, and one real run."""

import json
import os
import subprocess
import sys
import threading

import pytest

from edge.adapters.processor_use import memory_of, name_thread, thread_seconds
from edge.app.bench_figures import Sighting, figures
from edge.app.bench_site import BenchPlan
from edge.app.work_done import FrameDone

MB = 1_000_000


def sighting(at_s: float, **changes) -> Sighting:
    none = {"stage_s": {}, "inferences": 0, "fill_sum": 0.0, "dropped": {}, "rss_bytes": [], "pss_bytes": []}
    return Sighting(at_s, **{**none, "restarts": 0, **changes})


def test_what_lies_between_two_sightings_is_counted():
    begin = sighting(100.0, stage_s={"read": 1.0}, inferences=10, fill_sum=9.0, dropped={"a": 5}, rss_bytes=[1])
    end = sighting(110.0, stage_s={"read": 2.0, "vision": 4.0}, inferences=60, fill_sum=34.0, dropped={"a": 5, "b": 1},
                   rss_bytes=[150 * MB, 50 * MB])  # fmt: skip
    frames = [FrameDone("a", 99.0 + n * 0.2, 99.1 + n * 0.2, int(n == 10)) for n in range(60)]
    frames += [FrameDone("b", 100.05 + n, 100.25 + n, 0) for n in range(9)]
    found = figures(begin, end, frames, {"b": [0.3, 0.3, 0.3]}, {"a": "one.mp4", "b": "two.mp4"},
                    [(100.0, 199 * MB), (101.0, 200 * MB), (102.0, 201 * MB)])  # fmt: skip
    assert (found.cameras, found.workers, found.seconds) == (2, 2, 10.0)
    assert [camera.analysed_fps for camera in found.per_camera] == [5.0, 0.9]
    assert found.analysed_fps == 0.9
    assert [camera.drop_ratio for camera in found.per_camera] == [0.0, 0.1]
    assert found.drop_ratio == pytest.approx(1 / 60, abs=1e-4)
    assert [camera.capture_to_event_ms_p95 for camera in found.per_camera] == [100.0, 500.0]
    assert found.capture_to_event_ms_p50 == 100.0
    assert (found.event_rows, found.event_row_ms_p95) == (1, 100.0)
    assert found.cpu_cores == 0.5
    assert found.cpu_cores_by_stage == {"read": 0.1, "vision": 0.4}
    assert (found.inferences_per_s, found.canvas_fill, found.rss_mb) == (5.0, 0.5, 200.0)
    assert found.rss_mb_per_hour == 3600.0
    assert not found.fits  # more than 1 % dropped


def test_no_two_cameras_show_the_same_at_the_same_time():
    played = BenchPlan(("a.mp4", "b.mp4@116"), 6, 5.0, 10.0, "default", 0).played()
    assert list(played) == [f"camera-{number}" for number in range(1, 7)]
    assert [source.partition("@")[0] for source in played.values()] == ["a.mp4", "b.mp4"] * 3
    assert played["camera-2"] == "b.mp4@116.31"
    assert len(set(played.values())) == 6


def test_threads_are_told_apart_by_name():
    gate, named = threading.Event(), threading.Event()

    def work():
        name_thread("vision")
        sum(range(3_000_000))
        named.set()
        gate.wait()

    thread = threading.Thread(target=work)
    thread.start()
    named.wait()
    used = thread_seconds(os.getpid())
    gate.set()
    thread.join()
    assert used["vision"] > 0.01
    memory = memory_of(os.getpid())
    assert 0 < memory.pss_bytes <= memory.rss_bytes


@pytest.mark.system
def test_a_real_node_on_two_cameras(make_video):
    video = make_video(fps=10, seconds=4, gop=10)
    command = [sys.executable, "-m", "gatehouse", "edge", "bench", "--video", video, "--cameras", "2", "--fps", "5"]
    options = ["--seconds", "3", "--workers", "2", "--json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["cameras"], found["workers"], len(found["per_camera"])) == (2, 2, 2)
    assert found["analysed_fps"] > 3
    assert found["inferences_per_s"] > 6
    assert 0 < found["capture_to_event_ms_p95"] < 5000
    assert found["cpu_cores_by_stage"].keys() >= {"read", "vision", "clips", "supervisor"}
    assert 50 < found["pss_mb"] <= found["rss_mb"]
    assert "s left" in done.stderr
