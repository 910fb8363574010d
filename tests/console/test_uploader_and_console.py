"""The uploader of a box and the real console: what comes over, and what never can."""

import hashlib
import uuid
from dataclasses import replace

import pytest

from broker.contract import codec, topics
from broker.contract.messages import EventMessage, EvidenceFile
from console.domain.access import Role
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.uploader import ConsoleAddress, Uploader

pytestmark = pytest.mark.system
DATA = bytes(range(256)) * 400
SMALL = b"a small one"
LARGE_ID, SMALL_ID = str(uuid.UUID(int=9)), str(uuid.UUID(int=10))


class Stop:
    """Ends an uploader after three turns."""

    def __init__(self) -> None:
        self.turns = 0

    def wait(self, _seconds: float) -> bool:
        self.turns += 1
        return self.turns > 3

    def is_set(self) -> bool:
        return False


@pytest.fixture
def outbox(desk, tmp_path):
    """Of a box with the clips of two events."""
    box = SqliteOutbox(tmp_path / "outbox.sqlite")
    facts = {"role": "clip", "name": "clip.mp4", "media_type": "video/mp4", "begins_at_s": 1.0, "ends_at_s": 2.0}
    for event_id, content in ((LARGE_ID, DATA), (SMALL_ID, SMALL)):
        what = {"event_id": event_id, "revision": 1, "state": "open", "rule": "loitering", "camera": "gate"}
        box.put_event(EventMessage(**what, opened_at_s=desk.clock(), captured_at_s=desk.clock()), desk.clock())
        path = tmp_path / f"{event_id}.mp4"
        path.write_bytes(content)
        file = EvidenceFile(**facts, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        box.put_evidence(event_id, "gate", [(file, path)], desk.clock())
    yield box
    box.close()


def deliver(desk, outbox) -> None:
    """What waits reaches the console."""
    for row in outbox.waiting(0, 100):
        topic = topics.EVENT if row.kind == "event" else topics.EVIDENCE
        payload = codec.encode(topic, "n1", row.message, desk.clock(), row.outbox_id, row.sequence)
        desk.intake.take(topic.of("n1"), payload)
        outbox.acknowledge([row.sequence])


def upload(desk, outbox, tmp_path) -> None:
    (tmp_path / "token").write_text(desk.token)
    Uploader(ConsoleAddress("http://testserver", tmp_path / "token"), outbox, client=desk.node()).run(Stop())


def clip_of(desk, event_id: str) -> bytes:
    return desk.browser(Role.POLICE).get(f"/api/alerts/{event_id}/files/clip.mp4").content


def test_the_real_uploader_brings_files_over(desk, outbox, tmp_path):
    deliver(desk, outbox)
    upload(desk, outbox, tmp_path)
    assert outbox.uploads(10) == []
    assert (tmp_path / f"{LARGE_ID}.mp4").read_bytes() == DATA  # it stays on the box for its days
    assert clip_of(desk, LARGE_ID) == DATA


def test_a_clip_that_is_too_large_here_is_not_sent_for_ever_and_the_alert_says_why(desk, outbox, tmp_path):
    desk.console.web.state.context = replace(desk.console.web.state.context, max_file_bytes=len(DATA) - 1)
    deliver(desk, outbox)
    upload(desk, outbox, tmp_path)
    assert outbox.uploads(10) == []
    assert (tmp_path / f"{LARGE_ID}.mp4").read_bytes() == DATA
    assert clip_of(desk, SMALL_ID) == SMALL
    deliver(desk, outbox)
    page = desk.browser(Role.POLICE).get(f"/alerts/{LARGE_ID}", headers={"Accept-Language": "en"}).text
    assert "The clip is larger than this console takes" in page
