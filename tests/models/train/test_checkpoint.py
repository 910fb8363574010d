"""What would spoil a checkpoint leaves it as it was, and any stop is gone on from. Needs PyTorch: `make test-train`."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

if importlib.util.find_spec("torch") is None:
    pytest.skip("PyTorch is not here: training is NOT tested (make test-train does)", allow_module_level=True)

import torch

from models.cli import app
from models.train.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from models.train.fit import Plan, Training
from models.train.shards import Sample, write_shards

KILLS = int(os.environ.get("GATEHOUSE_KILLS", "3"))
KILLS_SEED = int(os.environ.get("GATEHOUSE_KILLS_SEED", "1"))
JPEG = cv2.imencode(".jpg", np.full((96, 128, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture(scope="module")
def begun() -> Checkpoint:
    """A network of random weights that, it says, saw 24 canvases."""
    return replace(Training(None, Plan(canvases=24), seed=1).checkpoint(), canvases=24)


@pytest.fixture
def one_command(begun, tmp_path):
    """A checkpoint of 24 canvases and the command that goes on from it."""
    begun.save(tmp_path / "p.pt")
    (shard,) = write_shards(tmp_path / "x", [Sample(JPEG, (128, 96), np.zeros((0, 5), np.float32))])
    return ["train", "fit", str(shard), "--checkpoint", str(tmp_path / "p.pt"), "--workers", "0", "--batch", "4"]


def test_a_network_that_runs_away_leaves_the_checkpoint(one_command, tmp_path, monkeypatch):
    before = (tmp_path / "p.pt").read_bytes()
    monkeypatch.setattr("models.train.fit.loss_of", lambda logits, *_: logits.sum() * float("nan"))
    refused = CliRunner().invoke(app, [*one_command, "--canvases", "32", "--save-every", "4"])
    assert refused.exit_code == 2
    assert "no numbers any more; the checkpoint stays as it was, go on from it with a lower --rate" in refused.output
    assert (tmp_path / "p.pt").read_bytes() == before


def test_weights_that_are_no_numbers_are_nothing_to_go_on_from(begun, tmp_path):
    name = next(iter(begun.averaged))
    replace(begun, averaged={**begun.averaged, name: begun.averaged[name] * float("nan")}).save(tmp_path / "p.pt")
    with pytest.raises(CheckpointError, match="its weights are no numbers; name another"):
        load_checkpoint(tmp_path / "p.pt")


@pytest.mark.parametrize("rate", ["nan", "0", "-0.1", "1"])
def test_a_rate_that_teaches_nothing_or_ruins_is_refused(one_command, rate):
    refused = CliRunner().invoke(app, [*one_command, "--canvases", "32", "--rate", rate])
    assert refused.exit_code == 2
    assert "take one above 0 and below 1" in refused.output


def test_who_names_no_more_canvases_than_were_seen_is_told_that_nothing_is_learnt(one_command):
    done = CliRunner().invoke(app, [*one_command, "--canvases", "24"])
    assert done.exit_code == 0
    assert "nothing is left to learn: name more canvases" in done.output


def test_kills_at_any_moment_leave_a_checkpoint_that_goes_on(one_command, tmp_path):
    """GATEHOUSE_KILLS=30 kills more often than three times, GATEHOUSE_KILLS_SEED=2 at other moments."""
    checkpoint, rng, before = tmp_path / "p.pt", np.random.default_rng(KILLS_SEED), 24
    for _ in range(KILLS):
        _killed([*one_command, "--save-every", "4", "--canvases", "1000000"], checkpoint, float(rng.uniform(0, 0.03)))
        now = load_checkpoint(checkpoint).canvases
        assert now > before
        before = now
    result = CliRunner().invoke(app, [*one_command, "--canvases", str(before + 8)])
    assert result.exit_code == 0, result.output
    assert f"{before} of {before + 8} canvases seen before" in result.output
    assert load_checkpoint(checkpoint).canvases == before + 8
    assert {path.name for path in tmp_path.iterdir()} == {"x-0.npz", "p.pt", "p.pt.lock"}


def _killed(command: list[str], checkpoint: Path, after_s: float) -> None:
    """Runs it until it wrote a checkpoint, and kills it `after_s` after the next writing began."""

    def writing(written: int) -> bool:
        return checkpoint.stat().st_mtime_ns != written or any(checkpoint.parent.glob("*.part"))

    before = checkpoint.stat().st_mtime_ns
    gatehouse = [str(Path(sys.executable).parent / "gatehouse"), "models"]
    process = subprocess.Popen([*gatehouse, *command], stdout=subprocess.DEVNULL)
    try:
        while (first := checkpoint.stat().st_mtime_ns) == before and process.poll() is None:
            pass
        while not writing(first) and process.poll() is None:
            pass
        time.sleep(after_s)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_one_shard_after_another_is_learnt_from_alone(tmp_path):
    """As on a borrowed machine that takes 64 MiB at a time: only one shard and the checkpoint are there."""
    empty = Sample(JPEG, (128, 96), np.zeros((0, 5), np.float32))
    first, second = write_shards(tmp_path / "x", [empty] * 3, 2 * len(JPEG))
    checkpoint = tmp_path / "p.pt"

    def learnt_from(shard: Path, canvases: int) -> str:
        command = ["train", "fit", str(shard), "--checkpoint", str(checkpoint), "--workers", "0", "--batch", "4"]
        result = CliRunner().invoke(app, [*command, "--canvases", str(canvases)])
        assert result.exit_code == 0, result.output
        return result.output

    assert "2 pictures, 0 of 8 canvases seen before" in learnt_from(first, 8)
    first.unlink()
    before = load_checkpoint(checkpoint)
    assert "1 pictures, 8 of 16 canvases seen before" in learnt_from(second, 16)
    after = load_checkpoint(checkpoint)
    assert (after.canvases, [row["canvases"] for row in after.curve]) == (16, [8, 16])
    assert any(not torch.equal(value, before.weights[name]) for name, value in after.weights.items())
    assert {state["step"].item() for state in after.optimiser["state"].values()} == {4}, "its optimiser goes on, too"
