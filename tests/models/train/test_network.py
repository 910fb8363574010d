"""The network, what it is told, and the files made of it. Needs PyTorch: `make test-train`."""

import importlib.util
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

if importlib.util.find_spec("torch") is None:
    pytest.skip("PyTorch is not here: training is NOT tested (make test-train does)", allow_module_level=True)

import torch

from edge.adapters.onnx_detector import OnnxDetector
from models.add import add
from models.cli import app
from models.registry import Registry
from models.train.checkpoint import Checkpoint, CheckpointError, load_checkpoint, small
from models.train.export import export, fused
from models.train.fit import Plan, Training, fit, rate_at
from models.train.judge import Judge
from models.train.loss import People, assign, complete_iou, iou, loss_of
from models.train.network import STRIDES, PersonNetwork, Raw, cell_centres
from models.train.shards import Sample, write_shards

torch.set_num_threads(1)
SIDE = 96


def bodies(count: int, seed: int = 0) -> list[Sample]:
    """Dark pictures, each with one bright upright body somewhere; every fourth is empty."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        bgr = rng.integers(20, 60, (96, 128, 3), np.uint8)
        height = int(rng.integers(30, 60))
        width = height // 2
        left, top = int(rng.integers(0, 128 - width)), int(rng.integers(0, 96 - height))
        rows = np.zeros((0, 5), np.float32)
        if number % 4:
            bgr[top : top + height, left : left + width] = rng.integers(200, 250, 3)
            rows = np.array([[left, top, left + width, top + height, 1]], np.float32)
        coded, data = cv2.imencode(".jpg", bgr)
        assert coded
        made.append(Sample(data.tobytes(), (128, 96), rows))
    return made


def quiet(*_: object) -> None:
    pass


def nothing(_network: object) -> dict[str, float]:
    return {}


PLAN = Plan(canvases=24, batch=4, workers=0, save_every=8, judge_every=16)


def centres_of(side: int) -> torch.Tensor:
    return torch.cat([cell_centres(side // stride, side // stride, stride, torch.device("cpu")) for stride in STRIDES])


def test_outputs_have_a_row_for_each_cell_of_each_stride():
    logits, boxes = PersonNetwork().eval()(torch.zeros(2, 3, SIDE, SIDE))
    cells = sum((SIDE // stride) ** 2 for stride in STRIDES)
    assert logits.shape == (2, cells)
    assert boxes.shape == (2, cells, 4)
    assert (boxes[..., 2:] > boxes[..., :2]).all()
    middles = (boxes[..., :2] + boxes[..., 2:]) / 2
    assert (middles - centres_of(SIDE)).abs().max() < 32


def test_overlaps_against_cases_counted_by_hand():
    first = torch.tensor([[0.0, 0, 10, 10]])
    assert iou(first, torch.tensor([[5.0, 0, 15, 10]])).item() == pytest.approx(1 / 3)
    assert complete_iou(first, first).item() == pytest.approx(1.0, abs=1e-5)
    # Same shape, half overlapped: the centres are 5 apart in a hull of 15 x 10.
    assert complete_iou(first, torch.tensor([[5.0, 0, 15, 10]])).item() == pytest.approx(1 / 3 - 25 / 325, abs=1e-5)


def test_each_person_gets_cells_inside_and_nobody_elsewhere():
    centres = centres_of(SIDE)
    people = People(
        torch.tensor([[[8.0, 8, 40, 72], [60, 20, 80, 70], [0, 0, 0, 0]]]), torch.tensor([[1.0, 0.0, -1.0]])
    )
    boxes = torch.cat([centres - 16, centres + 16], 1)[None]
    given = assign(torch.full((1, len(centres)), 0.1), boxes, people, centres)
    held = given.score[0] > 0
    assert 1 <= held.sum() <= 10
    x, y = centres[held].T
    assert ((x > 8) & (x < 40) & (y > 8) & (y < 72)).all()
    assert (given.xyxy[0][held] == people.xyxy[0, 0]).all()
    assert given.score.max().item() == pytest.approx(iou(boxes[0], people.xyxy[0, :1]).max().item(), abs=1e-5)
    # The undecided person teaches nothing, neither that somebody is there nor that nobody is.
    inside = (centres[:, 0] > 60) & (centres[:, 0] < 80) & (centres[:, 1] > 20) & (centres[:, 1] < 70)
    assert not given.counts[0][inside].any()
    assert given.counts[0][~inside].all()


def test_a_person_smaller_than_a_cell_is_not_lost():
    centres = centres_of(SIDE)
    people = People(torch.tensor([[[15.0, 14, 17.5, 22]]]), torch.tensor([[1.0]]))
    boxes = torch.cat([centres - 6, centres + 6], 1)[None]
    assert (assign(torch.full((1, len(centres)), 0.1), boxes, people, centres).score > 0).any()


def test_the_loss_is_low_for_the_truth_and_defined_for_empty_pictures():
    centres = centres_of(SIDE)
    people = People(torch.tensor([[[8.0, 8, 40, 72]]]), torch.tensor([[1.0]]))
    boxes = people.xyxy.expand(1, len(centres), 4)
    mine = assign(torch.full((1, len(centres)), 0.5), boxes, people, centres).score > 0
    right = torch.where(mine, 9.0, -9.0)
    assert loss_of(right, boxes, people, centres) < 0.1 < loss_of(-right, boxes, people, centres)
    nobody = People(torch.zeros(1, 1, 4), torch.full((1, 1), -1.0))
    assert torch.isfinite(loss_of(right, boxes, nobody, centres))


def test_it_learns():
    training = Training(None, Plan(canvases=100_000, rate=3e-3, batch=8), seed=1)
    samples = bodies(8)
    pictures = torch.stack([
        torch.from_numpy(cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), 1)[..., ::-1].transpose(2, 0, 1).copy())
        for one in samples
    ])  # fmt: skip
    people = torch.full((8, 1, 5), -1.0)
    for row, one in enumerate(samples):
        people[row, : len(one.people)] = torch.from_numpy(one.people)
    losses = [training.learn(pictures, people) for _ in range(150)]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


def test_stopped_and_gone_on_is_the_same_as_never_stopped(tmp_path):
    samples = bodies(12)
    whole = fit(samples, tmp_path / "whole.pt", PLAN, nothing, quiet)
    # The rate follows the plan, so it is stopped within its plan, not given a shorter one.
    stopped = tmp_path / "stopped.pt"
    _stop_after(samples, stopped, canvases=16)
    gone_on = fit(samples, stopped, PLAN, nothing, quiet)
    assert gone_on.canvases == whole.canvases == 24
    for name, value in whole.averaged.items():
        assert torch.equal(value, gone_on.averaged[name]), name


class _Stopped(Exception):
    pass


def _stop_after(samples, path, canvases):
    def told(seen, *_):
        if seen >= canvases:
            raise _Stopped

    with pytest.raises(_Stopped):
        fit(samples, path, PLAN, nothing, told)


def test_a_kill_leaves_a_checkpoint_that_goes_on(tmp_path):
    write_shards(tmp_path / "x", bodies(12))
    checkpoint = tmp_path / "person.pt"
    command = ["train", "fit", str(tmp_path / "x-0.npz"), "--checkpoint", str(checkpoint)]
    command += ["--batch", "4", "--workers", "0", "--save-every", "4", "--canvases"]
    gatehouse = [str(Path(sys.executable).parent / "gatehouse"), "models"]
    process = subprocess.Popen([*gatehouse, *command, "1000000"], stdout=subprocess.DEVNULL)
    try:
        while not checkpoint.exists() and process.poll() is None:
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = load_checkpoint(checkpoint).canvases
    assert before > 0
    result = CliRunner().invoke(app, [*command, str(before + 8)])
    assert result.exit_code == 0, result.output
    assert f"{before} of {before + 8} canvases seen before" in result.output
    assert load_checkpoint(checkpoint).canvases == before + 8


@pytest.mark.parametrize("content", [b"", b"nothing of the kind"])
def test_a_broken_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "person.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"person\.pt"):
        load_checkpoint(path)


def test_a_checkpoint_of_another_network_is_refused_at_each_step(trained, tmp_path):
    path, out = tmp_path / "other.pt", tmp_path / "x.onnx"
    scoreless = {name: value for name, value in trained.averaged.items() if "score" not in name}
    replace(trained, averaged=scoreless).save(path)
    (shard,) = write_shards(tmp_path / "bodies", bodies(4))
    for command in (["export", path, out], ["keep", path, out], ["fit", shard, "--checkpoint", path]):
        result = CliRunner().invoke(app, ["train", *map(str, command)])
        assert result.exit_code == 2
        assert "other.pt is no checkpoint to go on from" in result.output
    assert not out.exists()


def test_the_rate_warms_up_and_falls():
    assert rate_at(0, 100_000) < 0.01
    assert rate_at(40_000, 100_000) == 1.0
    assert rate_at(75_000, 100_000) == pytest.approx(0.5)
    assert rate_at(100_000, 100_000) == pytest.approx(0.02)
    assert rate_at(200_000, 400_000, fresh=200_000) < 0.01


def test_the_curve_has_a_row_for_each_evaluation(tmp_path):
    samples = bodies(8)
    state = fit(samples, tmp_path / "p.pt", PLAN, Judge({"val": samples}, SIDE), quiet)
    assert [row["canvases"] for row in state.curve] == [16, 24]
    assert all(0 <= row["val"] <= 1 for row in state.curve)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Checkpoint:
    return fit(bodies(12), tmp_path_factory.mktemp("trained") / "p.pt", PLAN, nothing, quiet)


def test_the_exported_file_answers_as_the_network_and_is_taken_in(trained, tmp_path):
    path = tmp_path / "person.onnx"
    export(trained, path, SIDE)
    network = PersonNetwork()
    network.load_state_dict(trained.averaged)
    picture = torch.rand(1, 3, SIDE, SIDE)
    with torch.no_grad():
        expected = Raw(network.eval())(picture)
        assert torch.allclose(Raw(fused(network))(picture), expected, atol=1e-3)
    entry = add(Registry(tmp_path / "own"), path)
    assert (entry.family, entry.width, entry.classes, entry.licence) == ("yolov8", SIDE, 1, "AGPL-3.0-or-later")
    detector = OnnxDetector(entry, path)
    detector.network.input[:] = picture.numpy()
    (answer,) = detector.network.run()
    assert np.allclose(answer, expected.numpy(), atol=1e-2)


def test_a_small_checkpoint_goes_on_warming_up(trained, tmp_path):
    small(trained).save(tmp_path / "p.pt")
    state = fit(bodies(12), tmp_path / "p.pt", Plan(32, 4, workers=0), nothing, quiet)
    assert state.canvases == 32


@pytest.mark.parametrize("side", ["100", "97"])
def test_a_side_that_the_strides_do_not_divide_is_refused(trained, tmp_path, side):
    trained.save(tmp_path / "p.pt")
    (shard,) = write_shards(tmp_path / "bodies", bodies(4))
    for command in (
        ["export", tmp_path / "p.pt", tmp_path / "x.onnx"],
        ["fit", shard, "--checkpoint", tmp_path / "p.pt"],
    ):
        result = CliRunner().invoke(app, ["train", *map(str, command), "--side", side])
        assert result.exit_code == 2
        assert "multiple of 32" in result.output
