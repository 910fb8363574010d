"""`gatehouse models`: the networks that find people."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from edge.adapters.onnx_session import UnusableModelError
from edge.adapters.providers import Provider, Runner, UnusableProviderError
from edge.config.environment import cache_folder, model_override, user_model_folder
from models.choice import named, what_runs
from models.evaluate_command import evaluate
from models.quantize_command import quantize
from models.registry import ModelError, Registry
from models.train.cli import app as train_app
from models.train.learn_site_command import learn_site

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The networks that find people.")
app.add_typer(train_app, name="train")
app.command("learn-site")(learn_site)
app.command()(evaluate)
app.command()(quantize)
_WIDTH, _UNDER = 100, " " * 8
Model = Annotated[str, typer.Argument(metavar="MODEL", help="a name of the manifest, 'default', or an .onnx file")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def _registry() -> Registry:
    return Registry(user_model_folder())


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
            typer.echo(f"{here}{chosen} {entry.name:28} {entry.family:8} {size:9} {entry.licence}")
            if entry.measured:
                typer.echo(fill(entry.measured, _WIDTH, initial_indent=_UNDER, subsequent_indent=_UNDER))
        for name in registry.left_out:
            typer.echo(
                f"your own {name} is left out, as one in the box has that name; add its file with another --name"
            )
        typer.echo(what_runs(registry))
    except ModelError as error:
        _fail("list", error)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="an .onnx file")],
    name: Annotated[str | None, typer.Option(help="the name to give it")] = None,
    licence: Annotated[str | None, typer.Option(help="its licence, as its maker says")] = None,
) -> None:
    """Recognise a network, try it out, and keep it; from then on it runs where none is named."""
    from models.add import add as add_model

    try:
        entry = add_model(_registry(), file, name, licence)
    except (ModelError, OSError) as error:
        _fail("add", error)
    typer.echo(f"added {entry.name}: family {entry.family}, {entry.width}x{entry.height}, licence: {entry.licence}")
    typer.echo(what_runs(_registry()))


@app.command()
def default(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="a name of the manifest; without one, tells what runs")
    ] = None,
) -> None:
    """Choose what runs where no network is named; the name of the box's own gives the choice back to the box."""
    from models.add import set_default

    try:
        if name:
            set_default(_registry(), name)
        typer.echo(what_runs(_registry()))
    except ModelError as error:
        _fail("default", error)


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
        entry, file = find_or_recognise(_registry(), named(model))
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
