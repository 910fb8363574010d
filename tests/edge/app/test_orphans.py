"""Events outlive neither their worker nor their camera."""

import uuid

import pytest

from broker.contract.messages import EventMessage
from edge.adapters.sqlite_outbox import ClipJob, SqliteOutbox
from edge.app.orphans import close_orphans, settle_removed_cameras


@pytest.fixture
def outbox(tmp_path):
    box = SqliteOutbox(tmp_path / "o.sqlite")
    for number, camera in enumerate(["gate", "old-gate"]):
        event_id = str(uuid.UUID(int=number))
        facts = {"rule": "loitering", "camera": camera, "opened_at_s": 100.0, "captured_at_s": 107.0}
        event = EventMessage(event_id=event_id, revision=3, state="open", **facts)
        box.put_event(event, 1.0, ClipJob(event_id, camera, 100.0, 90.0, 110.0))
    yield box
    box.close()


def told(outbox, camera):
    return [row.message for row in outbox.waiting(0, 99) if row.message.camera == camera][1:]


def test_an_orphan_ends_when_it_was_last_seen_once(outbox):
    for _ in range(2):
        close_orphans(outbox, ["gate"], 500.0)
    (closed,) = told(outbox, "gate")
    assert (closed.revision, closed.state, closed.closed_because, closed.closed_at_s) == (4, "closed", "restart", 107.0)
    assert told(outbox, "old-gate") == []
    assert [job.camera for job in outbox.due_clips(["gate"], 110.0)] == ["gate"]  # its clip is still owed


def test_a_camera_that_was_taken_out_leaves_nothing_open_and_nothing_owed(outbox):
    for _ in range(2):
        settle_removed_cameras(outbox, ["gate"], 500.0)
    closed, evidence = told(outbox, "old-gate")
    assert (closed.state, closed.revision) == ("closed", 4)
    assert "old-gate was taken out" in evidence.missing
    assert evidence.missing_code == "camera_removed"
    assert outbox.cameras() == {"gate"}
    assert told(outbox, "gate") == []
