"""What a full outbox gives up: exactly the written order, and never what that order spares."""

import sys
import uuid
from pathlib import Path

from edge.adapters import outbox_sacrifice
from edge.adapters.outbox_rows import ClipJob, OutboxBounds
from edge.adapters.sqlite_outbox import SqliteOutbox

sys.path.insert(0, str(Path(__file__).parent))

from made_rows import clip, event, picture


def test_a_full_outbox_gives_up_in_the_written_order_and_never_an_opening_nor_a_list_with_a_clip(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox_sacrifice, "AT_ONCE", 1)
    box = SqliteOutbox(tmp_path / "o.sqlite", OutboxBounds(max_rows=14))
    for number in (1, 2):
        box.put_event(event(number), 1.0)  # 1, 8
        box.put_evidence(event(number).event_id, "gate", [], 1.0)  # 2, 9
        pictures = [(picture("p.jpg", "a"), tmp_path / f"{number}.jpg")]
        box.put_evidence(event(number).event_id, "gate", pictures, 1.0)  # 3, 10: replaces 2, 9
        box.put_event(event(number, 2, "updated"), 1.0)  # 4, 11
        box.put_event(event(number, 3, "closed"), 1.0)  # 5, 12
        box.put_event(event(10 + number), 1.0)  # 6, 13
        box.put_evidence(event(10 + number).event_id, "gate", [(clip("b"), tmp_path / f"{number}.mp4")], 1.0)  # 7, 14
    assert box.figures().share == 1
    assert box.figures().gave_up_at_s is None
    for number, gone in enumerate([4, 11, 2, 9, 3, 10, 5, 12, None, None], 20):
        before = {row.sequence for row in box.waiting(0, 1000)}
        box.put_event(event(number), float(number))
        after = {row.sequence for row in box.waiting(0, 1000)}
        assert before - after == ({gone} if gone else set())
        assert box.figures().gave_up_at_s == min(number, 27)
    assert box.figures().share > 1
    assert {row.message.state for row in box.waiting(0, 1000) if row.kind == "event"} == {"open"}
    # No list will name the pictures any more, and the console takes no other file; clips and their lists wait on.
    assert sorted(one.path.name for one in box.uploads(9)) == ["1.mp4", "2.mp4"]
    assert (box.figures().given_up, box.figures().files_given_up) == (8, 2)
    box.close()


def test_pictures_of_a_given_up_list_wait_on_where_a_later_list_will_name_them(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox_sacrifice, "AT_ONCE", 1)
    box = SqliteOutbox(tmp_path / "o.sqlite", OutboxBounds(max_rows=2))
    job = ClipJob(event(1).event_id, "gate", 100, 90, 110)
    box.put_event(event(1), 1.0, job)
    box.put_evidence(event(1).event_id, "gate", [(picture("p.jpg", "a"), tmp_path / "p.jpg")], 1.0)
    box.put_event(event(2), 1.0)
    assert [row.kind for row in box.waiting(0, 9)] == ["event", "event"]
    told = box.put_evidence(event(1).event_id, "gate", [(clip("b"), tmp_path / "c.mp4")], 2.0, done=job)
    assert [file.name for file in told.files] == ["p.jpg", "clip.mp4"]
    assert [one.path.name for one in box.uploads(9)] == ["p.jpg", "c.mp4"]
    box.close()


def test_too_many_bytes_of_messages_are_too_much_as_well(tmp_path):
    size = len(event(1, 1, "updated").model_dump_json())
    box = SqliteOutbox(tmp_path / "o.sqlite", OutboxBounds(max_message_bytes=150 * size))
    for revision in range(1, 151):
        box.put_event(event(1, revision, "updated"), 1.0)
    assert len(box.waiting(0, 1000)) == 150
    box.put_event(event(1, 151, "updated"), 1.0)
    assert len(box.waiting(0, 1000)) == 51  # a hundred at a time
    box.close()


def test_files_past_their_bound_go_pictures_first_then_clips_past_their_days_and_the_console_is_told(tmp_path):
    path = tmp_path / "o.sqlite"
    box = SqliteOutbox(path, OutboxBounds(max_file_bytes=20))
    for number in (1, 2, 3, 4):
        event_id, sha = event(number).event_id, str(number)
        box.put_event(event(number), 1.0)
        box.put_evidence(event_id, "gate", [(picture("p.jpg", sha), tmp_path / f"{number}.jpg")], float(number))
        box.put_evidence(event_id, "gate", [(clip("abcd"[number - 1], 10), tmp_path / f"{number}.mp4")], 10.0 - number)
    ids = {number: event(number).event_id for number in (1, 2, 3, 4)}

    def left() -> list[str]:
        return sorted(one.path.name for one in box.uploads(99))

    box.tidy(99.0, set(), {ids[4]}, clock_trusted=True)
    assert left() == ["1.mp4", "2.mp4", "3.mp4", "4.jpg", "4.mp4"]  # 43 bytes, and nothing more may go
    box.tidy(99.0, {ids[1], ids[2], ids[4]}, {ids[4]}, clock_trusted=True)
    assert left() == ["3.mp4", "4.jpg", "4.mp4"]  # the clip of 2 waited for longer, but both had to go
    box.tidy(99.0, {ids[3]}, set(), clock_trusted=True)
    assert left() == ["3.mp4", "4.mp4"]
    told = {row.message.event_id: row.message for row in box.waiting(0, 99) if row.kind == "evidence"}
    assert (told[ids[1]].files, told[ids[1]].missing_code) == ((), "given_up")
    assert [file.name for file in told[ids[3]].files] == ["clip.mp4"]
    assert box.figures().files_given_up == 6
    assert box.figures().share == 1
    box.close()
    again = SqliteOutbox(path)
    assert again.figures().uploads == 2
    again.close()


def test_what_is_too_old_goes_but_openings_ends_and_clips_within_their_days(tmp_path):
    box = SqliteOutbox(tmp_path / "o.sqlite", OutboxBounds(max_age_s=100))
    for number, at_s in ((1, 1.0), (2, 200.0)):
        for revision, state in enumerate(("open", "updated", "closed"), 1):
            box.put_event(event(number, revision, state), at_s)
        files = [(picture("p.jpg", "a"), tmp_path / f"{number}.jpg"), (clip("b"), tmp_path / f"{number}.mp4")]
        box.put_evidence(event(number).event_id, "gate", files, at_s)
    box.tidy(250.0, set(), set(), clock_trusted=False)
    assert (box.figures().rows, box.figures().uploads) == (8, 4)
    box.tidy(250.0, set(), set(), clock_trusted=True)
    assert [row.message.state for row in box.waiting(0, 99) if row.kind == "event"] == [
        *("open", "closed"),
        *("open", "updated", "closed"),
    ]
    assert sorted(one.path.name for one in box.uploads(9)) == ["1.mp4", "2.jpg", "2.mp4"]
    box.tidy(250.0, {event(1).event_id, event(2).event_id}, set(), clock_trusted=True)
    assert sorted(one.path.name for one in box.uploads(9)) == ["2.jpg", "2.mp4"]
    box.close()


def test_an_outbox_of_an_earlier_version_is_counted_once_and_knows_its_clips(tmp_path):
    path = tmp_path / "o.sqlite"
    box = SqliteOutbox(path)
    box.put_event(event(1), 1.0)
    box.put_evidence(event(1).event_id, "gate", [(clip("b"), tmp_path / "c.mp4")], 1.0)
    box._db.executescript(
        "DROP TABLE tally; UPDATE message SET state = '' WHERE kind = 'evidence';"
        + "".join(f"DROP TRIGGER {name};" for name in ("message_in", "message_out", "upload_in", "upload_out"))
    )
    box.close()
    for _ in range(2):
        box = SqliteOutbox(path)
        assert (box.figures().rows, box.figures().uploads) == (2, 1)
        assert [row[0] for row in box._db.execute("SELECT state FROM message")] == ["open", "clip"]
        box.close()


def test_of_two_evidence_rows_the_later_one_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox_sacrifice, "AT_ONCE", 1)
    box = SqliteOutbox(tmp_path / "o.sqlite", OutboxBounds(max_rows=4))
    box.put_event(event(1), 1.0)
    box.put_evidence(event(1).event_id, "gate", [], 1.0)
    box.put_evidence(event(1).event_id, "gate", [], 1.0)
    box.put_event(event(2), 1.0)
    box.put_event(event(3), 1.0)
    assert [row.message.revision for row in box.waiting(0, 9) if row.kind == "evidence"] == [2]
    box.close()


def test_what_was_given_up_is_counted_and_what_arrived_all_the_same_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox_sacrifice, "AT_ONCE", 2)
    monkeypatch.setattr(outbox_sacrifice, "MAX_GIVEN_UP", 3)
    path = tmp_path / "o.sqlite"
    box = SqliteOutbox(path, OutboxBounds(max_rows=8))
    for revision in range(1, 9):
        box.put_event(event(1, revision, "open" if revision == 1 else "updated"), 1.0)
    assert box.figures().given_up == 0
    box.put_event(event(2), 1.0)
    assert box.figures().given_up == 2
    assert {2, 3}.isdisjoint(row.sequence for row in box.waiting(0, 99))
    box.acknowledge([1, 2])  # 2 was on its way when it was given up
    box.acknowledge([2, 2])
    assert box.figures().given_up == 1
    box.put_event(event(3), 1.0)
    box.put_event(event(4), 1.0)
    box.put_event(event(5), 1.0)
    assert box.figures().given_up == 3
    box.refuse(4, "odd")
    box.close()
    again = SqliteOutbox(path, OutboxBounds(max_rows=8))
    assert again.figures().given_up == 2
    for number in range(6, 10):
        again.put_event(event(number), 1.0)
    assert again._db.execute("SELECT count(*) FROM given_up").fetchone() == (3,)
    again.close()


def test_a_full_outbox_of_the_full_size_stays_quick_enough(tmp_path):
    """The sacrifice looks at each row once, and not at each pair of rows."""
    box = SqliteOutbox(tmp_path / "o.sqlite", OutboxBounds(max_rows=100_000))
    rows = [("evidence", str(uuid.UUID(int=number)), "", "{}", 1.0) for number in range(100_000)]
    with box.transaction() as db:
        db.executemany("INSERT INTO message (kind, event_id, state, body, at_s) VALUES (?, ?, ?, ?, ?)", rows)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return steps > 1000  # a million operations of SQLite's machine each; then it is interrupted

    box._db.set_progress_handler(count, 100_000)
    box.put_event(event(7), 1.0)
    assert box.figures().rows == 100_000 - 100 + 1
    box.close()
