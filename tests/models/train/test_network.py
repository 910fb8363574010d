"""The network, what it is told, and the files made of it. Needs PyTorch: `make test-train`."""

import errno
import importlib.util
import os
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


def test_the_undecided_cost_nothing():
    centres = centres_of(SIDE)
    boxes = torch.cat([centres - 16, centres + 16], 1)[None]
    people = People(torch.tensor([[[60.0, 20, 80, 70]]]), torch.tensor([[0.0]]))
    inside = (centres[:, 0] > 60) & (centres[:, 0] < 80) & (centres[:, 1] > 20) & (centres[:, 1] < 70)
    loud, still = torch.full((len(centres),), 9.0), torch.full((len(centres),), -9.0)
    nowhere, there, elsewhere = (
        loss_of(logits[None], boxes, people, centres)
        for logits in (still, torch.where(inside, loud, still), torch.where(inside, still, loud))
    )
    assert nowhere == there < 1 < elsewhere


def test_the_better_box_outweighs_the_higher_score():
    centres = torch.tensor([[40.0, 40.0], [48.0, 40.0]])
    people = People(torch.tensor([[[20.0, 10, 60, 90]]]), torch.tensor([[1.0]]))
    boxes = torch.tensor([[[20.0, 10, 60, 50], [20, 10, 60, 82]]])  # half of the person, and nine tenths
    first, second = assign(torch.tensor([[0.9, 0.1]]), boxes, people, centres).score[0].tolist()
    assert second == pytest.approx(0.9)
    assert first == pytest.approx(0.9 * (0.9**0.5 * 0.5**6) / (0.1**0.5 * 0.9**6))


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


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", "code"])
def test_a_broken_checkpoint_is_refused_without_the_advice_to_run_its_code(tmp_path, content):
    path = tmp_path / "person.pt"
    torch.save({"weights": Path}, path) if content == "code" else path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"person\.pt is no checkpoint to go on from: it is damaged") as refused:
        load_checkpoint(path)
    assert "weights_only" not in str(refused.value)


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


def rates_of(training: Training) -> set[float]:
    return {group["lr"] for group in training._optimiser.param_groups}


def test_a_warm_up_goes_on_after_a_stop(trained, tmp_path):
    plan = Plan(canvases=600_000, batch=4, rate=1.0)
    batch = torch.zeros(4, 3, SIDE, SIDE, dtype=torch.uint8), torch.full((4, 1, 5), -1.0)
    training = Training(replace(small(trained), canvases=320_000), plan, 1)
    for canvas in (1, 5):  # the second time from a checkpoint that has an optimiser's state
        training.learn(*batch)
        (rate,) = rates_of(training)
        assert rate == pytest.approx(plan.rate * canvas / 6000, rel=0.1)
        training.checkpoint().save(tmp_path / "p.pt")
        training = Training(load_checkpoint(tmp_path / "p.pt"), plan, 1)


def test_what_an_older_version_wrote_goes_on(trained, tmp_path):
    old = {name: getattr(trained, name) for name in Checkpoint.__slots__ if name != "fresh"}
    torch.save(old, tmp_path / "p.pt")
    assert load_checkpoint(tmp_path / "p.pt").fresh == 0


def test_what_ships_is_a_mean_over_many_steps(trained):
    training = Training(replace(trained, canvases=1_000_000), Plan(canvases=2_000_000, batch=4, rate=0.01), 1)
    before = {name: value.clone() for name, value in training.averaged.named_parameters()}
    training.learn(torch.zeros(4, 3, SIDE, SIDE, dtype=torch.uint8), torch.full((4, 1, 5), -1.0))
    averaged = dict(training.averaged.named_parameters())
    for name, value in training.network.named_parameters():
        assert torch.allclose(averaged[name], before[name].lerp(value, 0.001), atol=1e-6), name
    assert any(not torch.equal(averaged[name], value) for name, value in before.items())


def test_two_trainings_of_one_checkpoint_are_refused(trained, tmp_path):
    path = tmp_path / "p.pt"
    trained.save(path)
    (shard,) = write_shards(tmp_path / "bodies", bodies(4))
    command = ["train", "fit", str(shard), "--checkpoint", str(path), "--workers", "0", "--batch", "4"]
    left = tmp_path / "p.pt.0123abcd.part"
    left.write_bytes(b"of one that was killed")
    hold = (
        f"from models.train.checkpoint import held; from pathlib import Path\nwith held(Path({str(path)!r})): input()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE) as other:
        while left.exists() and other.poll() is None:
            pass  # it sweeps where it holds
        refused = CliRunner().invoke(app, [*command, "--canvases", "28"])
        other.communicate(b"\n")
    assert refused.exit_code == 2
    assert f"another training is at {path}; wait for it" in refused.output
    assert load_checkpoint(path).canvases == 24
    assert CliRunner().invoke(app, [*command, "--canvases", "28"]).exit_code == 0


def test_a_disk_that_takes_nothing_is_told_with_place_and_cure_and_leaves_nothing(trained, tmp_path, monkeypatch):
    state, nowhere = tmp_path / "p.pt", tmp_path / "file" / "q"
    trained.save(state)
    (shard,) = write_shards(tmp_path / "bodies", bodies(4))
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.iterdir())
    fit_nowhere = ["fit", shard, "--checkpoint", nowhere, "--canvases", "4", "--workers", "0"]
    for command in (["keep", state, nowhere], ["export", state, nowhere], fit_nowhere):
        result = CliRunner().invoke(app, ["train", *map(str, command)])
        assert result.exit_code == 2, result.output
        assert f"{nowhere} can't be written (Not a directory); make room" in result.output
        assert result.output.count("\n") == 1

    def full(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:9])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    for command in (["keep", state, tmp_path / "q"], ["export", state, tmp_path / "q.onnx"]):
        result = CliRunner().invoke(app, ["train", *map(str, command)])
        assert result.exit_code == 2, result.output
        assert "can't be written (No space left on device); make room, or name another place" in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_no_two_writers_share_a_part(trained, tmp_path, monkeypatch):
    parts: list[str] = []
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: (parts.append(path.name), write(path, content))[1])
    trained.save(tmp_path / "p.pt")
    trained.save(tmp_path / "p.pt")
    export(trained, tmp_path / "p.onnx", SIDE)
    assert len(set(parts)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.onnx", "p.pt"]


def test_pictures_of_sites_are_taken_in_and_told(tmp_path):
    write_shards(tmp_path / "people", bodies(40))
    write_shards(tmp_path / "site-kim", bodies(1))
    shards = [str(tmp_path / f"{name}-0.npz") for name in ("people", "site-kim")]
    command = ["train", "fit", *shards, "--checkpoint", str(tmp_path / "p.pt"), "--workers", "0", "--batch", "4"]
    done = CliRunner().invoke(app, [*command, "--canvases", "4"])
    assert done.exit_code == 0, done.output
    assert "1 pictures of sites, each taken 4 times" in done.output
    assert "44 pictures, 0 of 4 canvases seen before" in done.output


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
