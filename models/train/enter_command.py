"""`gatehouse models train enter`: the last step, into the manifest."""

from pathlib import Path
from typing import Annotated

import typer

from models.registry import SHIPPED
from models.train.step import step


def enter(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".onnx file below the manifest's folder")],
    name: Annotated[str, typer.Option(help="the name to give it")],
    confidence: Annotated[float, typer.Option(min=0.01, max=0.99, help="default threshold")] = 0.25,
    measured: Annotated[str, typer.Option(help="what was measured, on what")] = "",
    default: Annotated[bool, typer.Option(help="run it where no network is named")] = False,
    manifest: Annotated[Path, typer.Option(help="manifest to write to")] = SHIPPED,
) -> None:
    """Write a network of our own into the manifest that ships."""
    from models.train.enter import enter as write

    with step("train enter"):
        entry = write(manifest, file, name, confidence, measured, default)
    typer.echo(f"{manifest}: {entry.name}, {entry.width}x{entry.height}, {entry.file}")
