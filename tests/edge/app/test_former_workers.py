"""Who watches a camera is asked to go, and nobody else."""

import multiprocessing
import os
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

from edge.app import former_workers
from edge.app.former_workers import end_former, take_over
from edge.app.hold import hold, holder


def _ask(path: Path, asked: int) -> None:
    for _ in range(asked):
        holder(path)


def test_who_only_asks_who_watches_is_not_asked_to_go(tmp_path):
    """A supervisor asks while its own workers take their cameras over."""
    path = tmp_path / "gate"
    path.touch()
    asking = multiprocessing.get_context("spawn").Process(target=_ask, args=(path, 20_000))
    asking.start()
    while asking.is_alive():
        take_over(path).close()
    assert asking.exitcode == 0


def test_a_file_that_names_nobody_who_could_be_a_former_worker_harms_nobody(tmp_path, monkeypatch):
    path, told = tmp_path / "gate", []
    monkeypatch.setattr(former_workers, "PATIENCE_S", 0.1)
    monkeypatch.setattr(former_workers, "_tell", lambda pid, number: told.append((pid, number)))
    with closing(hold(path)):
        for pid in (os.getpid(), os.getppid()):  # as left by a former start of the machine
            path.write_text(f"{pid}\n")
            end_former([path])
    assert told == []


def test_who_holds_a_file_stands_in_it_on_a_full_disk_too(tmp_path, monkeypatch):
    path = tmp_path / "gate"
    assert holder(path) is None
    path.write_text("4194304999\n")  # whoever held it before
    size = path.stat().st_size
    with closing(hold(path)):
        assert holder(path) == os.getpid()
        assert path.stat().st_size == size
    assert holder(path) is None
    path.write_text("")
    monkeypatch.setattr(os, "pwrite", Mock(side_effect=OSError(28, "No space left on device")))
    with closing(hold(path)):
        assert holder(path) in (os.getpid(), 0)  # 0: a file system that /proc/locks calls by another number
    assert holder(path) is None
