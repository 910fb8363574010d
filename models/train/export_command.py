"""`gatehouse models train export` and `keep`: the trained network as files."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="where training stands")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help=".onnx file to write")],
    side: Annotated[int, typer.Option(min=64, help="of the input, pixels; a multiple of 32")] = 416,
) -> None:
    """Write the trained network as ONNX, family yolov8, 32-bit floats."""
    from models.train.checkpoint import CheckpointError, load_checkpoint
    from models.train.export import export as write

    try:
        if side % 32:
            raise ValueError(f"--side {side}: take a multiple of 32, the coarsest stride")
        state = load_checkpoint(checkpoint)
        write(state, out, side)
    except (CheckpointError, OSError, ValueError) as error:
        _fail("export", error)
    typer.echo(f"{out}: {out.stat().st_size / 2**20:.2f} MiB, {state.canvases} canvases, input {side}x{side}")


def keep(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="where training stands")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="checkpoint to write")],
) -> None:
    """Write the checkpoint small, to be carried or committed: half floats, without the optimiser's state."""
    from models.train.checkpoint import CheckpointError, load_checkpoint, small

    try:
        small(load_checkpoint(checkpoint)).save(out)
    except (CheckpointError, OSError) as error:
        _fail("keep", error)
    typer.echo(f"{out}: {out.stat().st_size / 2**20:.2f} MiB")


def _fail(command: str, error: Exception) -> None:
    typer.echo(f"gatehouse models train {command}: {error}", err=True)
    raise typer.Exit(2)
