"""Where training stands: one file, written so that a kill at any moment leaves the old one or the new one whole."""

import fcntl
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from models.train.network import PersonNetwork
from models.whole_file import check_writable, sweep_parts, unwritable, write_whole

Weights = dict[str, Tensor]


class CheckpointError(ValueError):
    """A checkpoint that can't be gone on from; the text says what to do."""


@dataclass(slots=True)
class Checkpoint:
    """weights: as trained; averaged: their running mean, which is what ships; optimiser: its state.

    canvases: how many were seen. seed: of the row of canvases. curve: one row of figures for each evaluation.
    fresh: the canvas at which the optimiser was last begun anew, from which the rate warms up.
    """

    weights: Weights
    averaged: Weights
    optimiser: dict[str, Any]
    canvases: int
    seed: int
    curve: list[dict[str, float]] = field(default_factory=list)
    fresh: int = 0

    def save(self, path: Path) -> None:
        """Writes the file. Raises UnwritableError."""
        content = io.BytesIO()  # what torch raises for a full disk is no OSError
        torch.save({name: getattr(self, name) for name in self.__slots__}, content)
        write_whole(path, content.getvalue())


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds the checkpoint for the one who writes it: two would train one network past each other.

    Takes away what writers that were killed left beside it. Raises CheckpointError where another holds it,
    UnwritableError where it can't be written.
    """
    check_writable(path)
    place = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = place.open("w")
    except OSError as error:
        raise unwritable(place, error) from error
    with lock:
        try:
            # Of the process: with flock the painters of one that was killed would hold it on for seconds.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(
                f"another training is at {path}; wait for it, stop it, or name another checkpoint"
            ) from None
        sweep_parts(path)
        yield


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a file that `Checkpoint.save` wrote; runs no code from it. Raises CheckpointError."""
    why = "it is damaged, or `models train fit` did not write it"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(**content)
        why = "it is of another network"
        for weights in (checkpoint.weights, checkpoint.averaged):
            PersonNetwork().load_state_dict(weights)
            if not all(value.isfinite().all() for value in weights.values()):
                why = "its weights are no numbers"
                raise ValueError(why)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({error.strerror or error}); name another") from error
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError, AttributeError, UnpicklingError) as error:
        # What torch says of them advises to run the code that a file brings along.
        raise CheckpointError(f"{path} is no checkpoint to go on from: {why}; name another") from error
    return checkpoint


def small(checkpoint: Checkpoint) -> Checkpoint:
    """The same at a third of the size: weights as half floats, the optimiser begun anew."""
    return Checkpoint(_halved(checkpoint.weights), _halved(checkpoint.averaged), {}, checkpoint.canvases,
                      checkpoint.seed, checkpoint.curve, checkpoint.fresh)  # fmt: skip


def _halved(weights: Mapping[str, Tensor]) -> Weights:
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
