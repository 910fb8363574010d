"""What would spoil a checkpoint leaves it as it was. Needs PyTorch: `make test-train`."""

import importlib.util
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

if importlib.util.find_spec("torch") is None:
    pytest.skip("PyTorch is not here: training is NOT tested (make test-train does)", allow_module_level=True)

from models.cli import app
from models.train.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from models.train.fit import Plan, Training
from models.train.shards import Sample, write_shards

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
