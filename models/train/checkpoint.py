"""Where training stands: one file, written so that a kill at any moment leaves the old one or the new one whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from models.train.network import PersonNetwork

Weights = dict[str, Tensor]


class CheckpointError(ValueError):
    """A checkpoint that can't be gone on from; the text says what to do."""


@dataclass(slots=True)
class Checkpoint:
    """weights: as trained; averaged: their running mean, which is what ships; optimiser: its state.

    canvases: how many were seen. seed: of the row of canvases. curve: one row of figures for each evaluation.
    """

    weights: Weights
    averaged: Weights
    optimiser: dict[str, Any]
    canvases: int
    seed: int
    curve: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Writes the file. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save({name: getattr(self, name) for name in self.__slots__}, part)
        part.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a file that `Checkpoint.save` wrote; runs no code from it. Raises CheckpointError."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(**content)
        for weights in (checkpoint.weights, checkpoint.averaged):
            PersonNetwork().load_state_dict(weights)
    except (OSError, RuntimeError, EOFError, TypeError, ValueError, AttributeError, UnpicklingError) as error:
        why = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path} is no checkpoint to go on from ({why}); name another") from error
    return checkpoint


def small(checkpoint: Checkpoint) -> Checkpoint:
    """The same at a third of the size: weights as half floats, the optimiser begun anew."""
    return Checkpoint(_halved(checkpoint.weights), _halved(checkpoint.averaged), {}, checkpoint.canvases,
                      checkpoint.seed, checkpoint.curve)  # fmt: skip


def _halved(weights: Mapping[str, Tensor]) -> Weights:
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
