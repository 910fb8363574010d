"""The index follows the files, finds what rotted, and is made anew where it is damaged itself."""

import contextlib
import sqlite3

import pytest

from edge.adapters.segment_index import IndexedFile, SegmentIndex, is_sound

ALL = 1 << 40


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "recordings" / "gate"
    folder.mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}000-{number + 1}000.mp4").write_bytes(bytes([number]) * 3000)
    return tmp_path


@pytest.fixture
def index(root):
    index = SegmentIndex(root / "index.sqlite", root)
    yield index
    index.close()


def files(root):
    found = []
    for path in sorted(root.glob("recordings/gate/*.mp4")):
        begins_at_s = int(path.name[0])
        name = path.relative_to(root).as_posix()
        found.append(IndexedFile(name, "gate", begins_at_s, begins_at_s + 1, path.stat().st_size))
    return found


def flip(path, at):
    """One bit of a file, its length and times as they were."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_one_bit_that_rotted_is_found_in_the_background_and_before_use(root, index):
    index.sync(files(root))
    assert index.check(ALL, 0, 100.0) == []
    victim = root / "recordings/gate/3000-4000.mp4"
    flip(victim, 1234)
    assert not is_sound(root / "index.sqlite", root, victim)
    assert is_sound(root / "index.sqlite", root, root / "recordings/gate/2000-3000.mp4")
    assert index.damaged() == 0
    assert index.check(0, ALL, 200.0) == ["recordings/gate/3000-4000.mp4"]
    assert index.damaged() == 1
    assert index.check(0, ALL, 300.0) == []  # told once
    victim.unlink()
    index.sync(files(root))
    assert index.damaged() == 0


def test_a_file_cut_short_before_its_hash_was_taken_is_damaged(root, index):
    index.sync(files(root))
    (root / "recordings/gate/0000-1000.mp4").write_bytes(b"")
    assert index.check(ALL, 0, 1.0) == ["recordings/gate/0000-1000.mp4"]
    assert not is_sound(root / "index.sqlite", root, root / "recordings/gate/0000-1000.mp4")


def test_each_file_is_looked_at_in_turn_a_little_at_a_time(root, index, monkeypatch):
    index.sync(files(root))
    index.check(ALL, 0, 0.0)
    looked_at = []
    from edge.adapters import segment_index

    whole = segment_index._sha256
    monkeypatch.setattr(
        segment_index, "_sha256", lambda path, size: looked_at.append(path.name[0]) or whole(path, size)
    )
    for turn in range(3):
        index.check(0, 6000, 1.0 + turn)  # two files each
    assert sorted(looked_at) == list("012345")


def test_what_is_deleted_or_new_is_followed(root, index):
    index.sync(files(root))
    index.check(ALL, 0, 1.0)
    (root / "recordings/gate/0000-1000.mp4").unlink()
    (root / "recordings/gate/6000-7000.mp4").write_bytes(b"x" * 500)
    assert index.check(0, ALL, 2.0) == []  # one that is gone is not damaged
    index.sync(files(root))
    assert index.recorded_since(0.0) == {"gate": (15_500, 6.0)}
    assert index.recorded_since(3.0) == {"gate": (9_500, 4.0)}


@pytest.mark.parametrize("damage", ["noise", "half", "page", "empty"])
def test_a_damaged_index_is_made_anew_from_the_files(root, damage, caplog):
    path = root / "index.sqlite"
    first = SegmentIndex(path, root)
    first.sync(files(root))
    first.check(ALL, 0, 1.0)
    first.close()
    whole = path.read_bytes()
    harmed = {
        "noise": b"\xa5" * len(whole),
        "half": whole[: len(whole) // 2],
        "page": whole[:4096] + b"\xff" * 4096 + whole[8192:],
        "empty": b"",
    }[damage]
    path.write_bytes(harmed)
    second = SegmentIndex(path, root)
    second.sync(files(root))
    assert second.check(ALL, 0, 2.0) == []
    assert second.recorded_since(0.0) == {"gate": (18_000, 6.0)}
    assert second.rebuilt == (0 if damage == "empty" else 1)
    assert ("made anew from the files" in caplog.text) == (damage != "empty")
    second.close()


def test_damage_met_in_use_costs_one_round(root, index):
    index.sync(files(root))
    index._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray((root / "index.sqlite").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (root / "index.sqlite").write_bytes(content)
    index._db.execute("PRAGMA cache_size=0")
    index._db.execute("PRAGMA shrink_memory")
    with pytest.raises(sqlite3.DatabaseError):
        index.sync(files(root))
    index.sync(files(root))
    assert index.recorded_since(0.0) == {"gate": (18_000, 6.0)}


@pytest.mark.parametrize(
    ("sound", "harmed"), [(b"recordings/gate/3000", b"recordings/gate/\xff000"), (b"ON file (", b"ON fi\xffe (")]
)
def test_damaged_text_costs_one_round_at_most(root, sound, harmed):
    path = root / "index.sqlite"
    first = SegmentIndex(path, root)
    first.sync(files(root))
    first.close()
    assert sound in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(sound, harmed))
    assert is_sound(path, root, root / "recordings/gate/4000-5000.mp4")
    second = SegmentIndex(path, root)
    with contextlib.suppress(sqlite3.DatabaseError):
        second.sync(files(root))
    second.sync(files(root))
    assert second.rebuilt == 1
    assert second.recorded_since(0.0) == {"gate": (18_000, 6.0)}
    second.close()


def test_without_an_index_nobody_is_held_up(root):
    segment = root / "recordings/gate/0000-1000.mp4"
    assert is_sound(root / "index.sqlite", root, segment)
    (root / "index.sqlite").write_bytes(b"\xa5" * 9000)
    assert is_sound(root / "index.sqlite", root, segment)


def test_the_room_of_two_days_is_remembered_past_a_restart(root):
    for hour in range(100):
        index = SegmentIndex(root / "index.sqlite", root)
        index.note_room(hour * 3600.0, 1000 - hour)
        index.close()
    index = SegmentIndex(root / "index.sqlite", root)
    assert index.rooms() == [(hour * 3600.0, 1000 - hour) for hour in range(51, 100)]
    index.note_room(60 * 3600.0, 5)  # the clock was set back
    assert index.rooms()[-1] == (60 * 3600.0, 5)
    index.close()
