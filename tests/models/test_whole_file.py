"""Whatever ends the writing, the file is the old one or the new one."""

import os
from pathlib import Path

from models.whole_file import write_whole


def test_the_new_file_takes_the_place_only_once_it_is_on_the_disk(tmp_path, monkeypatch):
    """A power cut keeps names and loses content that was only with the operating system."""
    path = tmp_path / "person.pt"
    path.write_bytes(b"old")
    synced = []

    def sync(descriptor: int) -> None:
        synced.append((Path(os.readlink(f"/proc/self/fd/{descriptor}")), path.read_bytes()))

    monkeypatch.setattr(os, "fsync", sync)
    write_whole(path, b"new")
    (part, then), *_ = synced
    assert (part.parent, part.suffix, then) == (tmp_path, ".part", b"old")
    assert path.read_bytes() == b"new"
