"""A node on a real small disk that others fill to the last byte, or that fills with what may not be deleted."""

import sqlite3

from node_folder import fill


def test_a_disk_filled_to_the_last_byte_takes_the_oldest_recording_then_old_clips_and_says_when_it_stops(
    node, small_disk
):
    box = node("clip_days: 7")
    box.record("gate", 1, 20, size=500_000)  # 10 MB
    box.record("gate", 0, 1, size=500_000)  # the next clip's first seconds
    past, young, owed, kept = box.event(1, 9), box.event(2, 1), box.event(3, 9, delivered=False), box.event(4, 9)
    box.hold(kept.name)
    box.clock.set_by_s = 3600.0  # the clock was set: nothing goes by its age
    oldest_first = box.recorded()
    fill(small_disk / "foreign")
    assert "is held" in box.hold(young.name)  # without a byte for it: its name says it
    box.housekeeper.tidy()
    left = box.recorded()
    assert left == oldest_first[-len(left) :]
    assert len(left) == 16  # a sixteenth of the disk is free again: 2 MB
    assert box.housekeeper.problems == ()
    assert all(folder.exists() for folder in (past, young, owed, kept))
    for number in range(8):  # others take all that becomes free
        fill(small_disk / f"foreign-{number}")
        box.housekeeper.tidy()
    assert box.recorded() == oldest_first[-1:]
    assert [folder.exists() for folder in (past, young, owed, kept)] == [False, True, True, True]
    assert [str(one) for one in box.housekeeper.problems] == ["recording_stopped"]
    for path in small_disk.glob("foreign*"):
        path.unlink()
    box.housekeeper.tidy()
    assert box.housekeeper.problems == ()


def test_staff_hear_days_before_that_what_may_not_go_fills_the_disk(node, small_disk):
    box = node("clip_days: 3650")
    told: list[str] = []
    for turn in range(120):
        box.event(turn + 1, 0, size=390_000)  # 3 MB a day
        box.housekeeper.tidy()
        told += [str(one) for one in box.housekeeper.problems if str(one) not in told[-1:]]
        if "recording_stopped" in told:
            break
        box.clock.now_s += 3 * 3600.0
        if turn < 8:  # the databases begin to grow in the first day
            told = []
    days = [text for text in told if text.startswith("disk_days")]
    hours = [text for text in told if text.startswith("disk_hours")]
    assert days[0] in ("disk_days_left:7", "disk_days_left:6")  # the outbox's log grows to 4 MB beside it
    assert days[-1] == "disk_days_left:1"
    assert len(hours) >= 6
    assert hours[-1] in ("disk_hours_left:1", "disk_hours_left:2", "disk_hours_left:3")
    assert told == [*days, *hours, "recording_stopped"]
    assert len(days) + len(hours) == len({*days, *hours})  # each once: it goes down only


def test_an_outbox_that_met_a_full_disk_goes_on_where_there_is_room_again(node, small_disk):
    box = node()
    told: set[str] = set()
    fill(small_disk / "foreign")
    for number in range(1, 40):
        try:
            box.event(number, 0)
        except (OSError, sqlite3.OperationalError) as error:
            told.add(str(error))
    assert "database or disk is full" in told
    assert not any("transaction" in text for text in told)
    (small_disk / "foreign").unlink()
    before = len(box.outbox.waiting(0, 999))
    box.event(99, 0)
    assert len(box.outbox.waiting(0, 999)) == before + 2
