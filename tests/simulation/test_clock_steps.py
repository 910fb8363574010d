"""The clock of a node set a few times, by seed. `make clock-steps` does it more often."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clock_steps import campaign

pytestmark = pytest.mark.system


def test_a_clock_set_by_hours_silences_no_alarm_and_spoils_no_clip(tmp_path):
    running, found = campaign(tmp_path, seed=34, steps=2)
    print(found.table())
    assert found.visits >= 1
    assert found.clips >= 2
    assert running.missed == []
