"""One camera of a worker: its main stream is recorded while its sub-stream is analysed."""

import threading
import time
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest

from edge.adapters.reference_file import ReferenceFile
from edge.adapters.segments import list_segments, open_segment
from edge.adapters.system_clock import SystemClock
from edge.app.camera_line import CameraLine
from edge.app.lens_watch import LensReport, LensWatch, PlaceReport
from edge.config.schema import CameraSection
from edge.pipeline.mailbox import Mailbox
from edge.virtual_camera.digest import Account
from edge.virtual_camera.files import open_file
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


def test_a_zone_tells_since_when_it_sees_again(tmp_path):
    zones = [{"name": "door", "polygon": [[0, 0], [1, 0], [1, 1]]}]
    section = CameraSection(name="gate", url="rtsp://127.0.0.1/a", zones=zones)
    lens = LensWatch("gate", ReferenceFile(tmp_path / "references", "gate"))
    line = CameraLine(section, tmp_path / "recordings", Mailbox(), SystemClock(), lambda: (), lens)
    (door,) = line.health().zones
    assert (door.state, door.since_at_s) == ("sees", None)
    lens.report = LensReport(places={"door": PlaceReport("zone_hidden", 1000.0)})
    (door,) = line.health().zones
    assert (door.state, door.since_at_s, door.blind_until_at_s) == ("blind", 1000.0, None)
    lens.report, before_s = LensReport(), time.time()
    since_s = {line.health().zones[0].since_at_s for _ in range(2)}
    assert len(since_s) == 1
    assert before_s <= (seen_s := since_s.pop()) <= time.time()
    lens.report = LensReport(places={"door": PlaceReport("zone_hidden", 2000.0)})
    (door,) = line.health().zones
    assert (door.since_at_s, door.blind_until_at_s) == (2000.0, seen_s)


def film(width: int, height: int):
    return encode(PictureList([np.full((height, width, 3), shade, np.uint8) for shade in range(20, 220, 5)], 10.0))


@pytest.fixture(scope="module")
def camera():
    with serve_cameras(
        [VirtualCamera("gate", film(320, 192), film(128, 96), Account("guard", "hunter2"))], SystemClock()
    ) as server:
        yield server


@contextmanager
def running(camera, tmp_path, password="hunter2", looked_at=True, **more):
    (tmp_path / "password").write_text(password + "\n")
    sign_in = {"username": "guard", "password_file": tmp_path / "password"}
    section = CameraSection(**{"name": "gate", "url": camera.url("gate"), **sign_in, **more})
    mailbox = Mailbox()
    lens = LensWatch("gate", ReferenceFile(tmp_path / "references", "gate"))
    line = CameraLine(section, tmp_path / "recordings", mailbox, SystemClock(), lambda: (), lens)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            frame = mailbox.take(0.1)
            if frame is not None:
                line.followed(frame)

    threads = line.threads(stop) + ([threading.Thread(target=look)] if looked_at else [])
    for thread in threads:
        thread.start()
    try:
        yield line
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        line.recorder.close()


def wait_for(condition) -> None:
    pause = threading.Event()
    for _ in range(600):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("waited 30 s in vain")


def recorded_width(tmp_path) -> int:
    with open_segment(list_segments(tmp_path / "recordings")[0]) as container:
        return container.streams.video[0].codec_context.width


def test_the_main_stream_is_recorded_and_the_sub_stream_analysed(camera, tmp_path):
    with running(camera, tmp_path, sub_url=camera.url("gate/sub")) as line:
        wait_for(lambda: line.health().state == "sees" and line.recorder.status.stored_bytes > 0)
        health = line.health()
        assert (health.width, health.height, health.recording, health.codec) == (128, 96, True, "h264")
    assert recorded_width(tmp_path) == 320


def test_without_a_sub_stream_the_main_one_serves_both(camera, tmp_path):
    with running(camera, tmp_path) as line:
        wait_for(lambda: line.health().state == "sees" and line.recorder.status.stored_bytes > 0)
        assert line.health().width == 320
    assert recorded_width(tmp_path) == 320


def test_a_main_stream_that_is_not_there_impairs_and_does_not_blind(camera, tmp_path):
    with running(camera, tmp_path, url=camera.url("nothing"), sub_url=camera.url("gate/sub")) as line:
        wait_for(lambda: line.health().state == "impaired")
        health = line.health()
    assert (health.reason_code, health.recording, health.width) == ("no_such_stream", False, 128)


def test_when_a_camera_last_saw_nothing_is_told_also_once_it_is_impaired(camera, tmp_path):
    begun_s = time.time()
    with running(camera, tmp_path) as line:
        assert line.health().blind_until_at_s is None
        wait_for(lambda: line.health().state == "sees")
        seen_s = line.health().blind_until_at_s
        assert begun_s < seen_s <= time.time()
        line.lens.report = LensReport(places={"door": PlaceReport("zone_hidden", 1000.0)})
        health = line.health()
        line.lens.report = LensReport()
        again = line.health()
    assert (health.state, health.since_at_s, health.blind_until_at_s) == ("impaired", 1000.0, seen_s)
    assert health.impaired_until_at_s is None
    assert again.state == "sees"
    assert again.impaired_until_at_s == again.since_at_s >= seen_s == again.blind_until_at_s


def test_a_wrong_password_is_told_in_the_health_report_without_it(camera, tmp_path):
    with running(camera, tmp_path, password="s3same") as line:
        wait_for(lambda: line.health().reason_code == "wrong_password")
        health = line.health()
    assert health.state == "blind"
    assert "s3same" not in health.model_dump_json()


@pytest.fixture
def moving_camera(make_video):
    """A camera whose pictures are sent in another order than they are shown in, as many are by default."""
    with serve_cameras([VirtualCamera("gate", open_file(make_video(b_frames=2, seconds=20)))], SystemClock()) as server:
        yield server


def test_a_stall_is_told_within_five_seconds_by_its_name_until_there_are_pictures_again(moving_camera, tmp_path):
    unsigned = {"username": None, "password_file": None}
    with running(moving_camera, tmp_path, **unsigned) as line:
        wait_for(lambda: line.health().state == "sees")
        moving_camera.fault("gate", "stall")
        wait_for(lambda: line.health().state != "sees")
        assert line.silent_s <= 5.0
        assert line.health().reason_code == "stalled"
        assert not line.health().recording
        told = set()
        wait_for(lambda: told.add(line.health().reason_code) or line.silent_s > 18)  # through a whole try to reconnect
        assert told == {"stalled"}
        moving_camera.fault("gate", "stall", on=False)
        wait_for(lambda: line.health().state == "sees")


def test_pictures_sent_in_another_order_are_dated_evenly_from_the_first_on(moving_camera, tmp_path):
    with running(moving_camera, tmp_path, username=None, password_file=None) as line:
        wait_for(lambda: line._main.status.packets > 20)
        assert line._main.status.time_jumps == 0
    with open_segment(list_segments(tmp_path / "recordings")[0]) as container:
        stream = container.streams.video[0]
        shown_s = sorted(float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.size)
    steps_s = [later - earlier for earlier, later in pairwise(shown_s)][:-4]  # the last ones wait for those between
    assert steps_s == pytest.approx([0.1] * len(steps_s), abs=0.02)


def test_a_box_that_cannot_keep_up_says_so_with_figures(camera, tmp_path):
    with running(camera, tmp_path, looked_at=False) as line:
        wait_for(lambda: line.health().reason_code == "overloaded")
        health = line.health()
    assert health.state == "blind"
    assert "it looks at 0 of" in health.reason


def test_an_idle_camera_still_sees_and_records_all_and_says_that_it_rests(make_video, tmp_path):
    video = make_video(gop=20, seconds=20, still_s=((0.0, 20.0),))
    unsigned = {"username": None, "password_file": None, "stall_s": 1}  # less than from one key frame to the next
    with (
        serve_cameras([VirtualCamera("gate", open_file(video))], SystemClock()) as server,
        running(server, tmp_path, url=server.url("gate"), **unsigned) as line,
    ):
        wait_for(lambda: line.health().state == "sees")
        line.rest(True)  # the vision thread says so after each frame
        wait_for(lambda: line.rest(True) or line.health().idle)
        before = line._main.status
        told = []
        wait_for(lambda: told.append(line.health()) or line._main.status.packets > before.packets + 80)
        after = line._main.status
        line.rest(False)
        wait_for(lambda: not line.health().idle)
    states = {(health.state, health.reason_code, health.recording) for health in told}
    assert states - {("impaired", "overloaded", True)} == {("sees", "", True)}  # a busy machine may be behind in truth
    assert 3 <= after.frames_decoded - before.frames_decoded <= 6  # of more than 80


def test_a_damaged_stream_is_told_as_such_and_not_as_a_covered_lens(tmp_path):
    """What libav makes of damaged packets is grey: it was told as a cloth over the lens."""
    chance = np.random.default_rng(1)
    walls = np.kron(chance.integers(20, 220, (12, 16)), np.ones((8, 8), int))[..., None].repeat(3, axis=2)
    pictures = [(walls + chance.integers(-3, 4, walls.shape)).astype(np.uint8) for _ in range(40)]
    gate = VirtualCamera("gate", encode(PictureList(pictures, 10.0)))
    unsigned = {"username": None, "password_file": None}
    with serve_cameras([gate], SystemClock()) as server, running(server, tmp_path, **unsigned) as line:
        wait_for(lambda: line.health().state == "sees")
        server.fault("gate", "damage", amount=0.9)
        wait_for(lambda: line.health().reason.startswith("many pictures arrive damaged"))
        assert line.lens.damaged
        server.fault("gate", "damage", on=False)
        wait_for(lambda: line.health().state == "sees")
        assert line.lens.report.fault is None
