"""A short hour without broker and console; the whole one with 10,000 events is `make hour-without`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import hour_without
from hour_without import Hour, table

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


@pytest.mark.parametrize("small", [False, True])
def test_an_hour_apart_loses_nothing_but_what_the_written_order_says(tmp_path, monkeypatch, small):
    monkeypatch.setattr(hour_without, "AROUND", 4)
    hour = Hour(tmp_path, seed=7, events=130, small=small)
    try:
        report = hour.run()
    finally:
        hour.close()
    assert report.late > 120
    told = table(130, 7, small, report)
    assert ("min into the hour" in told) == small
    assert len(report.sentences) == (2 if small else 0)  # English and Vietnamese


def test_a_row_too_few_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(hour_without, "AROUND", 0)
    hour = Hour(tmp_path, seed=7, events=4, small=False)
    hour.publisher = None
    monkeypatch.setattr(hour, "_tell_health", lambda: None)
    hour._live(300.0, 3900.0, connected=False)
    hour.outbox.acknowledge([2])
    with pytest.raises(AssertionError):
        hour._check_sacrifice()
    hour.close()
