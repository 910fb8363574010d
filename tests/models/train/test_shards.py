"""Prepared pictures: what goes in comes out, in files below the limit."""

import errno
import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from models.labelled import LabelError
from models.train import shards
from models.train.shards import Sample, read_shards, write_shards
from models.whole_file import UnwritableError


def sample(shade: int, people: int) -> Sample:
    coded, data = cv2.imencode(".jpg", np.full((40, 60, 3), shade, np.uint8))
    assert coded
    return Sample(data.tobytes(), (60, 40), np.arange(people * 5, dtype=np.float32).reshape(-1, 5))


def test_samples_come_back_as_they_were_in_their_order(tmp_path):
    given = [sample(10, 2), sample(20, 0), sample(30, 1)]
    read = read_shards(write_shards(tmp_path / "x", given))
    assert [one.jpeg for one in read] == [one.jpeg for one in given]
    assert [one.size for one in read] == [(60, 40)] * 3
    assert [one.people.tolist() for one in read] == [one.people.tolist() for one in given]


def test_a_shard_ends_before_the_limit_and_old_ones_go(tmp_path):
    given = [sample(shade, 1) for shade in range(6)]
    limit = 2 * max(len(one.jpeg) for one in given)
    first = write_shards(tmp_path / "x", given, limit)
    assert [path.name for path in first] == ["x-0.npz", "x-1.npz", "x-2.npz"]
    assert len(read_shards(first)) == 6
    write_shards(tmp_path / "x", given[:1], limit)
    assert [path.name for path in tmp_path.iterdir()] == ["x-0.npz"]


@pytest.mark.parametrize("content", [b"", b"no shard at all"])
def test_another_file_is_refused_with_the_cure(tmp_path, content):
    path = tmp_path / "x-0.npz"
    path.write_bytes(content)
    with pytest.raises(LabelError, match="prepare"):
        read_shards([path])


def test_a_shard_that_was_carried_half_is_refused_with_the_cure(tmp_path):
    (path,) = write_shards(tmp_path / "x", [sample(9, 1)] * 20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(LabelError, match="prepare"):
        read_shards([path])


def test_no_sample_and_a_full_disk_leave_the_old_ones_and_nothing_else(tmp_path, monkeypatch):
    (old,) = write_shards(tmp_path / "x", [sample(9, 1)])
    before = old.read_bytes()
    with pytest.raises(LabelError, match="not one picture"):
        write_shards(tmp_path / "x", [])

    def full(file, **_):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UnwritableError, match=r"x-0\.npz can't be written \(No space left on device\); make room"):
        write_shards(tmp_path / "x", [sample(10, 1)])
    assert [path.name for path in tmp_path.iterdir()] == ["x-0.npz"]
    assert old.read_bytes() == before


def test_another_set_whose_name_begins_alike_stays_and_so_does_the_old_one_where_the_new_one_fails(tmp_path):
    for name in ("drawn", "drawn-night"):
        write_shards(tmp_path / name, [sample(9, 1)])

    def breaks_off():
        yield sample(9, 1)
        raise LabelError("bad label")

    with pytest.raises(LabelError):
        write_shards(tmp_path / "drawn", breaks_off())
    write_shards(tmp_path / "drawn", [sample(9, 1)])
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["drawn-0.npz", "drawn-night-0.npz"]


WRITING = """
import sys, time
from pathlib import Path
from models.train.shards import Sample, write_shards
import numpy as np

def samples():
    yield Sample(b"x" * 9, (60, 40), np.zeros((0, 5), np.float32))
    print("writing", flush=True)
    time.sleep(60)

write_shards(Path(sys.argv[1]), samples(), 1)
"""


def test_who_is_killed_while_writing_leaves_nothing_for_good(tmp_path):
    with subprocess.Popen([sys.executable, "-c", WRITING, tmp_path / "x"], stdout=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        writing.stdout.readline()
        write_shards(tmp_path / "x", [sample(9, 1)])
        assert len(list(tmp_path.glob(".x-*"))) == 1, "one who still writes keeps their folder"
        writing.send_signal(signal.SIGKILL)
    write_shards(tmp_path / "x", [sample(9, 1)])
    assert [path.name for path in tmp_path.iterdir()] == ["x-0.npz"]


def test_the_first_shard_stands_only_when_the_others_do(tmp_path, monkeypatch):
    """It is what `make train` goes by: of a set that was cut short there would be too little for good."""
    placed = []

    def place(part, out):
        placed.append(out.name)
        part.replace(out)

    monkeypatch.setattr(shards, "put_in_place", place)
    write_shards(tmp_path / "x", [sample(shade, 1) for shade in range(3)], 1)
    assert placed == ["x-2.npz", "x-1.npz", "x-0.npz"]
