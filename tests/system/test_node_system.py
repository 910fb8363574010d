"""A whole node with real parts: RTSP camera, network, mosquitto."""

import json

import av
import pytest
from node_site import wait_for

from broker.contract.schedule import RuleOrder, ScheduleMessage, SchedulePlan, ScheduleSpan
from edge.adapters.clip_writer import file_sha256
from edge.adapters.sqlite_outbox import SqliteOutbox

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def test_an_event_opens_closes_and_brings_its_evidence(node):
    site, console, process = node
    opened = wait_for(console.opened, 60, "an event")[0]
    assert (opened.rule, opened.camera, opened.zone, opened.threshold_s) == ("loitering", "gate", "all", 2.0)
    assert 2.0 <= opened.dwell_s <= 3.0
    last = wait_for(lambda: [e for e in console.events if e.state == "closed"], 30, "its end")[0]
    assert last.event_id == opened.event_id
    wait_for(lambda: any("clip" in {f.role for f in e.files} for e in console.evidence), 30, "the clip")
    evidence = next(e for e in reversed(console.evidence) if "clip" in {f.role for f in e.files})
    assert {file.role for file in evidence.files} == {"clip", "snapshot", "snapshot_boxes", "track"}
    folder = site.folder / "state" / "evidence" / evidence.event_id
    hashes = {file_sha256(path): path for path in folder.iterdir()}
    for file in evidence.files:
        assert file.sha256 in hashes
        assert hashes[file.sha256].stat().st_size == file.bytes
    clip = next(file for file in evidence.files if file.role == "clip")
    assert clip.begins_at_s <= opened.opened_at_s - 0.9
    with av.open(str(hashes[clip.sha256])) as container:
        assert sum(1 for _ in container.decode(video=0)) > 10
    wait_for(lambda: SqliteOutbox(site.folder / "state/outbox.sqlite").figures().rows == 0, 20, "an empty outbox")
    assert any(camera.state == "sees" for health in console.health for camera in health.cameras)
    console.check_nothing_lost_or_doubled()
    assert json.loads((folder / "event.json").read_text())["camera"] == "gate"  # housekeeping knows how long it stays
    wait_for(lambda: (site.folder / "state/index.sqlite").exists(), 10, "the first round of housekeeping")
    for path in (site.folder / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"others can read {path}"
    process.terminate()
    assert process.wait(15) == 0
    wait_for(lambda: console.status[-1].status == "offline", 10, "the goodbye")


def test_a_node_that_is_stopped_closes_what_is_open_and_goes_on_by_its_calendar(node):
    site, console, process = node
    grave = SchedulePlan(name="after_hours", orders=(RuleOrder(rule="loitering", severity="critical"),))
    spans = (ScheduleSpan(from_at_s=1.0, plan=0),)
    console.order(ScheduleMessage(revision="night", until_at_s=4e9, plans=(grave,), spans=spans))
    opened = wait_for(console.opened, 60, "an event")[0]
    kept = site.folder / "state/calendar.json"  # long there: the order waited with the broker for the node to come
    wait_for(lambda: kept.exists() and "night" in kept.read_text(), 5, "the calendar on the disk")
    console.forget_order()  # what counts from here on, the node has from there
    process.terminate()
    assert process.wait(15) == 0
    outbox = SqliteOutbox(site.folder / "state/outbox.sqlite")
    assert outbox.orphans("gate") == []
    outbox.close()
    site.start_node()
    closed = wait_for(lambda: [e for e in console.events if e.state == "closed"], 30, "its end")[0]
    assert (closed.event_id, closed.closed_because) == (opened.event_id, "restart")
    began = len(console.health)
    wait_for(lambda: len(console.health) > began, 30, "health")
    assert all([camera.camera for camera in health.cameras] == ["gate"] for health in console.health)  # never gone
    assert console.health[-1].schedule_revision == "night"
    again = wait_for(lambda: [e for e in console.opened() if e.event_id != opened.event_id], 60, "the next event")[0]
    assert (again.severity, again.period) == ("critical", "after_hours")  # and not medium, as it is configured
    off = SchedulePlan(name="drop_off", orders=(RuleOrder(rule="loitering", armed=False),))
    apart = ScheduleMessage(revision="off", until_at_s=4e9, plans=(off,), spans=spans)
    console.order(apart, ahead_s=36_000.0)  # ten hours apart: which of the two is right, nobody knows
    rang = wait_for(lambda: [e for e in console.opened() if e.period == "clock_wrong"], 60, "one in doubt")[0]
    assert rang.severity == "medium"
    assert any(one.code == "clock_wrong" for one in console.health[-1].node_problems or ())
    console.check_nothing_lost_or_doubled()


def test_what_the_console_has_not_committed_stays_in_the_outbox_and_is_told_again(node):
    site, console, process = node
    console.commits = False
    wait_for(lambda: len(console.copies) >= 2, 60, "messages that reach the console")
    outbox = SqliteOutbox(site.folder / "state/outbox.sqlite")
    heard = set(console.copies)
    assert {(outbox.outbox_id, row.sequence) for row in outbox.waiting(0, 1000)} >= heard
    process.kill()
    process.wait(10)
    console.commits = True
    site.start_node()
    wait_for(lambda: heard <= set(console.numbers), 60, "the same messages again")
    assert all(console.copies[number] >= 2 for number in heard)
    wait_for(
        lambda: outbox.waiting(0, 1)[:1] == [] or outbox.waiting(0, 1)[0].sequence > max(heard)[1], 30, "their end"
    )
    outbox.close()
    console.check_nothing_lost_or_doubled()


def test_a_second_node_on_the_same_folder_is_refused(node):
    site, console, _process = node
    wait_for(lambda: console.health, 30, "the first node")
    second = site.start_node()
    assert second.wait(30) == 2
    assert "another node already runs" in (site.folder / "edge.log").read_text()


def test_an_outbox_that_is_damaged_under_a_running_node_is_begun_anew_and_told(node):
    site, console, process = node
    event_id = wait_for(console.opened, 60, "an event")[0].event_id
    wait_for(lambda: console.roles(event_id) >= {"snapshot"}, 30, "its picture")
    state, known = site.folder / "state", {outbox_id for outbox_id, _ in console.numbers}
    for name in ("outbox.sqlite", "outbox.sqlite-wal"):
        with (state / name).open("r+b") as file:
            file.write(b"\xaa" * (state / name).stat().st_size)

    def told() -> list[str]:
        return [one.subject for health in console.health for one in health.node_problems or () if "damaged" in one.code]

    subject = wait_for(told, 60, "word of the damage")[0]
    assert (state / subject).read_bytes().startswith(b"\xaa")
    anew = wait_for(lambda: {one for one, _ in console.numbers} - known, 60, "a message of the new outbox")
    assert len(anew) == 1
    wait_for(lambda: [e for e in console.events if e.event_id == event_id and e.state == "closed"], 60, "its end")
    later = wait_for(lambda: [e for e in console.opened() if e.event_id != event_id], 60, "another event")
    wait_for(lambda: console.has_proof(later[0].event_id), 60, "its proof")
    assert process.poll() is None
    assert len(list(state.glob("outbox-damaged-*.sqlite"))) == 1
