"""The boxes of the last minutes outlive the process that saw them."""

from types import SimpleNamespace

import numpy as np
import pytest

from edge.adapters.track_log import FILE_S, TrackLog

EPOCH_S = 1_790_000_000.0


def scene(at_s, people, camera="gate"):
    persons = [SimpleNamespace(person_id=key, seen=True, xyxy=np.array(box, np.float32)) for key, box in people.items()]
    return SimpleNamespace(camera=camera, captured_at_s=at_s, frame_size=(200, 100), persons=persons)


def nothing_needed():
    return None


@pytest.fixture
def log(tmp_path):
    log = TrackLog(tmp_path / "tracks", 100.0, nothing_needed)
    log.begin(1)
    yield log
    log.close()


def test_boxes_come_back_as_fractions_oldest_first(log):
    log.note(scene(EPOCH_S + 1.0, {7: (20, 10, 60, 90), 9: (100, 10, 140, 90)}))
    log.note(scene(EPOCH_S + 1.5, {9: (102, 10, 142, 90)}))
    log.note(scene(EPOCH_S + 9.0, {7: (20, 10, 60, 90)}))
    samples = log.between(EPOCH_S, EPOCH_S + 2)
    assert [(sample.at_s - EPOCH_S, sample.person_id) for sample in samples] == [(1.0, 1), (1.0, 2), (1.5, 2)]
    assert samples[0].box == pytest.approx((0.1, 0.1, 0.3, 0.9))


def test_what_a_killed_process_saw_is_still_there_and_nobody_is_confused(tmp_path, log):
    log.note(scene(EPOCH_S + 1, {1: (20, 10, 60, 90)}))  # on disk at once: the process may die now
    heir, stranger = (TrackLog(tmp_path / "tracks", 100.0, nothing_needed) for _ in range(2))
    heir.begin(1)
    heir.note(scene(EPOCH_S + 2, {1: (22, 10, 62, 90)}))
    stranger.begin(2)  # began to count anew
    stranger.note(scene(EPOCH_S + 3, {1: (150, 10, 190, 90)}))
    assert [sample.person_id for sample in stranger.between(EPOCH_S, EPOCH_S + 9)] == [1, 1, 2]
    heir.close()
    stranger.close()


def test_a_line_that_was_cut_by_the_kill_is_left_out(tmp_path, log):
    log.note(scene(EPOCH_S + 1, {1: (20, 10, 60, 90)}))
    (path,) = (tmp_path / "tracks").iterdir()
    for rest in ("[179000000", '[1790000001.5, 1, 0.1, "', "7\n"):
        path.write_text(path.read_text() + rest)
        assert len(log.between(EPOCH_S, EPOCH_S + 9)) == 1
        path.write_text(path.read_text().removesuffix(rest))


@pytest.mark.parametrize(
    "damage",
    [b"\xc3B\xd5", b'["a", 1, 0, 0, 1, 1]', b"[1, 2, null, 0, 1, 1]", b"[1e999, 1, 0, 0, 1, 1]", b"[" * 100_000],
    ids=lambda damage: repr(damage[:12]),
)
def test_a_damaged_line_is_left_out_and_the_clip_is_made(tmp_path, log, damage):
    log.note(scene(EPOCH_S + 1, {1: (20, 10, 60, 90)}))
    (path,) = (tmp_path / "tracks").iterdir()
    path.write_bytes(damage + b"\n" + path.read_bytes())
    assert len(log.between(EPOCH_S, EPOCH_S + 9)) == 1


def test_old_boxes_are_forgotten_unless_a_clip_still_needs_them(tmp_path):
    needed = [EPOCH_S + 1]
    log = TrackLog(tmp_path / "tracks", 100.0, lambda: needed[0])
    for minute in range(10):
        log.note(scene(EPOCH_S + 1 + minute * FILE_S, {1: (20, 10, 60, 90)}))
    assert len(log.between(EPOCH_S, EPOCH_S + 1000)) == 10
    needed[0] = None
    log.note(scene(EPOCH_S + 1 + 10 * FILE_S, {1: (20, 10, 60, 90)}))
    kept = log.between(EPOCH_S, EPOCH_S + 1000)
    assert kept[0].at_s <= EPOCH_S + 1 + 10 * FILE_S - 100
    assert len(list((tmp_path / "tracks").iterdir())) <= 5
    log.close()


def test_a_disk_that_refuses_is_told_once_and_stops_nothing(tmp_path, log, caplog):
    folder = tmp_path / "tracks"
    folder.rmdir()
    folder.write_text("")
    for at_s in (1.0, 2.0):
        log.note(scene(EPOCH_S + at_s, {1: (20, 10, 60, 90)}))
    assert caplog.text.count("boxes for the clips are not kept") == 1
    folder.unlink()
    folder.mkdir()
    log.note(scene(EPOCH_S + 3, {1: (20, 10, 60, 90)}))
    assert len(log.between(EPOCH_S, EPOCH_S + 9)) == 1


def test_what_a_full_disk_did_not_take_spoils_no_stop(tmp_path, log):
    file = tmp_path / "tracks" / f"{int(EPOCH_S + 1)}-{log._life}.jsonl"
    file.symlink_to("/dev/full")
    log.note(scene(EPOCH_S + 1, {1: (20, 10, 60, 90)}))
    log.close()
