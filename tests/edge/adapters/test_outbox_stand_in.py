"""A disk without a byte left: the outbox goes on in memory, knows what is owed, and comes back to the disk."""

import hashlib
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from broker.contract.messages import EvidenceFile
from edge.adapters import outbox_mending
from edge.adapters.outbox_mending import open_sound, set_aside
from edge.adapters.outbox_rows import ClipJob, OutboxBounds
from edge.adapters.outbox_stand_in import WITHIN, forget, stand_in_path
from edge.adapters.sqlite_outbox import SqliteOutbox

sys.path.insert(0, str(Path(__file__).parent))

from made_rows import event

EVENTS = 20


def opened(path: Path) -> SqliteOutbox:
    return open_sound(path, OutboxBounds(), path.parent / "evidence", 1_790_000_000.0)


def states(box: SqliteOutbox) -> list[tuple[str, str]]:
    """What waits, in its order: event and state."""
    return [(row.message.event_id, row.message.state) for row in box.waiting(0, 1000)]


@pytest.fixture
def disk(tmp_path):
    """A small file system with a sound outbox in which much waits."""
    folder = tmp_path / "disk"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    with closing(SqliteOutbox(folder / "outbox.sqlite")) as box:
        for number in range(1, EVENTS + 1):
            clip = ClipJob(event(number).event_id, "gate", 100.0, 90.0, 110.0)
            box.put_step("gate", number, [(event(number), clip)], 1.0)
    yield folder
    for path in folder.glob("*.sqlite"):
        forget(stand_in_path(path))
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "foreign").open("wb", buffering=0) as foreign:
        while True:
            foreign.write(bytes(4096))


def test_a_sound_outbox_without_room_for_its_journals_goes_on_in_memory_and_comes_back(disk):
    path = disk / "outbox.sqlite"
    fill(disk)
    with closing(opened(path)) as box:
        assert box.path == stand_in_path(path)
        assert len(box.unsettled()) == EVENTS
        box.put_event(event(1, 2, "closed"), 5.0)
        box.acknowledge([1])  # the console has it: only the stand-in knows that it is over
        box.put_event(event(999), 6.0)
    with closing(opened(path)) as box:  # a node that starts again has still no room
        assert (box.path, len(box.orphans("gate"))) == (stand_in_path(path), EVENTS)
    (disk / "foreign").unlink()
    with closing(opened(path)) as box:
        assert box.path == path
        assert states(box) == [
            *((event(n).event_id, "open") for n in range(1, EVENTS + 1)),
            (event(999).event_id, "open"),
        ]
        assert event(1).event_id not in {one.event_id for one in box.orphans("gate")}
        assert len(box.due_clips(["gate"], 1e9)) == EVENTS
    assert set_aside(disk) == []  # nothing was damaged
    assert not stand_in_path(path).parent.exists()


def test_evidence_of_an_outbox_that_can_not_be_read_is_not_taken_for_delivered(disk):
    """What the console has is deleted after its days, above all from a full disk."""
    path = disk / "outbox.sqlite"
    with closing(SqliteOutbox(path)) as box:
        picture = disk / "evidence" / event(3).event_id / "snapshot.jpg"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(b"a picture")
        sha256 = hashlib.sha256(b"a picture").hexdigest()
        facts = {"role": "snapshot", "name": "snapshot.jpg", "media_type": "image/jpeg", "bytes": 9, "sha256": sha256}
        file = EvidenceFile(**facts, begins_at_s=1.0, ends_at_s=1.0)
        box.put_evidence(event(3).event_id, "gate", [(file, picture)], 2.0)
    path.write_bytes(b"no database at all")
    fill(disk)
    with closing(opened(path)) as box:
        assert box.path == stand_in_path(path)
        assert event(3).event_id in box.unsettled()
        assert [upload.path for upload in box.uploads(9)] == [picture]
    (disk / "foreign").unlink()
    with closing(opened(path)) as box:
        assert (box.path, [upload.path for upload in box.uploads(9)]) == (path, [picture])
        assert [row.kind for row in box.waiting(0, 9)] == ["event", "evidence"]
    assert len(set_aside(disk)) == 1


def test_a_node_whose_first_start_finds_no_room_watches_all_the_same(disk):
    path = disk / "new.sqlite"
    fill(disk)
    with closing(opened(path)) as box:
        box.put_event(event(7), 6.0)
    (disk / "foreign").unlink()
    with closing(opened(path)) as box:
        assert (box.path, states(box)) == (path, [(event(7).event_id, "open")])


def test_a_machine_that_lends_no_memory_knows_what_is_owed_and_comes_back_to_the_disk(disk, monkeypatch):
    path = disk / "outbox.sqlite"
    fill(disk)
    monkeypatch.setattr(outbox_mending, "stand_in_path", lambda one: disk.parent / "no such place" / "in" / one.name)
    with closing(opened(path)) as box:
        assert box.path == WITHIN
        assert len(box.unsettled()) == EVENTS
        assert not WITHIN.exists()
        (disk / "foreign").unlink()
        box.exchange(lambda: outbox_mending.mended(path, disk / "evidence", 1.0))
        assert (box.path, len(box.waiting(0, 1000))) == (path, EVENTS)


def test_what_was_refused_or_given_up_is_not_forgotten_with_an_outbox_that_is_begun_anew(disk):
    path = disk / "outbox.sqlite"
    small = OutboxBounds(max_rows=EVENTS - 2, max_file_bytes=5)
    with closing(SqliteOutbox(path, small)) as box:
        for number in (2, 5):
            box.refuse(number, f"reason {number}")
        for name in ("snapshot", "snapshot_boxes"):
            picture = disk / f"{name}.jpg"
            picture.write_bytes(name.encode())
            facts = {"role": name, "name": picture.name, "media_type": "image/jpeg", "bytes": len(name)}
            sha256 = hashlib.sha256(name.encode()).hexdigest()
            file = EvidenceFile(**facts, sha256=sha256, begins_at_s=1.0, ends_at_s=1.0)
            box.put_evidence(event(3).event_id, "gate", [(file, picture)], 2.0)
        box.tidy(77.0, (), (), clock_trusted=True)
        before = box.figures()
    assert before.files_given_up
    fill(disk)
    with closing(opened(path)) as box:  # in memory
        box.put_event(event(9), 1.0)
        box.refuse(box.waiting(0, 9)[-1].sequence, "reason 9")
    (disk / "foreign").unlink()
    with closing(opened(path)) as box:
        after = box.figures()
        assert (box.path, after.refused) == (path, 3)
        assert (after.files_given_up, after.gave_up_at_s) == (before.files_given_up, 77.0)
        with box.transaction() as db:
            told = db.execute("SELECT sequence, reason FROM refused ORDER BY sequence").fetchall()
    assert told == [(-3, "reason 2"), (-2, "reason 5"), (-1, "reason 9")]


def test_a_node_killed_while_it_makes_a_stand_in_still_knows_what_is_owed(disk, monkeypatch):
    path, take_over = disk / "outbox.sqlite", outbox_mending._take_over
    fill(disk)

    def killed(new, old, tables):
        if disk not in new.path.parents:
            raise KeyboardInterrupt
        return take_over(new, old, tables)

    with monkeypatch.context() as patched:
        patched.setattr(outbox_mending, "_take_over", killed)
        with pytest.raises(KeyboardInterrupt):
            opened(path)
    with closing(opened(path)) as box:
        assert (box.path, len(box.unsettled())) == (stand_in_path(path), EVENTS)
        assert len(box.due_clips(["gate"], 1e9)) == EVENTS
