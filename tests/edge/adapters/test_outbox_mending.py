"""A damaged outbox: begun anew with what can be read, the old file kept, nothing that waits left to nobody."""

import hashlib
import json
import random
import shutil
import sqlite3
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.contract.messages import EvidenceFile
from edge.adapters.outbox_mending import UNKNOWN_REVISIONS, mended, open_sound, set_aside
from edge.adapters.outbox_rows import ClipJob, OutboxBounds
from edge.adapters.outbox_stand_in import WITHIN, forget, stand_in_path
from edge.adapters.sqlite_outbox import SqliteOutbox

sys.path.insert(0, str(Path(__file__).parent))

from made_rows import event

NOW_S = 1_790_000_000.0
EVENTS = 60
BOUNDS = OutboxBounds()


def put_files(box: SqliteOutbox, folder: Path, number: int, role: str = "snapshot") -> list[Path]:
    """Real files in the event's folder, listed as evidence."""
    event_id = str(uuid.UUID(int=number))
    (folder / event_id).mkdir(parents=True, exist_ok=True)
    content = random.Random(f"{number}{role}").randbytes(500)
    kind, name = ("image/jpeg", "snapshot.jpg") if role == "snapshot" else ("video/mp4", "clip.mp4")
    path = folder / event_id / (name if role == "snapshot" else "clip-7.000.mp4")
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    facts = {"role": role, "name": name, "media_type": kind, "begins_at_s": 1.0, "ends_at_s": 2.0}
    box.put_evidence(event_id, "gate", [(EvidenceFile(**facts, bytes=500, sha256=sha256), path)], 2.0)
    return [path]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with an outbox in which much waits; all of it stands in the file itself."""
    folder = tmp_path_factory.mktemp("made")
    path = folder / "outbox.sqlite"
    box = SqliteOutbox(path)
    for number in range(1, EVENTS + 1):
        clip = ClipJob(str(uuid.UUID(int=number)), "gate", 100.0, 90.0, 110.0)
        box.put_step("gate", number, [(event(number), clip)], 1.0)
        if number % 3 == 0:
            put_files(box, folder / "evidence", number)
        if number % 2 == 0:
            box.put_event(event(number, 2, "closed"), 3.0)
    box.close()
    return folder


@pytest.fixture(scope="module")
def sound(made) -> bytes:
    """That outbox as it was, for the test that damages it in its place: it runs last."""
    return (made / "outbox.sqlite").read_bytes()


@pytest.fixture
def path(made, tmp_path) -> Path:
    """A copy of that outbox, with its folders of evidence."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as db:
        db.execute("UPDATE upload SET path = replace(path, ?, ?)", (str(made), str(tmp_path)))
        db.commit()
    return tmp_path / "outbox.sqlite"


def opened(path: Path) -> SqliteOutbox:
    return open_sound(path, BOUNDS, path.parent / "evidence", NOW_S)


def told(box: SqliteOutbox) -> dict[str, set[str]]:
    """What waits: kind or state -> events."""
    found: dict[str, set[str]] = {}
    for row in box.waiting(0, 10_000):
        kind = row.kind if row.kind == "evidence" else row.message.state
        found.setdefault(kind, set()).add(row.message.event_id)
    return found


def test_a_sound_outbox_is_left_as_it_is(path, tmp_path):
    with closing(SqliteOutbox(path)) as before:
        identity, waits = before.outbox_id, told(before)
    with closing(opened(path)) as box:
        assert (box.outbox_id, told(box)) == (identity, waits)
    assert set_aside(tmp_path) == []


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\x00" + b"\xff" * 4096, bytes(8192)])
def test_of_a_file_that_is_no_outbox_the_folders_of_evidence_are_told_again(path, tmp_path, content):
    path.write_bytes(content)
    with closing(opened(path)) as box:
        threes = {str(uuid.UUID(int=number)) for number in range(3, EVENTS + 1, 3)}
        assert told(box) == {"open": threes, "evidence": threes}
        assert {upload.event_id for upload in box.uploads(1000)} == threes
        over = {str(uuid.UUID(int=number)) for number in range(6, EVENTS + 1, 6)}  # without a clip that says so
        assert {orphan.event_id for orphan in box.orphans("gate")} == threes - over  # they end with the worker's start
        assert box.step("gate") is None
    (name,) = set_aside(tmp_path)
    assert name == "outbox-damaged-20260921T141320Z.sqlite"
    assert (tmp_path / name).read_bytes() == content
    assert not list(tmp_path.glob("outbox-new*"))


def test_what_was_over_when_its_clip_was_made_does_not_stand_open_again(tmp_path):
    path = tmp_path / "outbox.sqlite"
    with closing(SqliteOutbox(path)) as box:
        for number in (1, 2):
            box.put_event(event(number), 1.0)
        put_files(box, tmp_path / "evidence", 1)
        put_files(box, tmp_path / "evidence", 2)
        box.put_event(event(1, 2, "closed"), 3.0)
        put_files(box, tmp_path / "evidence", 1, "clip")
    path.write_bytes(b"nothing of it is left")
    with closing(open_sound(path, BOUNDS, tmp_path / "evidence", NOW_S)) as box:
        (going_on,) = box.orphans("gate")
        assert going_on.event_id == event(2).event_id
        assert going_on.revision > UNKNOWN_REVISIONS  # so that the console takes its end
        assert len(box.uploads(9)) == 3
        put_files(box, tmp_path / "evidence", 2, "clip")
        assert box.waiting(0, 99)[-1].message.revision > UNKNOWN_REVISIONS


def test_a_file_that_is_empty_is_a_new_outbox(tmp_path):
    (tmp_path / "outbox.sqlite").write_bytes(b"")
    with closing(opened(tmp_path / "outbox.sqlite")) as box:
        assert box.figures().rows == 0
    assert set_aside(tmp_path) == []


def _pages_of(path: Path, table: str) -> list[int]:
    """The leaves of a table, found by the mark at their head and a body on them."""
    with closing(sqlite3.connect(path)) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    content = path.read_bytes()
    page = content[(root - 1) * size : root * size]
    assert page[0] == 5, "the table is larger than a page"
    cells = int.from_bytes(page[3:5], "big")
    places = [int.from_bytes(page[12 + 2 * n : 14 + 2 * n], "big") for n in range(cells)]
    return [int.from_bytes(page[place : place + 4], "big") for place in places]


def test_a_torn_page_hides_what_lies_on_it_and_no_more(path, tmp_path):
    leaves = _pages_of(path, "message")
    with path.open("r+b") as file:
        file.seek((leaves[len(leaves) // 2] - 1) * 4096)
        file.write(b"\x00" * 4096)
    with closing(opened(path)) as box:
        waits = told(box)
        lost = EVENTS - len(waits["open"])
        assert lost <= 10
        assert len(waits["evidence"]) == EVENTS // 3  # what was lost of them is told again from the folders
        assert len({upload.path for upload in box.uploads(1000)}) == EVENTS // 3
        assert len(box.due_clips(["gate"], 1e10)) == EVENTS
        assert 0 <= len(box.orphans("gate")) - EVENTS // 2 <= 10  # one whose end was lost is closed by its next worker
        assert box.step("gate") == EVENTS
        ends = [row.message.event_id for row in box.waiting(0, 1000) if getattr(row.message, "state", "") == "closed"]
        assert ends == sorted(ends)  # in the order in which they were written
    assert len(set_aside(tmp_path)) == 1


def test_where_only_the_list_of_files_is_torn_they_are_owed_all_the_same(path):
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'upload'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\x00" * 4096)
    with closing(opened(path)) as box:
        assert len({upload.path for upload in box.uploads(1000)}) == EVENTS // 3
        assert len(told(box)["evidence"]) == EVENTS // 3


def test_damaged_text_in_a_message_holds_up_no_other(path, tmp_path, caplog):
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE message SET body = CAST(x'ff00fe' AS TEXT) WHERE sequence = 1")
        db.execute("UPDATE open_event SET body = '{' WHERE rowid = 1")
        db.commit()
    with closing(opened(path)) as box:
        assert [row.sequence for row in box.waiting(0, 2)] == [2]
        assert len(box.waiting(0, 1000)) == EVENTS + EVENTS // 3 + EVENTS // 2 - 1
        assert box.figures().refused == 1
        assert len(box.orphans("gate")) == EVENTS // 2 - 1
    assert "message 1 is damaged on this disk" in caplog.text


def test_damage_that_shows_while_it_runs_is_noted_and_mended_in_place(path, tmp_path):
    with closing(sqlite3.connect(path)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'clip_job'").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))
    box = SqliteOutbox(path)  # as it is open while the disk fails
    identity = box.outbox_id
    with pytest.raises(sqlite3.DatabaseError):
        box.due_clips(["gate"], 1e10)
    assert box.damaged
    with pytest.raises(RuntimeError, match="a bug"):
        box.exchange(lambda: (_ for _ in ()).throw(RuntimeError("a bug")))
    with pytest.raises(sqlite3.Error):
        box.figures()
    box.exchange(lambda: mended(path, tmp_path / "evidence", NOW_S))
    assert box.outbox_id != identity
    assert len(box.uploads(1000)) == EVENTS // 3
    box.acknowledge([1], identity)  # of the one before: its number says nothing here
    assert len(told(box)["open"]) == EVENTS
    box.close()


def test_a_disk_that_is_full_is_no_damage(path, tmp_path):
    box = opened(path)
    box._db.execute("PRAGMA max_page_count=1")
    revisions = [(event(number), None) for number in range(1000, 2000)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        box.put_step("gate", EVENTS + 1, revisions, 1.0)
    assert not box.damaged
    box.close()


@pytest.fixture
def no_room(path, monkeypatch):
    """Nothing new reaches the disk, while it is entered; what stood in goes with the test."""
    stand_in = stand_in_path(path)

    def refuse(_path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("edge.adapters.outbox_mending.sync", refuse)
        yield stand_in, patched.undo
    forget(stand_in)


def test_where_the_disk_takes_no_new_one_a_stand_in_goes_on_and_comes_back_to_the_disk(path, tmp_path, no_room):
    leaves = _pages_of(path, "message")
    with path.open("r+b") as file:
        file.seek((leaves[len(leaves) // 2] - 1) * 4096)
        file.write(bytes(4096))
    damaged, (stand_in, there_is_room) = path.read_bytes(), no_room
    with closing(opened(path)) as box:
        assert box.path == stand_in
        assert (path.read_bytes(), set_aside(tmp_path)) == (damaged, [])
        assert len(box.unsettled()) == EVENTS  # nothing that is owed may be deleted meanwhile
        assert box.step("gate") == EVENTS
        box.put_event(event(1, 2, "closed"), 5.0)
        box.put_event(event(999), 6.0)
    with closing(opened(path)) as box:  # a node that has died goes on with it
        assert [row.message.event_id for row in box.waiting(0, 9)] == [event(1).event_id, event(999).event_id]
    there_is_room()
    with closing(opened(path)) as box:
        assert box.path == path
        waits = [row.message for row in box.waiting(0, 1000) if row.kind == "event"]
        assert len({message.event_id for message in waits if message.state == "open"}) > EVENTS - 10
        assert [message.state for message in waits if message.event_id == event(1).event_id] == ["open", "closed"]
        assert [message.state for message in waits if message.event_id == event(999).event_id] == ["open"]
        assert {event(1).event_id, event(999).event_id} & {one.event_id for one in box.orphans("gate")} == {
            event(999).event_id
        }
    assert len(set_aside(tmp_path)) == 1
    assert not stand_in.parent.exists()


def test_a_stand_in_that_was_left_beside_a_sound_outbox_is_told(path, no_room):
    stand_in, there_is_room = no_room
    content = path.read_bytes()
    path.write_bytes(b"no database at all")
    with closing(opened(path)) as box:
        box.put_event(event(999), 6.0)
    path.write_bytes(content)
    there_is_room()
    with closing(opened(path)) as box:
        assert box.waiting(0, 1000)[-1].message.event_id == event(999).event_id
        assert len(told(box)["open"]) == EVENTS + 1
    assert not stand_in.parent.exists()


def test_where_there_is_no_memory_either_nothing_moves_and_it_is_told(path, tmp_path, no_room, monkeypatch, caplog):
    path.write_bytes(b"no database at all")
    monkeypatch.setattr("edge.adapters.outbox_mending.stand_in_path", lambda _: tmp_path / "nowhere/a/outbox.sqlite")
    with closing(opened(path)) as box:
        assert box.path == WITHIN
    assert "until there is room nobody is watched" in caplog.text
    assert path.read_bytes() == b"no database at all"
    assert set_aside(tmp_path) == []


def test_by_which_clock_a_message_speaks_is_taken_over_also_from_an_earlier_version(tmp_path):
    path = tmp_path / "outbox.sqlite"
    with closing(SqliteOutbox(path)) as box:
        box.put_event(event(1), 1.0, ahead_s=77.0)
    with closing(SqliteOutbox(path)) as box:
        box.exchange(lambda: mended(path, tmp_path / "evidence", NOW_S))
        assert [row.ahead_s for row in box.waiting(0, 9)] == [77.0]
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE message DROP COLUMN ahead_s")
        db.execute("ALTER TABLE message DROP COLUMN machine_run")
        mended(path, tmp_path / "evidence", NOW_S)
    with closing(SqliteOutbox(path)) as box:
        assert [(row.message.event_id, row.ahead_s) for row in box.waiting(0, 9)] == [(event(1).event_id, None)]


@pytest.mark.parametrize("moved", range(2))
def test_power_cut_between_any_two_moves_loses_nothing(path, tmp_path, monkeypatch, moved):
    path.write_bytes(b"no database at all")
    replace, moves = Path.replace, []

    def cut(self, target):
        if len(moves) == moved and "outbox" in self.name:
            raise KeyboardInterrupt
        if "outbox" in self.name:
            moves.append(self.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        opened(path)
    monkeypatch.setattr(Path, "replace", replace)
    with closing(opened(path)) as box:
        assert len(told(box)["evidence"]) == EVENTS // 3
    assert any((tmp_path / name).read_bytes() == b"no database at all" for name in set_aside(tmp_path))


def test_a_proof_keeps_up_with_its_event_and_a_damaged_one_is_none(tmp_path):
    with closing(SqliteOutbox(tmp_path / "o.sqlite")) as box:
        box.put_event(event(5), 1.0)
        put_files(box, tmp_path / "evidence", 5)
        put_files(box, tmp_path / "evidence", 5, "clip")
    folder = tmp_path / "evidence" / str(uuid.UUID(int=5))
    kept = json.loads((folder / "evidence.json").read_text())
    assert sorted(kept["names"].values()) == ["clip-7.000.mp4", "snapshot.jpg"]
    assert kept["opening"]["revision"] == 1
    for content in ("", "{}", '{"opening": 3, "listing": {}, "names": []}', "[" * 5000):
        (folder / "evidence.json").write_text(content)
        (tmp_path / "o.sqlite").write_bytes(b"no database at all")
        with closing(opened(tmp_path / "o.sqlite")) as box:
            assert box.figures().rows == 0


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_whatever_is_damaged_the_node_has_an_outbox(made, sound, data):
    folder, content = made, sound
    path = folder / "outbox.sqlite"
    for one in folder.glob("outbox*"):
        one.unlink()
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        begin = data.draw(st.integers(0, len(damaged) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=64) | st.just(bytes(4096)))
        damaged[begin : begin + len(junk)] = junk
    path.write_bytes(bytes(damaged[: len(content)]))
    with closing(opened(path)) as box:
        _use(box)
        if box.damaged:  # what quick_check does not see
            box.exchange(lambda: mended(path, folder / "evidence", NOW_S))
            _use(box)
            assert not box.damaged


def _use(box: SqliteOutbox) -> None:
    """All that a node asks of it; what it raises must be an error of SQLite."""
    try:
        box._db.execute("PRAGMA synchronous=OFF")
        box.acknowledge([row.sequence for row in box.waiting(0, 1000)])
        for upload in box.uploads(1000):
            box.uploaded(upload)
        for orphan in box.orphans("gate"):
            box.put_event(orphan.model_copy(update={"state": "closed", "revision": 9}), NOW_S)
        for job in box.due_clips(["gate"], 1e10):
            box.put_evidence(job.event_id, "gate", [], NOW_S, done=job)
        box.figures()
        box.unsettled()
        box.clip_spans("gate", 5.0, 900.0)
    except sqlite3.Error:
        assert box.damaged
