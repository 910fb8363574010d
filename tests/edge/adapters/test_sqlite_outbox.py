"""The outbox: nothing written is lost, nothing goes before the console has it."""

import multiprocessing
import os
import signal
import uuid
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.contract.messages import EventMessage, EvidenceFile
from edge.adapters.sqlite_outbox import ClipJob, SqliteOutbox


def event(number: int, revision: int = 1, state: str = "open", camera: str = "gate") -> EventMessage:
    return EventMessage(
        event_id=str(uuid.UUID(int=number)),
        revision=revision,
        state=state,
        rule="loitering",
        camera=camera,
        opened_at_s=100.0,
        captured_at_s=100.0 + revision,
    )


def picture(name: str, sha: str) -> EvidenceFile:
    facts = {"role": "snapshot", "name": name, "media_type": "image/jpeg", "bytes": 3}
    return EvidenceFile(**facts, sha256=sha * 64, begins_at_s=1.0, ends_at_s=1.0)


@pytest.fixture
def outbox(tmp_path):
    box = SqliteOutbox(tmp_path / "outbox.sqlite")
    yield box
    box.close()


def test_rows_come_out_in_order_and_stay_until_acknowledged(outbox):
    for revision, state in ((1, "open"), (2, "updated"), (3, "closed")):
        outbox.put_event(event(1, revision, state), at_s=revision)
    rows = outbox.waiting(0, 10)
    assert [row.sequence for row in rows] == [1, 2, 3]
    assert [row.message.revision for row in rows] == [1, 2, 3]
    assert outbox.waiting(2, 10)[0].message.state == "closed"
    outbox.acknowledge([1, 3])
    assert [row.sequence for row in outbox.waiting(0, 10)] == [2]


def test_a_number_is_never_used_twice(tmp_path):
    box = SqliteOutbox(tmp_path / "o.sqlite")
    box.put_event(event(1), 1.0)
    box.acknowledge([1])
    identity = box.outbox_id
    box.close()
    again = SqliteOutbox(tmp_path / "o.sqlite")
    again.put_event(event(2), 2.0)
    assert again.waiting(0, 10)[0].sequence == 2
    assert again.outbox_id == identity
    again.close()


def test_a_refused_row_is_kept_aside_and_no_longer_sent(outbox):
    outbox.put_event(event(1), 1.0)
    outbox.refuse(1, "unknown node")
    assert outbox.waiting(0, 10) == []
    assert outbox.figures().refused == 1


def test_open_events_are_orphans_until_they_close(outbox):
    outbox.put_event(event(1), 1.0)
    outbox.put_event(event(2, camera="fence"), 1.0)
    outbox.put_event(event(1, 2, "updated"), 2.0)
    assert [orphan.revision for orphan in outbox.orphans("gate")] == [2]
    outbox.put_event(event(1, 3, "closed"), 3.0)
    assert outbox.orphans("gate") == []
    assert len(outbox.orphans("fence")) == 1


def test_a_clip_lengthened_while_it_is_cut_stays_owed(outbox):
    first = ClipJob(event(1).event_id, "gate", 100, 90, 110)
    outbox.put_event(event(1), 1.0, first)
    assert outbox.due_clips(["gate"], 109) == []
    assert outbox.due_clips(["fence"], 200) == []
    due = outbox.due_clips(["gate"], 110)[0]
    longer = ClipJob(event(1).event_id, "gate", 100, 90, 150)
    outbox.put_event(event(1, 2, "closed"), 2.0, longer)
    outbox.clip_done(due)
    assert outbox.due_clips(["gate"], 150)[0].ends_at_s == 150
    assert outbox.earliest_clip_s("gate") == 90
    outbox.clip_done(longer)
    assert outbox.earliest_clip_s("gate") is None


def test_evidence_grows_by_revisions_and_replaces_by_role(outbox, tmp_path):
    one, two = picture("a.jpg", "a"), picture("b.jpg", "b")
    assert outbox.put_evidence(event(1).event_id, "gate", [(one, tmp_path / "a.jpg")], 1.0).revision == 1
    second = outbox.put_evidence(event(1).event_id, "gate", [(two, tmp_path / "b.jpg")], 2.0)
    assert second.revision == 2
    assert second.files == (two,)
    assert {upload.path.name for upload in outbox.uploads(10)} == {"a.jpg", "b.jpg"}
    outbox.uploaded("a" * 64)
    assert [upload.path.name for upload in outbox.uploads(10)] == ["b.jpg"]


def test_a_full_outbox_gives_up_updates_and_never_an_opening(tmp_path):
    box = SqliteOutbox(tmp_path / "o.sqlite", max_rows=50)
    for number in range(40):
        box.put_event(event(number), number)
        box.put_event(event(number, 2, "updated"), number)
    states = [row.message.state for row in box.waiting(0, 1000)]
    assert states.count("open") == 40
    assert states.count("updated") < 40
    box.close()


def _write_for_ever(path: str, ready) -> None:
    box = SqliteOutbox(Path(path))
    number = 0
    while True:
        box.put_event(event(number), number, ClipJob(event(number).event_id, "gate", 1, 1, 2))
        number += 1
        ready.put(number)


@pytest.mark.system
@pytest.mark.parametrize("kill_after", [1, 3, 17, 40])
def test_a_killed_writer_loses_nothing_it_had_written(tmp_path, kill_after):
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    process = context.Process(target=_write_for_ever, args=(str(tmp_path / "o.sqlite"), ready))
    process.start()
    told = 0
    while told < kill_after:
        told = ready.get(timeout=60)
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    box = SqliteOutbox(tmp_path / "o.sqlite")
    rows = box.waiting(0, 100_000)
    assert len(rows) >= kill_after
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    assert box.figures().clip_jobs == len(rows)
    box.close()


class OutboxMachine(RuleBasedStateMachine):
    """The outbox beside a plain model: whatever the order, what was put and not acknowledged waits, in order."""

    def __init__(self):
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "o.sqlite"
        self.box = SqliteOutbox(self.path)
        self.expected: dict[int, int] = {}
        self.puts = 0

    @rule(number=st.integers(0, 3), state=st.sampled_from(["open", "updated", "closed"]))
    def put(self, number, state):
        self.puts += 1
        self.box.put_event(event(number, self.puts, state), self.puts)
        self.expected[self.puts] = self.puts

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def acknowledge(self, data):
        some = data.draw(st.lists(st.sampled_from(sorted(self.expected)), max_size=4))
        self.box.acknowledge([*some, 10_000])
        for sequence in some:
            self.expected.pop(sequence, None)

    @rule()
    def restart(self):
        self.box.close()
        self.box = SqliteOutbox(self.path)

    @invariant()
    def what_is_not_acknowledged_waits(self):
        assert {row.sequence: row.message.revision for row in self.box.waiting(0, 1000)} == self.expected

    def teardown(self):
        self.box.close()
        self.folder.cleanup()


OutboxMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, derandomize=True, deadline=None)
TestOutboxAsAMachine = OutboxMachine.TestCase
