"""A covered lens from the camera to the outbox: state, alarm, pictures then and now, clip; a restart; its end."""

import threading
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from broker.contract.messages import EventMessage, EvidenceMessage
from edge.adapters.reference_file import ReferenceFile
from edge.adapters.small_picture import small_picture
from edge.adapters.snapshot import snapshot
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.adapters.track_log import TrackLog
from edge.app.alarm_desk import AlarmDesk
from edge.app.camera_line import CameraLine
from edge.app.cli import app
from edge.app.clip_desk import ClipDesk
from edge.app.lens_watch import KEEP_S, LensWatch
from edge.config.schema import CameraSection, RecordingSection
from edge.core.frame import Frame
from edge.core.integrity.camera import CameraIntegrity
from edge.pipeline.mailbox import Mailbox
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from edge.virtual_camera.scene import DrawnScene, SceneSpec

FPS = 5.0


@pytest.fixture(scope="module")
def film():
    scene = DrawnScene(SceneSpec(3, "day", "random_mix", 320, 180, fps=FPS, duration_s=6.0))
    return [scene.picture(number) for number in range(30)]


@pytest.fixture(scope="module")
def camera(film):
    with serve_cameras([VirtualCamera("gate", encode(PictureList(film, FPS)))], SystemClock()) as server:
        yield server


def frame_of(picture, at_s) -> Frame:
    return Frame("gate", 0, at_s, at_s, np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8))


def learn(file: ReferenceFile, film) -> None:
    """What an installer's first minute leaves behind."""
    integrity = CameraIntegrity()
    for second in range(15):
        integrity.update(small_picture(frame_of(film[second], float(second))))
    file.save("day", integrity.reference.day, snapshot(frame_of(film[0], 0.0)))


class Worker:
    """A camera's line, its alarms and evidence, as a worker holds them."""

    def __init__(self, camera, folder, **more) -> None:
        recording = RecordingSection(segment_s=1, pre_s=2, post_s=1)
        section = CameraSection(name="gate", url=camera.url("gate"), recording=recording, **more)
        self.outbox = SqliteOutbox(folder / "outbox.sqlite")
        self.file = ReferenceFile(folder / "references", "gate")
        lens, clock = LensWatch("gate", self.file), SystemClock()
        self.mailbox = Mailbox()
        self.line = CameraLine(section, folder / "recordings", self.mailbox, clock, lambda: (), lens)
        tracks = {"gate": TrackLog(folder / "tracks", 60.0, lambda: None)}
        clips = ClipDesk(folder / "evidence", self.outbox, {"gate": self.line}, tracks, clock)
        self.alarms = AlarmDesk("box", {"gate": self.line}, self.outbox, clips, clock)
        self.stop = threading.Event()
        looks = threading.Thread(target=self._look)
        makes = threading.Thread(target=clips.run, args=(self.stop,))
        self.threads = [*self.line.threads(self.stop), looks, makes]

    def _look(self) -> None:
        while not self.stop.is_set():
            frame = self.mailbox.take(0.1)
            if frame is not None:
                self.line.followed(frame)

    def told(self, kind) -> list:
        self.line.health()
        self.alarms.tell()
        return [row.message for row in self.outbox.waiting(0, 100) if isinstance(row.message, kind)]


@contextmanager
def working(camera, folder, **more):
    worker = Worker(camera, folder, **more)
    for thread in worker.threads:
        thread.start()
    try:
        yield worker
    finally:
        worker.stop.set()
        for thread in worker.threads:
            thread.join(10)
        worker.line.recorder.close()
        worker.outbox.close()


def wait_for(condition):
    pause = threading.Event()
    for _ in range(1200):
        found = condition()
        if found:
            return found
        pause.wait(0.05)
    raise AssertionError("waited a minute in vain")


def told_of(health, state, code):
    return health if (health.state, health.reason_code) == (state, code) else None


@pytest.mark.system
@pytest.mark.timeout(200)
def test_a_covered_lens_rings_once_with_pictures_then_and_now_until_it_sees_again(camera, film, tmp_path):
    learn(ReferenceFile(tmp_path / "references", "gate"), film)
    with working(camera, tmp_path) as worker:
        wait_for(lambda: worker.line.health().state == "sees")
        camera.fault("gate", "covered")
        (event,) = wait_for(lambda: worker.told(EventMessage))
        health = wait_for(lambda: told_of(worker.line.health(), "blind", "camera_covered"))  # a busy machine says more
        assert (event.state, event.rule, event.severity, event.people) == ("open", "camera_covered", "high", 0)
        assert 10 <= event.dwell_s <= 30
        assert health.since_at_s == pytest.approx(event.opened_at_s - event.dwell_s, abs=1.5)

        def whole():
            made = worker.told(EvidenceMessage)
            return made and {file.role: file for file in made[-1].files if len(made[-1].files) >= 3}

        files = wait_for(whole)
        assert {"snapshot", "snapshot_before", "clip"} <= set(files)
        folder = tmp_path / "evidence" / event.event_id
        now, then = (cv2.imread(str(folder / name)) for name in ("snapshot.jpg", "snapshot-before.jpg"))
        assert now.std() < 20 < then.std()
        assert files["clip"].begins_at_s < event.opened_at_s - event.dwell_s  # it shows who did it
    with working(camera, tmp_path) as worker:  # the box restarts while it is covered
        wait_for(lambda: worker.line.health().reason_code == "camera_covered")
        assert len(worker.told(EventMessage)) == 1
        camera.fault("gate", "covered", on=False)
        opened, closed = wait_for(lambda: len(worker.told(EventMessage)) == 2 and worker.told(EventMessage))
        assert (closed.event_id, closed.revision, closed.state) == (opened.event_id, 2, "closed")
        assert closed.closed_because == "sees_again"
        wait_for(lambda: told_of(worker.line.health(), "sees", ""))


@pytest.mark.system
@pytest.mark.timeout(200)
def test_a_camera_that_goes_away_rings_once_with_its_last_picture_until_it_is_back(camera, film, tmp_path):
    learn(ReferenceFile(tmp_path / "references", "gate"), film)
    with working(camera, tmp_path, signal_lost_s=8) as worker:
        wait_for(lambda: worker.line.health().state == "sees")
        camera.fault("gate", "cut")  # a reconnect
        wait_for(lambda: worker.line.health().reconnects and told_of(worker.line.health(), "sees", ""))
        assert worker.told(EventMessage) == []
        camera.fault("gate", "refuse")
        last = worker.line.latest
        (event,) = wait_for(lambda: worker.told(EventMessage))
        assert (event.state, event.rule, event.severity) == ("open", "camera_signal_lost", "high")
        assert 7 <= event.dwell_s <= 20
        assert event.opened_at_s - event.dwell_s >= last.captured_at_s - 0.1

        def whole():
            made = worker.told(EvidenceMessage)
            return made and {file.role: file for file in made[-1].files if len(made[-1].files) >= 3}

        files = wait_for(whole)
        assert {"snapshot", "snapshot_before", "clip"} <= set(files)
        assert files["snapshot"].begins_at_s == pytest.approx(event.opened_at_s - event.dwell_s, abs=0.5)
        assert files["clip"].begins_at_s < files["snapshot"].begins_at_s
    with working(camera, tmp_path, signal_lost_s=8) as worker:  # the box restarts while it is away
        wait_for(lambda: worker.line.troubles()[0].fault if worker.told(EventMessage) else None)
        assert len(worker.told(EventMessage)) == 1
        camera.fault("gate", "refuse", on=False)
        opened, closed = wait_for(lambda: len(worker.told(EventMessage)) == 2 and worker.told(EventMessage))
        assert (closed.event_id, closed.revision, closed.state) == (opened.event_id, 2, "closed")
        wait_for(lambda: told_of(worker.line.health(), "sees", ""))


@pytest.mark.system
@pytest.mark.timeout(120)
def test_a_camera_that_never_sent_a_picture_rings_and_says_why_there_is_none(camera, tmp_path):
    camera.fault("gate", "refuse")
    try:
        with working(camera, tmp_path, signal_lost_s=5) as worker:
            (event,) = wait_for(lambda: worker.told(EventMessage))
            assert event.rule == "camera_signal_lost"
            (evidence,) = wait_for(lambda: worker.told(EvidenceMessage))
            assert evidence.files == ()
            assert evidence.missing_code
            wait_for(lambda: not worker.outbox.owed_snapshots(["gate"]))
    finally:
        camera.fault("gate", "refuse", on=False)


def test_a_view_is_kept_whole_and_taken_anew_when_ordered(film, tmp_path):
    file = ReferenceFile(tmp_path, "gate")
    assert file.load().views == ()
    assert file.picture("day") is None
    learn(file, film)
    kept = file.load().day
    assert kept.present(file.load().day.outlines) == pytest.approx(1.0)
    assert kept.height == 180
    assert file.picture("night") == file.picture("day")
    assert not file.forget_if_ordered()
    ReferenceFile(tmp_path, "gate").order_anew()
    assert file.forget_if_ordered()
    assert not file.forget_if_ordered()
    assert file.load().views == ()


def test_the_view_that_follows_its_place_survives_a_restart_and_the_picture_for_people_stays(film, tmp_path):
    file = ReferenceFile(tmp_path, "gate")
    learn(file, film)
    first, picture = file.load().day, file.picture("day")[0]
    lens = LensWatch("gate", file)
    for second in range(60):
        lens.see(frame_of(film[second % 30], float(second)))
    assert (file.load().day.outlines == first.outlines).all()  # not each second, for the card's sake
    lens.see(frame_of(film[0], 60 + KEEP_S))
    assert (file.load().day.outlines != first.outlines).any()
    assert file.load().day.structure == first.structure
    assert file.picture("day")[0] == picture


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_view_is_learnt_anew(film, tmp_path, content):
    file = ReferenceFile(tmp_path, "gate")
    learn(file, film)
    (tmp_path / "gate-day.npz").write_bytes(content)
    assert file.load().views == ()


def test_flipped_bits_in_a_view_never_stop_a_worker(film, tmp_path):
    """Some of them raised what nobody had thought of, at each start of the worker, for ever."""
    file = ReferenceFile(tmp_path, "gate")
    learn(file, film)
    path, random = tmp_path / "gate-day.npz", np.random.default_rng(7)
    sound = path.read_bytes()
    for _ in range(400):
        damaged = bytearray(sound)
        for place in random.integers(0, len(sound), 3):
            damaged[place] ^= 1 << int(random.integers(0, 8))
        path.write_bytes(damaged)
        for view in file.load().views:
            assert np.isfinite(view.structure)
            assert view.structure > 0


def test_an_installer_who_has_turned_a_camera_has_its_view_taken_anew(film, tmp_path):
    file = ReferenceFile(tmp_path, "gate")
    learn(file, film)
    lens = LensWatch("gate", file)
    turned = [np.ascontiguousarray(picture[::-1, ::-1]) for picture in film]
    for second in range(120):
        lens.see(frame_of(turned[second % 30], float(second)))
    assert lens.report.fault.code == "camera_moved"
    file.order_anew()
    lens.take_anew_if_ordered()
    for second in range(120, 140):
        lens.see(frame_of(turned[second % 30], float(second)))
    assert lens.report.fault is None
    assert LensWatch("gate", file).report.fault is None
    assert file.load().day is not None


def test_the_command_orders_a_new_view_and_names_a_camera_that_is_not_there(tmp_path):
    for name in ("password", "token"):
        (tmp_path / name).write_text("secret\n")
    config = tmp_path / "school.yaml"
    config.write_text(
        f"node: {{name: box, state_dir: {tmp_path / 'state'}}}\n"
        f"broker: {{host: 127.0.0.1, tls: false, password_file: {tmp_path / 'password'}}}\n"
        f"console: {{url: 'http://127.0.0.1:1', token_file: {tmp_path / 'token'}}}\n"
        "cameras: [{name: gate, url: 'rtsp://192.0.2.1/a'}]\n"
    )
    run = CliRunner().invoke(app, ["take-view", "--config", str(config), "--camera", "gate"])
    assert run.exit_code == 0, run.output
    assert ReferenceFile(tmp_path / "state" / "references", "gate").forget_if_ordered()
    run = CliRunner().invoke(app, ["take-view", "--config", str(config), "--camera", "gaet"])
    assert run.exit_code == 2
    assert "has no such camera; one of gate" in run.output
