"""Whichever thread of a worker dies of a bug: the worker ends with it, and is started anew by its supervisor."""

import multiprocessing
import os
import subprocess
import sys
import threading
import uuid
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from broker.contract.messages import EventMessage
from edge.adapters.onnx_session import NetworkFailedError
from edge.adapters.segments import list_segments
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.app import worker
from edge.app.work_done import WorkDone
from edge.app.worker_process import Stop, TakeStill, stop_waits
from models.add import add
from models.registry import Registry

sys.path.insert(0, str(Path(__file__).parents[2] / "system"))

from node_site import CONFIG, loop_of

WORKER = """
import multiprocessing, sys, threading, time
from pathlib import Path
from types import SimpleNamespace
from edge.app import worker_process

folder = Path(sys.argv[1])
(folder / "workers").mkdir()
ours, theirs = multiprocessing.Pipe()
ours.close()  # nobody wants a worker
worker_process.run_worker(SimpleNamespace(node=SimpleNamespace(state_dir=folder)), ["gate"], theirs)
threading.Thread(target=lambda: 1 / 0, name="gate-main").start()
time.sleep(60)
"""


def test_a_reader_that_dies_of_a_bug_is_no_camera_that_is_blind_for_ever(tmp_path):
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 70
    assert "thread gate-main ended by a bug; the worker restarts" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr


UNWATCHED = """
import multiprocessing, sys, threading
from pathlib import Path
from edge.adapters.outbox_rows import OutboxBounds
from edge.app import detector, unwatched, worker, worker_process
from edge.config.load import load_config

def supervise():
    ours.send(worker_process.OutboxReady(folder / "state/outbox.sqlite", OutboxBounds()))
    told, stills = [], 0
    while not told or told[-1][0] != "sees":
        report = ours.recv()
        if isinstance(report, worker_process.StillTaken):
            stills += 1
        elif isinstance(report, worker_process.WorkerReport):
            gate = report.cameras[0]
            word = (gate.state, gate.reason_code, gate.recording, gate.reconnects, report.at_one_frame_s < 5)
            if word not in told:
                told.append(word)
                ours.send(worker_process.TakeStill("gate"))
    print(*told, bool(stills), sep="\\n", flush=True)
    ours.send(worker_process.Stop())

folder, tries, unwatched.RETRY_S = Path(sys.argv[1]), [], 1.0
(folder / "state/workers").mkdir(parents=True)
ours, theirs = multiprocessing.Pipe()
threading.Thread(target=supervise, daemon=True).start()
"""
WITHOUT_NETWORK = """
make = detector.make_detector

def late(section):
    tries.append(section)
    if len(tries) < 4:
        raise detector.DetectorError("there is none")
    return make(section)

detector.make_detector = late
"""
WITHOUT_FOLDER = """
init = worker.Worker.__init__

def late(*words):
    tries.append(words)
    if len(tries) < 4:
        raise OSError(28, "No space left on device", "state/tracks/gate")
    init(*words)

worker.Worker.__init__ = late
"""
RUN = """
worker_process.run_worker(load_config(folder / "edge.yaml", with_secrets=False), ["gate"], theirs)
"""


@pytest.mark.parametrize(
    ("hindered", "code", "reason"),
    [
        (WITHOUT_NETWORK, "network_unusable", "nobody can be found: there is none"),
        (WITHOUT_FOLDER, "no_room_to_watch", "No space left on device: 'state/tracks/gate'"),
    ],
)
def test_a_worker_that_cannot_watch_records_says_so_and_tries_again_without_a_cut(
    tmp_path, bright_network, hindered, code, reason
):
    add(Registry(tmp_path / "data/gatehouse/models"), bright_network)
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    environment.pop("GATEHOUSE_MODEL", None)
    with loop_of(2, 2) as server:
        (tmp_path / "edge.yaml").write_text(CONFIG.format(port=1, url=server.url("gate")))
        command = [sys.executable, "-c", UNWATCHED + hindered + RUN, str(tmp_path)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count(reason) == 1
    assert "the cameras are recorded all the same" in ended.stderr
    told = ended.stdout.splitlines()
    assert f"('blind', '{code}', True, 0, True)" in told
    assert told[-2:] == ["('sees', '', True, 0, True)", "True"]
    segments = list_segments(tmp_path / "state/recordings/gate")
    assert len(segments) >= 2
    assert all(after.begins_at_s - before.ends_at_s < 0.5 for before, after in pairwise(segments))


COUNTING = """
from edge.adapters.group_decoder import GroupDecoder
whole, alone, decoded = GroupDecoder._decoded, unwatched.record_alone, []

def counted(decoder, packet):
    decoded.append(packet)
    return whole(decoder, packet)

def record_alone(*words):
    answer = alone(*words)
    print("decoded", len(decoded), flush=True)
    return answer

GroupDecoder._decoded, unwatched.record_alone = counted, record_alone
"""


def test_a_worker_whose_forerunners_died_of_watching_records_first(tmp_path, bright_network):
    """And decodes nothing, for that may be what killed them."""
    add(Registry(tmp_path / "data/gatehouse/models"), bright_network)
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    environment.pop("GATEHOUSE_MODEL", None)
    with loop_of(2, 2) as server:
        (tmp_path / "edge.yaml").write_text(CONFIG.format(port=1, url=server.url("gate")))
        script = UNWATCHED + COUNTING + RUN.replace("theirs)", "theirs, alone_s=1.0)")
        command = [sys.executable, "-c", script, str(tmp_path)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 0, ended.stderr
    told = ended.stdout.splitlines()
    assert "decoded 0" in told
    assert "('blind', 'worker_restarts', True, 0, True)" in told
    assert told[-2] == "('sees', '', True, 0, True)"


ALARMED = """
unwatched.RETRY_S = 1e9

def none(section):
    raise detector.DetectorError("there is none")

def supervise():
    ours.send(worker_process.OutboxReady(folder / "state/outbox.sqlite", OutboxBounds()))
    rules = []
    while "camera_signal_lost" not in rules:
        ours.recv()
        with SqliteOutbox(folder / "state/outbox.sqlite")._reading() as db:
            told = [json.loads(body) for (body,) in db.execute("SELECT body FROM message")]
        rules = [one.get("rule") for one in told]
    print(*[[one.get(key) for key in ("rule", "state", "closed_because", "closed_at_s")] for one in told], sep="\\n")
    ours.send(worker_process.Stop())

detector.make_detector = none
"""


def test_what_is_done_to_a_camera_rings_though_the_network_cannot_be_run(tmp_path):
    """Nobody was told of it while a worker recorded alone; and whoever was watched before stood there for ever."""
    outbox = SqliteOutbox(tmp_path / "state/outbox.sqlite")
    facts = {"camera": "gate", "opened_at_s": 1e9, "captured_at_s": 1e9 + 20, "revision": 3, "state": "updated"}
    for number, rule in enumerate(("loitering", "camera_black")):
        outbox.put_event(EventMessage(event_id=str(uuid.UUID(int=number)), rule=rule, **facts), 1e9 + 20)
    outbox.close()
    config = CONFIG.format(port=1, url="rtsp://127.0.0.1:1/gate")
    (tmp_path / "edge.yaml").write_text(config.replace("analysed_fps: 5", "analysed_fps: 5\n    signal_lost_s: 5"))
    script = UNWATCHED.replace("threading.Thread(", ALARMED + "\nthreading.Thread(") + RUN
    script = "import json\nfrom edge.adapters.sqlite_outbox import SqliteOutbox\n" + script
    command = [sys.executable, "-c", script, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    told = ended.stdout.splitlines()
    assert "['camera_signal_lost', 'open', None, None]" in told
    assert [line for line in told if "closed" in line] == ["['loitering', 'closed', 'unwatched', 1000000020.0]"]


RUNS_NO_MORE = """
from edge.adapters.onnx_session import ORT_ERRORS, OrtNetwork
run = OrtNetwork.run

def late(network):
    tries.append(network)
    if 5 <= len(tries) < 8:
        raise ORT_ERRORS[1]("CUDA error 719: unspecified launch failure")
    return run(network)

def supervise():
    ours.send(worker_process.OutboxReady(folder / "state/outbox.sqlite", OutboxBounds()))
    told = []
    while len(told) < 3 or told[-1] != "":
        report = ours.recv()
        if isinstance(report, worker_process.WorkerReport) and report.cameras[0].reason_code not in told[-1:]:
            told.append(report.cameras[0].reason_code)
    print(*told, sep=",", flush=True)
    ours.send(worker_process.Stop())

OrtNetwork.run = late
"""


def test_a_network_that_runs_no_more_cuts_no_recording(tmp_path, bright_network):
    """The worker was ended by it, and waited longer and longer, up to 30 s, before it recorded again."""
    add(Registry(tmp_path / "data/gatehouse/models"), bright_network)
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    environment.pop("GATEHOUSE_MODEL", None)
    with loop_of(2, 2) as server:
        (tmp_path / "edge.yaml").write_text(CONFIG.format(port=1, url=server.url("gate")))
        script = UNWATCHED.replace("threading.Thread(", RUNS_NO_MORE + "\nthreading.Thread(") + RUN
        command = [sys.executable, "-c", script, str(tmp_path)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "does not run any more: CUDA error 719" in ended.stderr
    told = ended.stdout.strip().split(",")
    assert "network_unusable" in told
    segments = list_segments(tmp_path / "state/recordings/gate")
    assert len(segments) >= 2
    assert all(after.begins_at_s - before.ends_at_s < 0.5 for before, after in pairwise(segments))


def test_people_are_seen_no_longer_than_until_the_network_failed():
    """Their events stood open until it ran again, for ever where it never did."""
    one = worker.Worker.__new__(worker.Worker)
    one._network_fault, one._told_to_stop = "", False
    one._look = Mock(side_effect=NetworkFailedError("CUDA error 719"))
    one._writers, one._tracks = {"gate": Mock()}, {"gate": Mock()}
    one._watch()
    one._writers["gate"].close.assert_called_once_with("unwatched")
    one._look.side_effect = None  # the supervisor has died: an heir goes on with them
    one._network_fault = ""
    one._watch()
    one._writers["gate"].close.assert_called_once()
    one._writers["gate"].end.assert_not_called()


def test_a_clip_that_takes_longer_than_a_stop_ends_no_recording_by_a_bug(tmp_path, monkeypatch):
    """The thread that makes it writes into the outbox when it has it: a closed one would be taken for a bug."""
    going, ended = threading.Event(), threading.Event()
    ours, theirs = multiprocessing.Pipe()
    monkeypatch.setattr(worker, "STOP_S", 0.05)
    one = worker.Worker.__new__(worker.Worker)
    one._outbox, one._clock, one._stop = SqliteOutbox(tmp_path / "outbox.sqlite"), SystemClock(), threading.Event()
    one._lines, one._parent, one._told_to_stop, one._asked_to_go = {}, theirs, False, threading.Event()
    one._cameras, one._watch = SimpleNamespace(clips_need=None, look=lambda: None), lambda: None
    one._watched_at_s = one._clock.monotonic_s()
    one._work_done = lambda: WorkDone(0, (), 0, 0.0, {})
    one._network_fault = ""

    def clip(_stop):
        going.wait(20)
        one._outbox.figures()
        ended.set()

    one._desk = SimpleNamespace(clips=SimpleNamespace(run=clip), tell=lambda: None)
    ours.send(Stop())
    one.run()
    going.set()
    assert ended.wait(20)
    one._outbox.close()


@pytest.mark.parametrize(
    ("orders", "told"), [([TakeStill("gate"), Stop()], True), ([TakeStill("gate")], False), ([], False)]
)
def test_the_order_to_stop_is_heard_by_a_worker_that_was_just_telling_its_health(orders, told):
    ours, theirs = multiprocessing.Pipe()
    theirs.send("a report that nobody reads")
    for order in orders:
        ours.send(order)
    ours.close()
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        theirs.send("a report that comes too late")
    assert stop_waits(theirs) == told
