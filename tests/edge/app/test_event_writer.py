"""A process may die between any two instructions: what it tells is told once, and the next one goes on."""

import contextlib
import hashlib
import os
import pickle
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters import checkpoint_file
from edge.adapters.checkpoint_file import CheckpointFile, checkpoint_folder
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.build import build_pipeline
from edge.app.event_writer import EventWriter
from edge.config.load import load_config
from edge.config.schema import RecordingSection
from edge.core.checkpoint import Checkpoint
from edge.core.detect.attention import Attention
from edge.core.detection import Detections
from edge.core.frame import Frame
from edge.core.rules.crowd import CrowdParams
from edge.core.rules.loitering import LoiteringParams
from edge.core.rules.repeated_presence import RepeatedPresenceParams
from edge.core.rules.table import RULES
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch, WatchedRule
from edge.core.zone import Zone
from edge.pipeline.camera_pipeline import CameraPipeline
from edge.pipeline.scheduler import Looked

SIZE = (320, 240)
EPOCH_S = 1_790_000_000.0
FPS = 5
LONGEST_S = 30.0


class HandClock:
    """Both clocks at a time of the test's choice: seconds since its beginning."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def wall_s(self) -> float:
        return EPOCH_S + self.now_s

    def monotonic_s(self) -> float:
        return 1000.0 + self.now_s


def crossing(frame: Frame) -> Looked:
    """Two people are seen: one who stays from 1 s to 14 s, one who comes to them from 4 s to 6.5 s."""
    at_s = frame.media_s - 1000.0
    boxes = []
    if 1 <= at_s <= 14:
        boxes.append((100, 80, 130, 160))
    if 4 <= at_s <= 6.5:
        x = 320 - 30 * (at_s - 4)
        boxes.append((x - 30, 90, x, 170))
    return Looked(frame, Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32)))


class Killed(BaseException):
    """The process ends here."""


class Node:
    """One process after the other on the same outbox and the same checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.outbox = SqliteOutbox(folder / "o.sqlite")
        self.folder = checkpoint_folder(folder, ["gate"], EPOCH_S, folder)
        self.start()

    def start(self, fingerprint: str = "1") -> None:
        zone = Zone("all", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), 2.0)
        rules = (LoiteringParams("all", 3.0), CrowdParams("all", 2, 1.0), RepeatedPresenceParams("all", 4.0, 60.0))
        watch = CameraWatch("box", "gate", [zone], [WatchedRule(rule) for rule in rules])
        self.pipeline = CameraPipeline(Attention((416, 416)), Tracker(), watch)
        self.checkpoints = CheckpointFile(self.folder, "gate", fingerprint)
        self.writer = EventWriter(
            "gate", self.pipeline, self.outbox, self.checkpoints, RecordingSection(), self.clock, "network"
        )
        self.life = self.writer.resume(LONGEST_S)

    def show(self, number: int) -> None:
        self.clock.now_s = number / FPS
        planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 120, np.uint8)
        frame = Frame("gate", number, self.clock.monotonic_s(), self.clock.wall_s(), planes)
        outcome = self.pipeline.follow(crossing(frame))
        self.writer.write(outcome.events, frame.media_s, frame.captured_at_s, busy=bool(outcome.scene.persons))

    def told(self) -> list[tuple[object, ...]]:
        messages = [row.message for row in self.outbox.waiting(0, 999)]
        return [(m.event_id, m.revision, m.state, m.rule, m.closed_because, m.dwell_s) for m in messages]


@pytest.fixture
def node(tmp_path):
    node = Node(tmp_path)
    yield node
    node.outbox.close()


@pytest.fixture(scope="module")
def whole():
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder))
        for number in range(100):
            node.show(number)
        told = node.told()
        node.outbox.close()
    assert {row[3] for row in told} == {"loitering", "crowd", "repeated_presence"}
    return told


@settings(max_examples=25, deadline=None)
@given(
    deaths=st.lists(st.tuples(st.integers(1, 95), st.sampled_from(["checkpoint", "outbox", "after"])), max_size=4),
)
def test_kills_wherever_they_come_change_nothing_of_what_is_told(whole, deaths):
    # Every frame writes a checkpoint here (IDLE_S and BUSY_S apart), so the next process has not missed one.
    by_frame = dict(deaths)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.app.event_writer.BUSY_S", 0.0)
        patch.setattr("edge.app.event_writer.IDLE_S", 0.0)
        node = Node(Path(folder))
        for number in range(100):
            place = by_frame.get(number)
            if place:
                die(node, place, number)
            else:
                node.show(number)
        told = node.told()
        node.outbox.close()
    assert told == whole


def die(node: Node, place: str, number: int) -> None:
    """Shows a frame in a process that dies: before it is kept, between checkpoint and outbox, or behind both."""
    save, put = node.checkpoints.save, node.outbox.put_step

    def killed(*_: object) -> None:
        raise Killed

    if place == "checkpoint":
        node.checkpoints.save = killed
    elif place == "outbox":
        node.outbox.put_step = killed
    with contextlib.suppress(Killed):
        node.show(number)
    node.checkpoints.save, node.outbox.put_step = save, put
    node.start()
    if place == "checkpoint":
        node.show(number)  # the frame was lost with the process; the camera shows the same people again


def no_room(*_: object, **__: object) -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


@settings(max_examples=25, deadline=None)
@given(
    begin=st.integers(1, 80),
    length=st.integers(1, 40),
    deaths=st.lists(st.integers(1, 95), max_size=2),
)
def test_a_disk_that_is_full_for_a_while_delays_what_is_told_and_changes_nothing_of_it(whole, begin, length, deaths):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.app.event_writer.BUSY_S", 0.0)
        patch.setattr("edge.app.event_writer.IDLE_S", 0.0)
        node = Node(Path(folder))
        for number in range(100):
            full = begin <= number < min(begin + length, 90)
            node.outbox.put_step = node.outbox.put_event = no_room if full else None
            if not full:
                del node.outbox.put_step, node.outbox.put_event
            if number in deaths:
                node.start()
            node.show(number)
        told = node.told()
        node.outbox.close()
    assert told == whole


def play(node: Node, begin: int, end: int) -> None:
    for number in range(begin, end):
        node.show(number)


def states(node: Node, rule: str = "loitering") -> list[tuple[object, object]]:
    return [(row[2], row[4]) for row in node.told() if row[3] == rule]


def test_a_stay_goes_on_after_seconds_without_a_process(node):
    play(node, 0, 40)
    life = node.life
    node.clock.now_s += 4
    node.start()
    assert node.life == life
    play(node, 60, 150)
    assert [state for state, _ in states(node)] == ["open", "updated", "closed"]
    assert states(node)[-1][1] == "lost"
    assert [row[1] for row in node.told() if row[3] == "loitering"] == [1, 2, 3]


def test_a_process_that_comes_too_late_closes_what_was_open_and_begins_anew(node):
    play(node, 0, 40)
    node.clock.now_s += LONGEST_S + 1
    life = node.life
    node.start()
    assert node.life != life
    assert states(node) == [("open", None), ("closed", "restart")]


def undamaged(body):
    """As a file that is not damaged holds it."""
    return b"1\n" + hashlib.sha256(body).digest() + body


@pytest.mark.parametrize(
    "content",
    [b"", b"1\n", b"1\n\x80\x05garbage", b"2\n"]
    + [
        undamaged(body)
        for body in (b"", b"\x80\x05garbage", b"\x80\x05\x95" + b"\xff" * 9, b"\x80\x05\x8e" + b"\x7f" * 9)
    ],
)
def test_a_damaged_checkpoint_is_no_checkpoint(node, content):
    play(node, 0, 40)
    (node.folder / "gate").write_bytes(content)
    node.start()
    assert states(node)[-1] == ("closed", "restart")


def test_no_damaged_byte_reaches_pickle_which_one_can_make_fill_all_memory(node, monkeypatch):
    play(node, 0, 40)
    file = node.folder / "gate"
    sound = file.read_bytes()
    monkeypatch.setattr(checkpoint_file._Reader, "load", lambda _: pytest.fail("a damaged pickle was read"))
    for at in range(0, len(sound), 97):
        file.write_bytes(sound[:at] + bytes([sound[at] ^ 0x40]) + sound[at + 1 :])
        assert CheckpointFile(node.folder, "gate", "1").load(node.clock, LONGEST_S) is None


def test_a_checkpoint_of_another_configuration_is_not_used(node):
    play(node, 0, 40)
    node.start("2")
    assert states(node)[-1] == ("closed", "restart")


def test_a_checkpoint_that_is_behind_the_outbox_is_not_used(node, caplog):
    play(node, 0, 10)
    old = (node.folder / "gate").read_bytes()
    play(node, 10, 40)
    (node.folder / "gate").write_bytes(old)  # as where the memory was full from then on
    node.start()
    assert states(node) == [("open", None), ("closed", "restart")]


def test_a_process_that_dies_before_its_first_frame_takes_nothing_along(node):
    play(node, 0, 40)
    for _ in range(3):
        node.start()
    play(node, 40, 45)
    assert "restart" not in {row[4] for row in node.told()}


def test_what_a_camera_sends_again_to_a_newcomer_is_not_looked_at_twice(node):
    play(node, 0, 40)
    node.clock.now_s += 2
    node.start()
    kept_s = 1000.0 + 39 / FPS - 1.0  # a checkpoint is up to a second old
    known = [node.writer.goes_on_with(kept_s + later_s) for later_s in (-3.0, -0.1, 1.0, 1.2)]
    assert known == [False, False, True, True]


def test_what_is_of_no_use_any_more_is_taken_out_of_the_memory(tmp_path):
    other = checkpoint_folder(tmp_path / "other", ["gate"], EPOCH_S, tmp_path)
    for name, age_s in (("gate", 10), ("fence", 1000)):
        (other / name).write_bytes(b"")
        os.utime(other / name, (EPOCH_S - age_s, EPOCH_S - age_s))
    checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path)
    assert [path.name for path in other.iterdir()] == ["gate"]


def test_a_clock_that_was_set_ahead_takes_no_checkpoint_of_the_nodes_own(tmp_path):
    mine = checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path)
    (mine / "gate").write_bytes(b"")
    os.utime(mine / "gate", (EPOCH_S, EPOCH_S))
    checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S + 10_800, tmp_path)
    assert [path.name for path in mine.iterdir()] == ["gate"]


def test_a_camera_that_does_not_come_back_is_closed_at_the_last_moment_it_was_seen(node):
    play(node, 0, 40)
    node.clock.now_s += 2
    node.start()
    node.writer.close("camera_lost")
    last = [row.message for row in node.outbox.waiting(0, 999) if row.message.rule == "loitering"][-1]
    assert (last.closed_because, last.closed_at_s) == ("camera_lost", pytest.approx(EPOCH_S + 39 / FPS, abs=1.001))


def test_a_node_that_stops_in_order_leaves_nobody_behind(node):
    play(node, 0, 40)
    node.writer.end()
    assert not node.folder.exists()
    assert states(node)[-1] == ("closed", "restart")


def test_every_rule_with_its_armed_hours_goes_through_a_checkpoint(tmp_path):
    school = load_config(Path(__file__).parents[3] / "configs" / "school.yaml", with_secrets=False)
    camera = max(school.cameras, key=lambda one: len(one.rules))
    assert {rule.kind for rule in camera.rules} == {row.kind for row in RULES}
    assert all(rule.armed for rule in camera.rules)
    pipeline = build_pipeline("box", "Asia/Ho_Chi_Minh", camera, (416, 416))
    for number in range(60):
        planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 120, np.uint8)
        frame = Frame("gate", number, 1000.0 + number / FPS, EPOCH_S + number / FPS, planes)
        pipeline.follow(crossing(frame))
    file = CheckpointFile(tmp_path, "gate", "1")
    file.save(Checkpoint(1, 1, (), 1000.0, EPOCH_S, *pipeline.state))
    kept = file.load(HandClock(), LONGEST_S)
    assert kept is not None
    assert type(kept.watch) is CameraWatch


def test_nothing_but_the_core_is_ever_made_from_a_checkpoint(node, tmp_path, caplog):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    (node.folder / "gate").write_bytes(undamaged(pickle.dumps(Attack())))
    node.start()
    assert not (tmp_path / "owned").exists()
    assert "has no place in a checkpoint" in caplog.text


def test_the_folder_is_private_and_holds_configured_cameras_only(tmp_path):
    folder = checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("gate", "gate.part", "old"):
        (folder / name).write_bytes(b"")
    assert checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path) == folder
    assert {path.name for path in folder.iterdir()} == {"gate", "gate.part"}
    assert checkpoint_folder(tmp_path / "other", ["gate"], EPOCH_S, tmp_path) != folder


def test_what_others_put_beside_it_is_neither_followed_nor_in_the_way(tmp_path):
    old = EPOCH_S - 1000
    diary = tmp_path / "home" / "diary.txt"
    diary.parent.mkdir()
    diary.write_text("")
    foreign = tmp_path / f"gatehouse-{os.geteuid()}-foreign" / "old"
    foreign.mkdir(parents=True)
    (tmp_path / f"gatehouse-{os.geteuid()}-link").symlink_to(diary.parent)
    for path in (diary, foreign):
        os.utime(path, (old, old))
    assert checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path) is not None
    assert diary.exists()
    assert foreign.exists()


def test_without_private_memory_nothing_is_kept_and_the_node_runs_all_the_same(tmp_path, caplog):
    folder = checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path)
    folder.chmod(0o755)
    assert checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path) is None
    assert checkpoint_folder(tmp_path / "state", ["gate"], EPOCH_S, tmp_path / "nowhere") is None
    assert caplog.text.count("begins every stay anew") == 2
    nothing = CheckpointFile(None, "gate", "1")
    nothing.save(None)
    nothing.forget()
    assert nothing.load(HandClock(), 30.0) is None


def test_where_the_outbox_was_lost_the_checkpoint_goes_on_and_tells_its_last_events_again(node, whole, monkeypatch):
    monkeypatch.setattr("edge.app.event_writer.BUSY_S", 0.0)
    monkeypatch.setattr("edge.app.event_writer.IDLE_S", 0.0)
    for number in range(50):
        node.show(number)
    before, last = node.told(), node.checkpoints.load(node.clock, LONGEST_S)
    node.outbox.close()
    for path in node.folder.parent.glob("o.sqlite*"):
        path.unlink()
    node.outbox = SqliteOutbox(node.folder.parent / "o.sqlite")
    node.start()
    assert [event.event_id for event in last.events] == [row[0] for row in node.told()]
    for number in range(50, 100):
        node.show(number)
    after = node.told()
    assert set(after) <= set(whole)
    assert set(before) | set(after) == set(whole)
