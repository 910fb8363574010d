"""How the steps of training tell what went wrong: one line that names the step, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from edge.adapters.onnx_session import UnusableModelError
from models.labelled import LabelError
from models.registry import ModelError
from models.whole_file import UnwritableError

_COARSEST_STRIDE = 32


@contextmanager
def step(command: str) -> Iterator[None]:
    """Runs a step of `gatehouse models COMMAND`. A fault in what it was given ends it; any other stays a traceback."""
    try:
        yield
    except ModuleNotFoundError as error:
        _end(command, f"{error}; training has its own environment, which `make train` makes: .venv-train/bin/gatehouse")
    except (LabelError, ModelError, UnusableModelError, UnwritableError, ValueError) as error:
        _end(command, " ".join(str(error).split()))
    except OSError as error:
        _end(command, f"{error.filename or 'a file'}: {error.strerror or error}; mend it, or name another")


def checked_side(side: int) -> int:
    """A side of the network's input in pixels. Raises ValueError where the coarsest stride does not divide it."""
    if side % _COARSEST_STRIDE:
        raise ValueError(f"--side {side}: take a multiple of {_COARSEST_STRIDE}, the coarsest stride")
    return side


def _end(command: str, told: str) -> None:
    typer.echo(f"gatehouse models {command}: {told}", err=True)
    raise typer.Exit(2)
