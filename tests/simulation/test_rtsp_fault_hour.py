"""A few RTSP faults in turn and at random, by seed. `make fault-hour` does all of them and then an hour."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rtsp_fault_hour import FaultHour, watched_through_doors

pytestmark = pytest.mark.system


def test_faults_come_to_the_console_in_the_right_words_and_end_without_a_restart(tmp_path):
    with watched_through_doors(tmp_path) as (site, server, doors):
        hour = FaultHour(site, server, doors, seed=5)
        hour.each_in_turn(["no_such_stream"])
        hour.at_random(time.monotonic() + 3.0)
        print(hour.table())
    assert hour.missed == []
    assert [told.code for told in hour.told] == ["no_such_stream"]
    assert hour.random_faults > 0
    assert all(samples.rows for samples in hour.samples.values())
