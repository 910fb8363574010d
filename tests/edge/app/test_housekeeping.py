"""What goes from a node's disk and what stays, with real files and a real outbox."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from pathlib import Path
from unittest.mock import patch

import pytest
from node_folder import DAY_S, MINUTE, NOW_S

from broker.contract.messages import EventMessage
from edge.app.hold import locked_folder
from edge.app.housekeeping import Housekeeper
from edge.app.node_folder import holds_of


def test_recording_goes_after_its_days_and_clips_after_those_of_camera_or_zone(node):
    box = node("continuous_days: 2, clip_days: 5")
    box.record("gate", 3, 10)
    box.record("gate", 0, 10)
    old, of_yard, young = box.event(1, 6), box.event(2, 6, "yard"), box.event(3, 4)
    box.housekeeper.tidy()
    assert len(box.recorded()) == 10
    assert [folder.exists() for folder in (old, of_yard, young)] == [False, True, True]


def test_what_the_console_lacks_stays_however_old_it_is_and_goes_with_the_next_round_after_it_has_it(node):
    box = node("clip_days: 0")
    owed = box.event(1, 300, delivered=False)
    box.housekeeper.tidy()
    assert len(list(owed.iterdir())) == 3  # its label, the clip, and what is to be told of it
    box.deliver(owed.name)
    box.housekeeper.tidy()
    assert not owed.exists()


def test_an_event_that_is_open_keeps_its_files_and_its_recording(node):
    box = node("continuous_days: 0, clip_days: 0")
    box.record("gate", 0, 60)
    opened_at_s = box.clock.wall_s() - 40 * MINUTE
    event_id = str(uuid.UUID(int=9))
    facts = {"rule": "loitering", "camera": "gate", "opened_at_s": opened_at_s, "captured_at_s": opened_at_s}
    box.outbox.put_event(EventMessage(event_id=event_id, revision=1, state="open", **facts), 1.0)
    box.outbox.snapshots_impossible(event_id)
    folder = box.root / "evidence" / event_id
    folder.mkdir(parents=True)
    (folder / "snapshot.jpg").write_bytes(b"x")
    box.clock.now_s += 1.0
    box.housekeeper.tidy()
    assert folder.exists()
    # Off: the minutes of the event that a clip may show (15), and what the next one needs before and after it.
    begins_s = [int(name.partition("-")[0]) / 1000 - box.clock.wall_s() for name in box.recorded()]
    assert len([s for s in begins_s if s < -20 * MINUTE]) in (16, 17)
    assert len([s for s in begins_s if s > -3 * MINUTE]) == 2
    assert len(begins_s) in (18, 19)


def test_a_camera_above_its_budget_loses_its_oldest_recording_and_no_clip(node):
    box = node("max_bytes: 10_000_000, clip_days: 30")
    box.record("gate", 0, 100, size=150_000)
    kept = box.event(1, 1, size=4_000_000)
    before = box.recorded()
    box.housekeeper.tidy()
    left = box.recorded()
    assert left == before[-len(left) :]
    assert 5_800_000 < len(left) * 150_000 <= 6_000_000
    assert kept.exists()


def test_a_camera_taken_out_keeps_its_recording_for_a_week_and_its_boxes_and_stills_not_at_all(node):
    box = node()
    box.record("old-gate", 8, 5)
    box.record("old-gate", 1, 5)
    (box.root / "recordings/old-gate/1789999999000.mp4").write_bytes(b"cut short when the power went")
    for camera in ("gate", "old-gate"):
        (box.root / "tracks" / camera).mkdir(parents=True)
        (box.root / "tracks" / camera / "1789999999-1.jsonl").write_text("[]\n")
        (box.root / "stills").mkdir(exist_ok=True)
        (box.root / "stills" / f"{camera}.jpg").write_bytes(b"x")
    box.housekeeper.tidy()
    assert len(box.recorded("old-gate")) == 5
    assert [path.name for path in (box.root / "tracks").iterdir()] == ["gate"]
    assert [path.name for path in (box.root / "stills").iterdir()] == ["gate.jpg"]
    box.clock.now_s += 8 * DAY_S
    for _ in range(2):
        box.housekeeper.tidy()
    assert not (box.root / "recordings/old-gate").exists()


def test_what_is_held_stays_until_it_is_let_go(node):
    box = node("continuous_days: 1, clip_days: 1")
    box.record("gate", 3, 30)
    event, other = box.event(1, 9), box.event(2, 9)
    first = int(box.recorded()[0].partition("-")[0]) / 1000
    begins, ends = (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(first + at_s)) for at_s in (300, 600))
    span = ("gate", "--from", begins, "--to", ends)
    assert f"{event.name} is held: clip-" in box.hold(event.name, "--reason", "police, case 12")
    assert "300 of 300 s are recorded" in box.hold(*span)
    box.housekeeper.tidy()
    assert event.exists()
    assert not other.exists()
    newest = box.recorded()[-2:]  # of them the next clip is made
    assert len(box.recorded()) in (7, 8, 9)
    assert len(box.hold().split()) == 2
    reason = json.loads((box.root / "holds" / f"{event.name}.json").read_text())["reason"]
    assert reason == "police, case 12"
    for words in ((event.name,), span):
        assert "no longer held" in box.hold(*words, "--release")
    box.housekeeper.tidy()
    assert not event.exists()
    assert box.recorded() == newest
    assert "nothing is held" in box.hold()


def test_what_stays_is_not_made_anew_each_round_and_a_hold_set_between_two_rounds_counts(node):
    """50,000 segments cost a second of a Raspberry Pi every minute."""
    box = node("continuous_days: 2")
    box.record("gate", 1, 10)
    first, second = (list(box.housekeeper._kept(box.housekeeper._holds.read())) for _ in range(2))
    assert len(first) == 10
    assert all(one is same for one, same in zip(first, second, strict=True))
    at_s = box.clock.wall_s() - DAY_S - 300
    begins, ends = (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s + more_s)) for more_s in (0, 60))
    span = ("gate", "--from", begins, "--to", ends)
    assert "60 of 60 s are recorded" in box.hold(*span)
    box.clock.now_s += 2 * DAY_S
    box.record("gate", 0, 3)
    box.housekeeper.tidy()
    held = len(box.recorded()) - 3
    assert 1 <= held <= 3
    box.hold(*span, "--release")
    box.housekeeper.tidy()
    assert len(box.recorded()) == 3


def test_a_hold_outlives_the_damage_of_its_own_file_and_waits_for_a_deletion_under_way(node, caplog):
    box = node("clip_days: 1")
    event = box.event(1, 9)
    told: list[str] = []
    with locked_folder(box.root):
        setter = threading.Thread(target=lambda: told.append(box.hold(event.name)))
        setter.start()
        setter.join(0.3)
        assert told == []
        box.housekeeper.tidy()  # and this round waits for the other one
        assert event.exists()
    setter.join(20)
    assert "is held" in told[0]
    box.housekeeper.tidy()
    assert "nothing can be deleted" not in caplog.text
    with locked_folder(box.root):
        box.housekeeper.tidy()
        box.clock.now_s += 31.0
        box.housekeeper.tidy()
    assert f"nothing can be deleted: {box.root} is held by process {os.getpid()} (" in caplog.text
    assert "; end that process" in caplog.text
    (box.root / "holds" / f"{event.name}.json").write_bytes(b"\x00\xff")
    box.housekeeper.tidy()
    assert event.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nobody",), "no event's id and no camera (there is: gate)"),
        (("gate",), "add --from"),
        (("gate", "--from", "2026-11-24T02:24", "--to", "2026-11-24T02:04"), "is not after"),
        (("gate", "--from", "yesterday", "--to", "2026-11-24T02:04"), "write it like"),
        ((str(uuid.UUID(int=1)), "--from", "2026-11-24T02:24"), "take out --from"),
        ((str(uuid.UUID(int=1)), "--release"), "is not held"),
    ],
)
def test_what_can_not_be_held_is_told_with_its_cure(node, words, told):
    box = node()
    assert told in box.hold(*words)
    assert box.exit_code == 2


def test_where_it_can_not_be_known_what_is_held_nothing_goes(node, caplog, monkeypatch):
    box = node("clip_days: 1")
    event = box.event(1, 9)

    def denied():
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(box.housekeeper._holds, "read", denied)
    for _ in range(3):
        box.housekeeper.tidy()
    assert event.exists()
    assert sum("can't be tidied up" in record.message for record in caplog.records) == 1
    monkeypatch.undo()
    box.housekeeper.tidy()
    assert not event.exists()


def test_a_clock_set_ten_years_ahead_deletes_nothing_until_it_has_stayed_so_for_an_hour(node):
    box = node("continuous_days: 14, clip_days: 7")
    box.record("gate", 0, 5)
    event = box.event(1, 0.1)
    box.housekeeper.tidy()
    box.clock.set_by_s = 3650 * DAY_S
    box.housekeeper.tidy()
    box.clock.now_s += 3000.0
    box.housekeeper.tidy()
    assert event.exists()
    assert len(box.recorded()) == 5
    box.clock.set_by_s = 0.0  # NTP has seen it
    for _ in range(3):
        box.clock.now_s += 3000.0
        box.housekeeper.tidy()
    assert event.exists()
    assert len(box.recorded()) == 5


def heard(box, ahead_s=0.0):
    """A housekeeper, as after a start, whose console's clock is so far ahead of the truth; None: it is not heard."""
    told = lambda: None if ahead_s is None else NOW_S + box.clock.now_s + ahead_s  # noqa: E731
    return Housekeeper(box.config, box.outbox, box.clock, told)


def test_a_clock_ten_years_ahead_deletes_nothing_in_days_whatever_the_disk_until_the_console_agrees(node, monkeypatch):
    box = node("continuous_days: 14, clip_days: 7")
    box.record("gate", 0, 5)
    event = box.event(1, 0.1)
    keeper = heard(box, None)
    keeper.tidy()
    box.clock.set_by_s = 3650 * DAY_S
    for _ in range(6):  # nobody says what is right
        box.clock.now_s += DAY_S
        keeper.tidy()
    assert (event.exists(), len(box.recorded())) == (True, 5)
    keeper._console_at_s = heard(box)._console_at_s  # and now it is heard, for weeks
    monkeypatch.setattr(keeper, "_lacking_bytes", lambda: 1)
    keeper.tidy()
    assert (event.exists(), len(box.recorded())) == (True, 4)  # the full disk takes the oldest recording alone
    monkeypatch.undo()
    keeper.tidy()
    assert event.exists()
    box.clock.now_s += 2 * DAY_S  # truly past its days
    keeper.tidy()
    assert not event.exists()


def test_a_clock_that_is_ten_years_ahead_from_the_start_is_believed_once_the_console_agrees(node):
    box = node("clip_days: 7")
    box.record("gate", 0, 5)
    event = box.event(1, 0.1)
    box.clock.set_by_s = 3650 * DAY_S
    for ahead_s, stays in ((None, True), (0.0, True), (3650 * DAY_S, False)):
        keeper = heard(box, ahead_s)
        for _ in range(3):
            box.clock.now_s += 3000.0
            keeper.tidy()
        assert event.exists() == stays


@pytest.mark.parametrize(
    "begun", ["leapt while it ran", "wrong at its start", "wrong at its start, camera at once away"]
)
def test_a_clock_ten_years_ahead_is_doubted_after_a_restart_too(node, begun):
    """The second start finds recordings of the first one, whose times agree with the wrong clock."""
    box = node("clip_days: 7")
    box.record("gate", 0, 5)
    event = box.event(1, 0.1)
    keeper = heard(box, None)
    keeper.tidy()
    box.clock.set_by_s = 3650 * DAY_S
    if begun != "leapt while it ran":
        if begun.endswith("away"):  # its first segment is closed before anybody looks at the clock
            box.record("gate", 0, 1)
        keeper = heard(box, None)
    for _ in range(4):
        keeper.tidy()
        for _ in range(3):
            box.clock.now_s += 3000.0
            keeper.tidy()
        box.record("gate", 0, 5)
        keeper = heard(box, None)
    assert event.exists()
    for _ in range(9):  # nobody says that it is wrong: after a week of running it is believed, however often it starts
        box.clock.now_s += DAY_S
        keeper.tidy()
        box.record("gate", 0, 5)
        keeper = heard(box, None)
    assert not (box.root / "clock.json").exists()
    box.clock.now_s += 3000.0
    keeper.tidy()
    box.clock.now_s += 3000.0
    keeper.tidy()
    assert not event.exists()


def test_after_a_clock_was_set_back_the_newest_recording_stays(node):
    box = node("max_bytes: 10_000_000")
    box.record("gate", 0, 50, size=150_000)
    box.clock.set_by_s = -3 * 3600.0
    before = set(box.recorded())
    box.record("gate", 0, 30, size=150_000)
    now = set(box.recorded()) - before
    box.housekeeper.tidy()
    assert now <= set(box.recorded())
    assert len(box.recorded()) == 66


def test_rot_and_a_damaged_index_are_told_and_survived(node, caplog):
    box = node()
    box.record("gate", 0, 10)
    box.housekeeper.tidy()
    victim = box.root / "recordings/gate" / box.recorded()[4]
    victim.write_bytes(os.urandom(1000))
    box.housekeeper.tidy()
    assert [str(one) for one in box.housekeeper.problems] == ["files_damaged:1"]
    assert f"{victim.name} is damaged" in caplog.text
    for odd in (box.root / "recordings" / "lost\udcff", box.root / "evidence" / "caf\udce9"):
        odd.mkdir(parents=True)  # names that are no text
    with patch.object(box.outbox, "unsettled", side_effect=sqlite3.OperationalError("database is locked")):
        box.housekeeper.tidy()  # a round that fails forgets nothing
    box.housekeeper.tidy()
    assert [str(one) for one in box.housekeeper.problems] == ["files_damaged:1"]
    box.housekeeper._index.close()
    (box.root / "index.sqlite").write_bytes(b"\xa5" * 20_000)
    again = Housekeeper(box.config, box.outbox, box.clock)
    again.tidy()
    assert "made anew from the files" in caplog.text
    assert len(box.recorded()) == 10
    assert again.problems == ()  # what was rotten before it was made anew can't be told


def test_a_recording_that_can_not_reach_back_as_far_as_it_should_is_told(node):
    box = node("continuous_days: 30, max_bytes: 10_000_000")
    box.record("gate", 0, 60, size=100_000)  # 6 MB an hour
    box.housekeeper.tidy()
    assert [str(one) for one in box.housekeeper.problems] == ["recording_short:gate"]


def test_killed_in_the_middle_of_a_deletion_the_next_life_ends_it(node, tmp_path):
    box = node("clip_days: 1")
    folders = [box.event(number, 9) for number in range(1, 40)]
    held = folders[7]
    holds_of(box.config).put(held.name, "", 0.0)
    program = textwrap.dedent(f"""
        import os, pathlib, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import node_folder as t
        left = int(sys.argv[1])
        whole = pathlib.Path.unlink
        def unlink(path, missing_ok=False):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            whole(path, missing_ok=missing_ok)
        pathlib.Path.unlink = unlink
        box = t.Node(pathlib.Path({str(tmp_path)!r}), "clip_days: 1")
        box.housekeeper.tidy()
    """)
    for deletions in (1, 4):
        ended = subprocess.run([sys.executable, "-c", program, str(deletions)], check=False)
        assert ended.returncode == -signal.SIGKILL
    left = [folder for folder in folders if folder.exists()]
    assert 35 < len(left) < 39
    box.housekeeper.tidy()
    assert [folder for folder in folders if folder.exists()] == [held]
    assert len(list(held.iterdir())) == 3


def test_what_is_held_takes_of_the_budget_that_the_recording_should_reach_back_with(node):
    box = node("continuous_days: 1, max_bytes: 147_000_000")
    box.record("gate", 0, 60, size=100_000)  # 6 MB an hour: a day and half an hour
    box.housekeeper.tidy()
    assert box.housekeeper.problems == ()
    box.hold("gate", "--from", "2026-09-21T12:00", "--to", "2026-09-21T23:00", "--reason", "an hour of it")
    box.housekeeper.tidy()
    assert [str(one) for one in box.housekeeper.problems] == ["recording_short:gate"]
