"""Trains the network: any number of stops, each goes on from the last checkpoint with the next canvas."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from models.train.canvas import paint_canvas, side_of
from models.train.checkpoint import Checkpoint, held, load_checkpoint
from models.train.loss import People, loss_of
from models.train.network import STRIDES, PersonNetwork, cell_centres
from models.train.shards import Sample

_WARM_UP_CANVASES = 6000
_DECAY_FROM, _LEAST_RATE = 0.5, 0.02  # share of the plan from which the rate falls, and the share of it at the end
_WEIGHT_DECAY = 0.03
_AVERAGING = 0.999
_CLIP_NORM = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """canvases: in all, those of earlier runs too. batch: canvases a step. rate: the highest learning rate.

    save_every, judge_every: canvases between checkpoints and between evaluations.
    """

    canvases: int
    batch: int = 16
    rate: float = 2e-3
    workers: int = 1
    save_every: int = 1000
    judge_every: int = 20_000


Judge = Callable[[PersonNetwork], dict[str, float]]
Told = Callable[[int, int, str], None]


class _Canvases(Dataset[tuple[Tensor, Tensor]]):  # type: ignore[misc]  # torch is not there where types are checked
    def __init__(self, samples: Sequence[Sample], seed: int, batch: int, first_batch: int, batches: int) -> None:
        self._samples, self._seed, self._batch, self._first, self._count = samples, seed, batch, first_batch, batches

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """One whole batch: pictures (batch, 3, side, side) uint8 RGB and people (batch, most, 5)."""
        number = self._first + index
        if index >= self._count:
            raise IndexError(index)
        side = side_of(self._seed, number)
        painted = [
            paint_canvas(self._samples, side, self._seed, number * self._batch + row) for row in range(self._batch)
        ]
        most = max(1, *(len(canvas.people) for canvas in painted))
        people = np.full((self._batch, most, 5), -1.0, np.float32)
        for row, canvas in enumerate(painted):
            people[row, : len(canvas.people)] = canvas.people
        pictures = np.stack([canvas.bgr[..., ::-1].transpose(2, 0, 1) for canvas in painted])
        return torch.from_numpy(pictures), torch.from_numpy(people)


class Training:
    """A training that can stop and go on: the network, its running mean, the optimiser, and how far it is."""

    def __init__(self, state: Checkpoint | None, plan: Plan, seed: int) -> None:
        """state: to go on from, None for random weights; `seed` is then theirs and the canvases'."""
        torch.manual_seed(seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network, self.averaged = PersonNetwork(), PersonNetwork()
        self.averaged.load_state_dict(self.network.state_dict())
        if state:
            self.network.load_state_dict(state.weights)
            self.averaged.load_state_dict(state.averaged)
        self.network.to(self.device, memory_format=torch.channels_last).train()
        self.averaged.to(self.device, memory_format=torch.channels_last).eval()
        self._optimiser = _optimiser(self.network, plan.rate)
        if state and state.optimiser:
            self._optimiser.load_state_dict(state.optimiser)
        self.seen, self.seed, self.curve = (state.canvases, state.seed, state.curve) if state else (0, seed, [])
        self._plan = plan
        self._fresh = (state.fresh if state.optimiser else self.seen) if state else 0

    def learn(self, pictures: Tensor, people: Tensor) -> float:
        """One step; returns its loss. pictures (batch, 3, side, side) uint8 RGB, people (batch, most, 5).

        Raises ValueError where that leads nowhere any more, before anything is learnt of it.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = self._plan.rate * rate_at(self.seen, self._plan.canvases, self._fresh)
        loss = _step(self.network, self._optimiser, pictures.to(self.device), people.to(self.device))
        steps = self.seen / len(pictures)
        _average(self.averaged, self.network, min(_AVERAGING, (1 + steps) / (10 + steps)))
        self.seen += len(pictures)
        return loss

    def checkpoint(self) -> Checkpoint:
        """Where it stands."""
        return Checkpoint(
            self.network.state_dict(), self.averaged.state_dict(), self._optimiser.state_dict(), self.seen, self.seed,
            self.curve, self._fresh,
        )  # fmt: skip


def fit(samples: Sequence[Sample], path: Path, plan: Plan, judge: Judge, told: Told, seed: int = 1) -> Checkpoint:
    """Trains until `plan.canvases` were seen, from the checkpoint in `path` where there is one.

    judge: figures for the curve. told: (canvases seen, in all, what else). Saves every `save_every` canvases and at the
    end. Raises CheckpointError, UnwritableError, and ValueError where the network runs away; then nothing is saved.
    """
    with held(path):
        return _fitted(samples, path, plan, judge, told, seed)


def _fitted(samples: Sequence[Sample], path: Path, plan: Plan, judge: Judge, told: Told, seed: int) -> Checkpoint:
    training = Training(load_checkpoint(path) if path.exists() else None, plan, seed)
    losses: list[float] = []
    for pictures, people in _batches(samples, training.seed, plan, training.seen):
        before = training.seen
        losses.append(training.learn(pictures, people))
        now, over = training.seen, training.seen >= plan.canvases
        if over or now // plan.judge_every > before // plan.judge_every:
            training.curve.append({"canvases": now, "loss": round(fmean(losses), 4), **judge(training.averaged)})
            losses.clear()
        if over or now // plan.save_every > before // plan.save_every:
            training.checkpoint().save(path)
        told(now, plan.canvases, f"loss {fmean(losses[-100:]):.3f}" if losses else str(training.curve[-1]))
    return training.checkpoint()


def rate_at(seen: int, total: int, fresh: int = 0) -> float:
    """Share of the highest learning rate: warmed up from canvas `fresh` on, falling in a line over the last part."""
    warm = min(1.0, (seen - fresh + 1) / _WARM_UP_CANVASES)
    falling = (total - seen) / (total * (1 - _DECAY_FROM))
    return warm * min(1.0, max(_LEAST_RATE, falling))


def to_input(pictures: Tensor) -> Tensor:
    """uint8 -> what the network takes."""
    return (pictures.float() / 255.0).contiguous(memory_format=torch.channels_last)


def half_precision(device: torch.device) -> torch.autocast:
    """Computes in bfloat16 where the machine can; a processor that emulates it is eight times slower than in floats."""
    able = device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.autocast(device.type, torch.bfloat16, enabled=able)


def _step(network: PersonNetwork, optimiser: torch.optim.Optimizer, pictures: Tensor, people: Tensor) -> float:
    with half_precision(pictures.device):
        logits, boxes = network(to_input(pictures))
    rows, columns = pictures.shape[2:]
    centres = torch.cat([cell_centres(rows // s, columns // s, s, pictures.device) for s in STRIDES])
    loss = loss_of(logits, boxes, People(people[..., :4], people[..., 4]), centres)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
    if not torch.isfinite(norm):
        raise ValueError(
            "the network ran away: its answers are no numbers any more; the checkpoint stays as it was, "
            "go on from it with a lower --rate"
        )
    optimiser.step()
    return float(loss.detach())


def _average(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - keep)
        else:
            mean.copy_(value)


def _optimiser(network: nn.Module, rate: float) -> torch.optim.AdamW:
    matrices = [value for value in network.parameters() if value.dim() > 1]
    others = [value for value in network.parameters() if value.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate)


def _batches(samples: Sequence[Sample], seed: int, plan: Plan, seen: int) -> Iterator[tuple[Tensor, Tensor]]:
    first, last = seen // plan.batch, -(-plan.canvases // plan.batch)
    rows = _Canvases(samples, seed, plan.batch, first, max(0, last - first))
    ahead = 4 if plan.workers else None
    return iter(DataLoader(rows, None, num_workers=plan.workers, prefetch_factor=ahead, worker_init_fn=_settle))


def _settle(_worker: int) -> None:
    cv2.setNumThreads(0)  # each worker is one thread's worth of work; more of OpenCV's would only wait for each other
