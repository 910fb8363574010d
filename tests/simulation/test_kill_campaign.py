"""A few kills of the campaign, by seed: nothing lost, doubled or unreadable. `make kills` does five hundred."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kill_campaign import campaign
from site_reckoning import FPS, visits

pytestmark = pytest.mark.system


def test_kills_at_random_instants_lose_double_and_spoil_nothing(tmp_path):
    verdict = campaign(tmp_path, seed=5, kills=3, minutes=5.0)
    print(verdict.table())
    assert verdict.kills >= 3
    assert verdict.found.events >= 2
    assert verdict.found.segments >= 4
    assert (verdict.found.missed, verdict.unexplained_s) == ([], [])


def test_the_reckoning_tells_visits_and_how_long_each_was_watched():
    first = [(number / FPS, True) for number in range(50)]
    blind = [(number / FPS, number < 480) for number in range(400, 500) if not 420 <= number < 460]
    found = visits([*first, *((number / FPS, False) for number in range(50, 400)), *blind])
    assert [(visit.begins_at_s, visit.ends_at_s) for visit in found] == [(0.0, 4.9), (40.0, 47.9)]
    assert [round(visit.watched_s, 1) for visit in found] == [4.9, 1.9]
