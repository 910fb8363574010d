"""A full disk for half an hour of a day, by seed: what went, what was held, and that recording went on or said so."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from disk_day import Day, small_disk

pytestmark = pytest.mark.system


@pytest.mark.parametrize("seed", [1, 2])
def test_a_full_disk_takes_nothing_that_is_held_or_owed_and_recording_goes_on_or_says_that_it_stopped(tmp_path, seed):
    try:
        disk = small_disk(tmp_path / "state", 24)
        with disk as folder:
            day = Day(folder, seed, hours=0.5, clip_days=0.5 / 24 / 6)
            report = day.run()
    except OSError as error:
        pytest.skip(str(error))
    assert report.segments_gone > 50
    assert report.made > 8
    assert 0 < len(report.gone) < report.made
    assert len(day.held) + len(day.held_s) > 1
    assert report.filled > 30
    assert {name for name, *_ in report.stopped} == {"gate", "yard"}  # the other program left nothing
    assert all(why.startswith("nothing is recorded: ") for *_, why in report.stopped)
    assert any("recording_stopped" in told for _, told in report.told)
    assert "recording_stopped" not in report.told[-1][1]  # and it went on as soon as there was room
    assert max(until_s for _, _, until_s, _ in report.stopped) < 0.65 * day.length_s
