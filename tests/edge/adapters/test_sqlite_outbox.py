"""The outbox: nothing written is lost, nothing goes before the console has it."""

import multiprocessing
import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.adapters import outbox_sacrifice
from edge.adapters.outbox_rows import ClipJob, Missing, OutboxError
from edge.adapters.sqlite_outbox import SqliteOutbox

sys.path.insert(0, str(Path(__file__).parent))

from made_rows import event, picture

KEPT_PER_EVENT = ("open_event", "evidence", "clip_job", "snapshot_job")


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


@pytest.mark.parametrize("content", [b"no database at all, but text", b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_file_that_is_no_outbox_is_told_with_the_cure(tmp_path, content):
    (tmp_path / "o.sqlite").write_bytes(content)
    with pytest.raises(OutboxError, match="move the file away"):
        SqliteOutbox(tmp_path / "o.sqlite")


def test_damage_that_is_no_text_is_told_with_the_cure(tmp_path):
    path = tmp_path / "o.sqlite"
    SqliteOutbox(path).close()
    sound = b"message_in AFTER INSERT ON message"
    assert sound in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(sound, b"message_in AFTER INSERT ON messag\xff"))
    with pytest.raises(OutboxError, match="move the file away"):  # of which SQLite complains with the very bytes
        SqliteOutbox(path)


def test_a_file_that_cant_be_opened_is_let_go_of(tmp_path):
    path = tmp_path / "outbox.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE message (of_somebody_else)")
    with pytest.raises(OutboxError) as told:
        SqliteOutbox(path)
    other = sqlite3.connect(path, timeout=0)  # while the error, and what it refers to, still lives
    other.execute("BEGIN IMMEDIATE")
    other.close()
    assert str(path) in str(told.value)


def test_an_outbox_of_an_earlier_version_gets_what_it_lacks(tmp_path):
    path = tmp_path / "o.sqlite"
    box = SqliteOutbox(path)
    box.put_event(event(1), 1.0)
    box.close()
    with sqlite3.connect(path) as db:
        for column in ("machine_run", "ahead_s"):
            db.execute(f"ALTER TABLE message DROP COLUMN {column}")
    again = SqliteOutbox(path)
    again.put_event(event(2), 2.0, ahead_s=5.0)
    assert [row.ahead_s for row in again.waiting(0, 9)] == [None, 5.0]
    again.close()


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


def test_the_console_is_told_what_became_of_numbers_that_it_misses(outbox):
    for number in range(1, 11):
        outbox.put_event(event(1, number, "updated"), 1.0)
    outbox.acknowledge([1, 4, 9])
    with outbox.transaction() as db:
        outbox_sacrifice._drop(db, [(2, ""), (3, ""), (10, "")], 1.0)
    rows, absent = outbox.answer(1, 10, 99)
    assert [row.sequence for row in rows] == [5, 6, 7, 8]
    spans = [(one.first, one.last, one.why) for one in absent]
    assert spans == [(1, 1, "gone"), (2, 3, "given_up"), (4, 4, "gone"), (9, 9, "gone"), (10, 10, "given_up")]
    rows, absent = outbox.answer(4, 10, 2)
    assert ([row.sequence for row in rows], [(one.first, one.last) for one in absent]) == ([5, 6], [(4, 4)])
    assert outbox.answer(5, 8, 99)[1] == []


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
    assert outbox.due_clips(["gate"], 110 - 7200)  # the clock was set back: its end may not come again for hours
    assert outbox.due_clips(["gate"], 109) == []
    assert outbox.due_clips(["fence"], 200) == []
    due = outbox.due_clips(["gate"], 110)[0]
    longer = ClipJob(event(1).event_id, "gate", 100, 90, 150)
    outbox.put_event(event(1, 2, "closed"), 2.0, longer)
    outbox.put_evidence(due.event_id, "gate", [], 2.0, done=due)
    assert outbox.due_clips(["gate"], 150)[0].ends_at_s == 150
    assert outbox.clip_spans("gate", 10, 900) == [(90, 150)]
    assert outbox.clip_spans("gate", 10, 20) == [(90, 110)]  # no clip shows more
    assert outbox.unsettled() == {event(1).event_id}
    outbox.put_evidence(due.event_id, "gate", [], 2.0, done=longer)
    assert outbox.clip_spans("gate", 10, 900) == []
    assert outbox.unsettled() == {event(1).event_id}  # its pictures are owed
    outbox.snapshots_impossible(event(1).event_id)
    assert outbox.unsettled() == set()


def test_the_recording_of_an_open_event_is_needed_for_the_clip_that_follows_its_end(outbox):
    outbox.put_event(event(1), 1.0)
    begins_at_s = event(1).opened_at_s - 10
    assert outbox.clip_spans("gate", 10, 900) == [(begins_at_s, begins_at_s + 900)]
    assert outbox.unsettled() == {event(1).event_id}


def test_evidence_grows_by_revisions_and_replaces_by_role(outbox, tmp_path):
    one, two = picture("a.jpg", "a"), picture("b.jpg", "b")
    outbox.put_event(event(1), 1.0)
    assert outbox.put_evidence(event(1).event_id, "gate", [(one, tmp_path / "a.jpg")], 1.0).revision == 1
    second = outbox.put_evidence(event(1).event_id, "gate", [(two, tmp_path / "b.jpg")], 2.0)
    assert second.revision == 2
    assert second.files == (two,)
    assert [upload.path.name for upload in outbox.uploads(10)] == ["b.jpg"]
    assert outbox.uploaded(outbox.uploads(1)[0])
    assert outbox.uploads(10) == []


def test_a_file_that_is_replaced_before_it_was_uploaded_is_not_sent_and_stays_as_it_may_be_held(outbox, tmp_path):
    outbox.put_event(event(1), 1.0)
    for name, sha in (("short", "a"), ("long", "b")):
        (tmp_path / name).write_text(name)
        files = [(picture("clip.jpg", sha), tmp_path / name)]
        outbox.put_evidence(event(1).event_id, "gate", files, 1.0)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == "") == ["long", "short"]
    assert [upload.path.name for upload in outbox.uploads(10)] == ["long"]


def test_what_was_replaced_during_its_upload_takes_nothing_of_its_successor_along(outbox, tmp_path):
    outbox.put_event(event(1), 1.0)
    path = tmp_path / "a.jpg"
    outbox.put_evidence(event(1).event_id, "gate", [(picture("a.jpg", "a"), path)], 1.0)
    (begun,) = outbox.uploads(9)
    outbox.put_evidence(event(1).event_id, "gate", [(picture("a.jpg", "b"), path)], 2.0)
    assert not outbox.uploaded(begun)
    assert not outbox.lost(begun, Missing("gone", "file_gone"), 3.0)
    assert [upload.sha256 for upload in outbox.uploads(9)] == ["b" * 64]
    assert outbox.waiting(0, 9)[-1].message.missing is None


def test_a_lost_file_is_told_also_after_the_event_is_over(outbox, tmp_path):
    outbox.put_event(event(1), 1.0)
    outbox.put_evidence(event(1).event_id, "gate", [(picture("a.jpg", "a"), tmp_path / "a.jpg")], 1.0)
    outbox.put_event(event(1, 2, "closed"), 2.0)
    assert outbox.lost(outbox.uploads(1)[0], Missing("a.jpg is gone", "file_gone"), 3.0)
    told = outbox.waiting(0, 9)[-1].message
    assert (told.revision, told.files, told.missing) == (2, (), "a.jpg is gone")
    assert outbox._db.execute("SELECT count(*) FROM evidence").fetchone() == (0,)


def test_the_very_same_picture_of_two_events_is_brought_over_for_both(outbox, tmp_path):
    for number in (1, 2):
        outbox.put_event(event(number), 1.0)
        outbox.put_evidence(event(number).event_id, "gate", [(picture("a.jpg", "a"), tmp_path / str(number))], 1.0)
    assert sorted(upload.path.name for upload in outbox.uploads(10)) == ["1", "2"]
    assert outbox.uploaded(next(one for one in outbox.uploads(9) if one.path.name == "1"))
    assert [upload.path.name for upload in outbox.uploads(10)] == ["2"]


def test_snapshots_are_owed_from_the_opening_until_they_are_made_also_across_a_restart(tmp_path):
    box = SqliteOutbox(tmp_path / "o.sqlite")
    for number in (1, 2):
        box.put_event(event(number), 1.0)
        box.put_event(event(number, 2, "updated"), 2.0)
    box.put_evidence(event(1).event_id, "gate", [(picture("snapshot.jpg", "a"), tmp_path / "a.jpg")], 1.0)
    box.close()
    again = SqliteOutbox(tmp_path / "o.sqlite")
    assert again.owed_snapshots(["gate"]) == [event(2)]
    assert again.owed_snapshots(["fence"]) == []
    again.snapshots_impossible(event(2).event_id)
    assert again.owed_snapshots(["gate"]) == []
    again.close()


def test_what_is_known_of_an_event_is_forgotten_when_nothing_more_can_come(outbox, tmp_path):
    first = ClipJob(event(1).event_id, "gate", 100, 90, 110)
    outbox.put_event(event(1), 1.0, first)
    pictures = [(picture("snapshot.jpg", "a"), tmp_path / "a.jpg")]
    assert outbox.put_evidence(first.event_id, "gate", pictures, 1.0).revision == 1
    outbox.put_event(event(1, 2, "closed"), 2.0)
    assert outbox.put_evidence(first.event_id, "gate", [], 3.0, done=first).revision == 2
    outbox.uploaded(outbox.uploads(1)[0])
    left = [outbox._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in KEPT_PER_EVENT]
    assert left == [0] * len(KEPT_PER_EVENT)


def test_a_clip_that_could_not_be_written_is_tried_again_later_and_later(outbox):
    job = ClipJob(event(1).event_id, "gate", 100, 90, 110)
    outbox.put_event(event(1), 1.0, job)
    waits = []
    for _ in range(4):
        due_s = next(110 + second for second in range(1000) if outbox.due_clips(["gate"], 110 + second))
        waits.append(due_s - 110)
        outbox.clip_failed(job)
    assert waits == [0, 2, 6, 14]


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
