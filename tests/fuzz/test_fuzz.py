"""Some inputs into each target, the same at every run. `make fuzz` tries thousands."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from catalogue import TARGETS
from fuzz import run

INPUTS = {"rtsp-answers-to-source": 4, "rtsp-answers-to-probe": 6}


@pytest.mark.parametrize("name", [target.name for target in TARGETS])
def test_no_input_crashes_or_hangs(tmp_path, name):
    wanted = INPUTS.get(name, 40)
    counts = run(name, tmp_path, "hypothesis", wanted, seed=1, seconds=60.0)
    assert not counts.crashes, "\n".join(path.read_text() for path in tmp_path.glob("*/crash-*.txt"))
    assert counts.hung == 0
    assert counts.inputs >= wanted
    assert counts.refused > 0
