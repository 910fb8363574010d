"""A node's folder, on a disk of its own where a test wants that; its parts are in node_folder.py."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from node_folder import Node


@pytest.fixture
def node(tmp_path):
    made: list[Node] = []

    def make(recording: str = "max_bytes: 10_000_000") -> Node:
        made.append(Node(tmp_path, recording))
        return made[-1]

    yield make
    for one in made:
        one.outbox.close()


@pytest.fixture
def small_disk(tmp_path):
    """32 MB of their own, where a node's folder lies."""
    disk = tmp_path / "state"
    disk.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
