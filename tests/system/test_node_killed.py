"""Everything killed in the middle of an event, with real parts: nothing is lost, nothing is doubled."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from node_site import ListeningConsole, wait_for

from edge.adapters.clip_writer import file_sha256
from edge.adapters.segments import list_segments
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app import supervisor, worker
from edge.app.former_workers import OUTLIVES_S

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def check_one_whole_event(console, site, opened):
    """One person stayed once: one event, that ended when they went, whose clip has its boxes and its subject."""
    closed = wait_for(lambda: [e for e in console.events if e.state == "closed"], 90, "the end of the stay")[0]
    assert (closed.event_id, closed.closed_because) in {(opened.event_id, "left"), (opened.event_id, "lost")}
    assert closed.dwell_s > 15
    assert [event.event_id for event in console.opened()] == [opened.event_id]
    whole = {"clip", "snapshot", "snapshot_boxes", "track"}
    wait_for(lambda: console.roles(opened.event_id) == whole, 30, "its evidence")
    wait_for(lambda: clip_end(console, opened.event_id) >= closed.closed_at_s, 30, "the clip of all of it")
    last = max((e for e in console.evidence if e.event_id == opened.event_id), key=lambda message: message.revision)
    track = next(file for file in last.files if file.role == "track")
    folder = site.folder / "state" / "evidence" / opened.event_id
    (text,) = [path.read_text() for path in folder.iterdir() if file_sha256(path) == track.sha256]
    subjects = [one for one in json.loads(text)["tracks"] if one["subject"]]
    assert len(subjects) == 1
    seen_s = [sample[0] for sample in subjects[0]["samples"]]
    assert min(seen_s) < 3  # before the process died
    assert max(seen_s) > 15  # and in the one that came after it
    console.check_nothing_lost_or_doubled()


def clip_end(console, event_id):
    ends = [f.ends_at_s for e in console.evidence if e.event_id == event_id for f in e.files if f.role == "clip"]
    return max(ends, default=0.0)


def test_a_killed_worker_comes_back_and_the_same_event_goes_on(patient_node):
    site, console, process = patient_node
    opened = wait_for(console.opened, 60, "an event")[0]
    told = site.folder / "edge.log"
    for deaths in (1, 2):
        os.kill(site.workers(process)[0], signal.SIGKILL)
        goes_on = partial(lambda times: told.read_text().count("camera gate: goes on after") == times, deaths)
        wait_for(goes_on, 60, "another worker")
    assert any(health.worker_restarts == 2 for health in console.health)
    check_one_whole_event(console, site, opened)


def test_workers_of_a_killed_supervisor_record_until_their_heirs_do_and_the_same_event_goes_on(patient_node):
    site, console, process = patient_node
    opened = wait_for(console.opened, 60, "an event")[0]
    workers = site.workers(process)
    process.kill()
    process.wait(10)
    recordings, killed_s = site.folder / "state/recordings/gate", time.time()
    wait_for(lambda: recorded_until_s(recordings) > killed_s + 1.0, 15, "video without a supervisor")
    site.start_node()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 30, "the workers' end")
    wait_for(lambda: recorded_until_s(recordings) > time.time() - 3.0, 30, "their heirs' video")
    spans = [(one.begins_at_s, one.ends_at_s) for one in list_segments(recordings) if one.ends_at_s]
    assert max(later - end for (_, end), (later, _) in pairwise(spans)) < 2.0  # however busy the machine, it is seconds
    check_one_whole_event(console, site, opened)


def recorded_until_s(folder: Path) -> float:
    """When something was last written of a recording."""
    return max((path.stat().st_mtime for path in folder.glob("*.mp4")), default=0.0)


def test_workers_that_nobody_inherits_end_by_themselves_and_leave_nothing_open(patient_node):
    site, console, process = patient_node
    wait_for(console.opened, 60, "an event")
    workers = site.workers(process)
    process.kill()
    process.wait(10)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), OUTLIVES_S + 15, "the workers' end")
    assert all(one.ends_at_s for one in list_segments(site.folder / "state/recordings/gate"))


def test_a_node_that_is_gone_is_told_and_ends_what_it_left_open_when_it_comes_back(node):
    site, console, process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    process.kill()
    process.wait(10)
    wait_for(lambda: console.status[-1].status == "offline", 60, "the last will")
    site.start_node()
    closed = wait_for(lambda: [e for e in console.events if e.state == "closed"], 60, "the orphan's end")[0]
    assert closed.event_id == opened.event_id
    wait_for(lambda: len(console.opened()) >= 2, 60, "the next event")
    wait_for(lambda: console.has_proof(opened.event_id), 30, "snapshots and clip of the first")
    console.check_nothing_lost_or_doubled()


IMPATIENT = """
import gatehouse
from edge.app import supervisor
supervisor.HUNG_S = 3.0
gatehouse.main()
"""


def test_a_worker_that_hangs_is_killed_and_the_same_event_goes_on(site, patient_camera):
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(patient_camera.url("gate"))
    process = site.start("edge", "run", "--config", str(site.folder / "edge.yaml"), program=IMPATIENT)
    opened = wait_for(console.opened, 60, "an event")[0]
    os.kill(site.workers(process)[0], signal.SIGSTOP)
    told = site.folder / "edge.log"
    wait_for(lambda: "hangs; it is killed" in told.read_text(), 150, "the notice")  # it may not have reported yet
    check_one_whole_event(console, site, opened)
    console.close()


def test_a_hanging_worker_and_the_pauses_before_its_heir_fit_into_what_goes_on():
    assert supervisor.HUNG_S + supervisor.RESTART_FIRST_S + 10 < worker.LOST_S


def test_a_worker_that_hangs_when_its_supervisor_dies_does_not_outlive_the_next_one(patient_node):
    site, console, process = patient_node
    opened = wait_for(console.opened, 60, "an event")[0]
    (hanging,) = site.workers(process)
    os.kill(hanging, signal.SIGSTOP)
    process.kill()
    process.wait(10)
    site.start_node()
    wait_for(lambda: not Path(f"/proc/{hanging}").exists(), 30, "its end")
    check_one_whole_event(console, site, opened)


def test_a_killed_broker_delays_and_loses_nothing(node):
    site, console, _process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    broker = site.processes[0]
    listing = Path(f"/proc/{broker.pid}/task/{broker.pid}/children").read_text().split()
    for pid in [int(pid) for pid in listing] + [broker.pid]:
        os.kill(pid, signal.SIGKILL)
    broker.wait(10)
    outbox = SqliteOutbox(site.folder / "state/outbox.sqlite")
    wait_for(lambda: outbox.figures().rows >= 2, 60, "messages that wait")
    site.start_broker()
    wait_for(lambda: outbox.figures().rows == 0, 60, "their delivery")
    outbox.close()
    wait_for(lambda: console.has_proof(opened.event_id), 30, "snapshots and clip of the first")
    console.check_nothing_lost_or_doubled()


WITH_A_BUG = """
import sys, gatehouse
from edge.app.supervisor import Supervisor
def tell_health(self, delivery): raise RuntimeError("a bug")
Supervisor._tell_health = tell_health
gatehouse.main()
"""


def session_of(stat: Path) -> int:
    """Session id in a /proc/PID/stat; 0 where the process is gone."""
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except OSError:
        return 0


def test_a_bug_in_the_supervisor_ends_the_node_whole(site, camera):
    site.configure(camera.url("gate"))
    command = [sys.executable, "-c", WITH_A_BUG, "edge", "run", "--config", str(site.folder / "edge.yaml")]
    environment = {**os.environ, "XDG_DATA_HOME": str(site.folder / "data")}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    site.processes.append(process)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"a bug" in told
    running = [path for path in Path("/proc").glob("[0-9]*/stat") if session_of(path) == process.pid]
    wait_for(lambda: not any(session_of(path) == process.pid for path in running), 15, "the end of its workers")
