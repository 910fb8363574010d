"""A node whose outbox is damaged on a disk without a byte left: it watches and tells, and comes back by itself."""

import subprocess
import sys
from pathlib import Path

import pytest
from node_site import ListeningConsole, wait_for

from edge.adapters.outbox_mending import set_aside
from edge.adapters.outbox_stand_in import forget, stand_in_path

sys.path.insert(0, str(Path(__file__).parents[1] / "edge" / "app"))

from node_folder import fill

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

WITHOUT_MEMORY = """
from pathlib import Path
from edge.adapters import outbox_mending
outbox_mending.stand_in_path = lambda path: Path("/proc/no memory") / path.name
"""
IMPATIENT = """
import gatehouse
from edge.app import delivery
delivery.MEND_PAUSE_S = 2.0
gatehouse.main()
"""


@pytest.fixture
def full_disk(site):
    """Where the node keeps what it has: 32 MB, of which a foreign file takes all that a damaged outbox left."""
    disk = site.folder / "state"
    disk.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    (disk / "outbox.sqlite").write_bytes(b"no database at all" * 1000)
    fill(disk / "foreign")
    yield disk
    site.stop()
    forget(stand_in_path(disk / "outbox.sqlite"))
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_fills_up_under_a_sound_outbox_restarts_no_worker_and_loses_no_event(site, camera, full_disk):
    (full_disk / "foreign").unlink()
    (full_disk / "outbox.sqlite").unlink()
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(camera.url("gate"))
    node = site.start_node()
    wait_for(console.opened, 60, "an alert")
    (worker,) = site.workers(node)
    fill(full_disk / "foreign")
    told = site.folder / "edge.log"
    wait_for(lambda: "events can't be written down" in told.read_text(), 90, "an event without room")
    (full_disk / "foreign").unlink()
    wait_for(lambda: "events are written down again" in told.read_text(), 30, "room")
    wait_for(lambda: len(console.opened()) > 1, 60, "the next alert")
    wait_for(lambda: [e for e in console.events if e.state == "closed"], 60, "an end")
    console.check_nothing_lost_or_doubled()
    assert site.workers(node) == [worker]


def test_a_full_disk_without_memory_to_stand_in_ends_no_node_and_says_that_nobody_is_watched(site, camera, full_disk):
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(camera.url("gate"))
    process = site.start("edge", "run", "--config", str(site.folder / "edge.yaml"), program=WITHOUT_MEMORY + IMPATIENT)
    blind = ("blind", "no_room_to_watch")
    wait_for(lambda: [c for one in console.health for c in one.cameras if (c.state, c.reason_code) == blind], 60, "it")
    assert "outbox_unreadable" in console.health[-1].problems
    assert process.poll() is None
    (full_disk / "foreign").unlink()
    wait_for(console.opened, 90, "an alert")
    wait_for(lambda: "outbox_unreadable" not in console.health[-1].problems, 30, "the end of the problem")


def test_a_damaged_outbox_on_a_full_disk_stops_no_node(site, camera, full_disk):
    site.start_broker()
    console = ListeningConsole(site.folder / "broker", site.port)
    site.configure(camera.url("gate"))
    process = site.start("edge", "run", "--config", str(site.folder / "edge.yaml"), program=IMPATIENT)
    opened = wait_for(console.opened, 60, "an alert")[0]
    wait_for(lambda: [one for one in console.health if "outbox_unreadable" in one.problems], 30, "the problem")
    # it sees, and says that nothing can be recorded
    impaired = ("impaired", "not_recording")
    wait_for(
        lambda: [c for one in console.health for c in one.cameras if (c.state, c.reason_code) == impaired], 30, "it"
    )
    assert process.poll() is None
    (full_disk / "foreign").unlink()
    wait_for(lambda: set_aside(full_disk), 60, "the outbox on the disk")
    sound = wait_for(lambda: [one for one in console.health[-1:] if "outbox_damaged" in one.problems], 60, "its word")
    assert "outbox_unreadable" not in sound[0].problems
    wait_for(lambda: console.health[-1].cameras[0].recording, 60, "a recording")
    wait_for(lambda: [e for e in console.events if e.state == "closed"], 60, "the end of the stay")
    wait_for(lambda: len(console.opened()) > 1, 60, "the next alert")
    ids = [event.event_id for event in console.opened()]
    assert ids[0] == opened.event_id
    assert len(ids) == len(set(ids))
    assert not stand_in_path(full_disk / "outbox.sqlite").exists()
