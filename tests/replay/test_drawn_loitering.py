"""Loiterers of a few drawn scenes, by their true boxes; `make drawn-loitering` plays 200, with a network too."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "tests/bench/drawn_loitering.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("drawn_loitering", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["drawn_loitering"] = module
    spec.loader.exec_module(module)
    return module


def test_whoever_stays_is_told_and_nobody_else(bench):
    together = bench.Tally()
    for number in (7, 12, 38):  # who comes back; stands behind a pole; paces
        spec = bench.spec_of(number, duration_s=40.0, size=(320, 180))
        tally = bench.play(spec, dwell_s=6.0, model=None)["true boxes"]
        print(*tally.told, sep="\n")
        together.add(tally)
    print(together.line("true boxes"))
    assert together.hits >= 3
    assert (together.misses, together.false) == (0, 0)
