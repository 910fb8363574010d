"""`gatehouse models`: the networks that find people."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge.adapters.onnx_session import UnusableModelError
from edge.adapters.providers import Provider, Runner, UnusableProviderError
from edge.config.environment import cache_folder, model_override, user_model_folder
from models.labelled import LabelError
from models.quantize_command import quantize
from models.registry import ModelError, Registry
from models.train.cli import app as train_app
from models.train.learn_site_command import learn_site

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The networks that find people.")
app.add_typer(train_app, name="train")
app.command("learn-site")(learn_site)
app.command()(quantize)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="a name of the manifest, 'default', or an .onnx file")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def _registry() -> Registry:
    return Registry(user_model_folder())


def _named(model: str) -> str:
    return (model_override() or model) if model == "default" else model


@app.command("list")
def list_models() -> None:
    """List the networks of the manifest: ✓ file here, ✗ file gone, * runs where none is named."""
    try:
        registry = _registry()
        default = model_override() or registry.default
        for entry in registry.entries():
            here = " " if not entry.file else "✓" if os.path.isfile(entry.file) else "✗"
            chosen = "*" if entry.name == default else " "
            size = f"{entry.width}x{entry.height}"
            typer.echo(f"{here}{chosen} {entry.name:28} {entry.family:8} {size:9} {entry.licence:18} {entry.measured}")
    except ModelError as error:
        _fail("list", error)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="an .onnx file")],
    name: Annotated[str | None, typer.Option(help="the name to give it")] = None,
    licence: Annotated[str | None, typer.Option(help="its licence, as its maker says")] = None,
) -> None:
    """Recognise a network, try it out, and keep it."""
    from models.add import add as add_model

    try:
        entry = add_model(_registry(), file, name, licence)
    except (ModelError, OSError) as error:
        _fail("add", error)
    typer.echo(f"added {entry.name}: family {entry.family}, {entry.width}x{entry.height}, licence: {entry.licence}")


@app.command()
def export(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="as ultralytics names it, say yolo26n; or a .pt")],
    side: Annotated[int, typer.Option(min=64, max=4096, help="of the input, pixels; a multiple of 32")] = 640,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=".onnx file to write")] = None,
) -> None:
    """Write a network of ultralytics as a file to add; it and what it writes have ultralytics' licence."""
    from models.export import LICENCE
    from models.export import export as write

    file = out or Path(f"{Path(network).stem}_{side}.onnx")
    try:
        if side % 32:
            raise ModelError(f"--side {side}: take a multiple of 32")
        write(network, side, file)
    except ModelError as error:
        _fail("export", error)
    typer.echo(f"{file}: licence {LICENCE}; take it in: gatehouse models add {file} --licence AGPL-3.0")


@app.command()
def evaluate(
    model: Model,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="pictures; their YOLO labels in the sibling `labels`")
    ] = None,
    prefix: Annotated[str, typer.Option(help="only pictures whose name begins so")] = "",
    drawn: Annotated[bool, typer.Option(help="drawn gates in each light instead of pictures")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a network on labelled pictures, all together and by how their names begin."""
    from models.add import find_or_recognise
    from models.drawn import drawn_gates
    from models.evaluate import evaluate as run
    from models.labelled import read_folder

    try:
        if bool(images) == drawn:
            raise LabelError("name a folder of pictures with --images, or take --drawn for drawn gates")
        entry, file = find_or_recognise(_registry(), _named(model))
        result = run(entry, file, read_folder(images, prefix) if images else drawn_gates(), time.process_time)
    except (ModelError, UnusableModelError, LabelError) as error:
        _fail("evaluate", error)
    parts = {name: asdict(part) for name, part in result.parts.items()}
    figures = {"model": result.model, **asdict(result.accuracy), "ms_per_image": result.ms_per_image, "parts": parts}
    if as_json:
        typer.echo(json.dumps(figures))
        return
    for name, part in figures.pop("parts").items() if len(parts) > 1 else ():
        typer.echo(f"{name:12} AP50 {part['ap50']:.3f}  recall {part['recall']:.3f}  precision {part['precision']:.3f}")
    for key, value in figures.items():
        typer.echo(f"{key:18} {value}")


@app.command()
def benchmark(
    model: Model,
    rounds: Annotated[int, typer.Option(min=5, help="frames of each size that are timed")] = 50,
    provider: Annotated[Provider, typer.Option(help="who runs it")] = "cpu",
    as_json: AsJson = False,
) -> None:
    """Time decoding with the bare network, and with the whole loop around it, in turns; processor time."""
    from models.add import find_or_recognise
    from models.benchmark import benchmark as run

    try:
        entry, file = find_or_recognise(_registry(), _named(model))
        result = run(entry, file, rounds, time.process_time, Runner(provider, cache_folder() / "tensorrt"))
    except (ModelError, UnusableModelError, UnusableProviderError) as error:
        _fail("benchmark", error)
    if as_json:
        typer.echo(json.dumps(asdict(result)))
        return
    for size in result.sizes:
        told = f"bare {size.bare_ms} ms, with the loop {size.loop_ms} ms, ratio {size.ratio}"
        typer.echo(f"{result.model}, pictures of {size.width}x{size.height}: {told}")


def _fail(command: str, error: Exception) -> None:
    typer.echo(f"gatehouse models {command}: {error}", err=True)
    raise typer.Exit(2)
