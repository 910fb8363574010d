"""`gatehouse models train export` and `keep`: the trained network as files."""

from pathlib import Path
from typing import Annotated

import typer

from models.train.step import checked_side, step
from models.whole_file import check_writable


def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="where training stands")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help=".onnx file to write")],
    side: Annotated[int, typer.Option(min=64, max=4096, help="of the input, pixels; a multiple of 32")] = 416,
) -> None:
    """Write the trained network as ONNX, family yolov8, 32-bit floats."""
    with step("train export"):
        from models.train.checkpoint import load_checkpoint
        from models.train.export import export as write

        checked_side(side)
        check_writable(out)
        state = load_checkpoint(checkpoint)
        write(state, out, side)
    typer.echo(f"{out}: {out.stat().st_size / 2**20:.2f} MiB, {state.canvases} canvases, input {side}x{side}")


def keep(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="where training stands")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="checkpoint to write")],
) -> None:
    """Write the checkpoint small, to be carried or committed: half floats, without the optimiser's state."""
    with step("train keep"):
        from models.train.checkpoint import load_checkpoint, small

        check_writable(out)
        small(load_checkpoint(checkpoint)).save(out)
    typer.echo(f"{out}: {out.stat().st_size / 2**20:.2f} MiB")
