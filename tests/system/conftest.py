"""Fixtures of the node's system tests; their parts are in node_site.py."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from node_site import Site, loop_of, start_site


@pytest.fixture
def site(tmp_path, bright_network):
    site = Site(tmp_path, bright_network)
    yield site
    site.stop()
    for name in ("edge.log", "broker.log"):
        if (tmp_path / name).exists():
            print(f"--- {name}\n{(tmp_path / name).read_text()[-4000:]}")


@pytest.fixture(scope="module")
def camera():
    """A person for 8 s, nobody for 12 s: longer than any gap that is bridged."""
    with loop_of(8, 12) as server:
        yield server


@pytest.fixture
def patient_camera():
    """A person who stays for long enough to see processes die and come back, and who is there when the test begins."""
    with loop_of(30, 13) as server:
        yield server


@pytest.fixture
def node(site, camera):
    started = start_site(site, camera)
    yield started
    started[1].close()


@pytest.fixture
def patient_node(site, patient_camera):
    started = start_site(site, patient_camera)
    yield started
    started[1].close()
