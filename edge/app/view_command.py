"""`gatehouse edge take-view`: what a camera shows now is how it should be, for it was turned on purpose."""

from pathlib import Path
from typing import Annotated

import typer

from edge.adapters.reference_file import ReferenceFile
from edge.app.node_folder import references_folder
from edge.config.document import ConfigError
from edge.config.load import load_config


def take_view(
    config: Annotated[Path, typer.Option(metavar="FILE", help="the node's configuration")],
    camera: Annotated[str, typer.Option(metavar="NAME", help="name of the camera")],
) -> None:
    """Takes a camera's reference view anew, after it was turned, moved or exchanged on purpose.

    A node that runs does it within a second and learns from the next good pictures; one that does not, when it starts.
    """
    try:
        loaded = load_config(config)
        names = [section.name for section in loaded.cameras]
        if camera not in names:
            raise ValueError(f"--camera {camera!r}: {config} has no such camera; one of {', '.join(names)}")
        ReferenceFile(references_folder(loaded), camera).order_anew()
    except (ConfigError, OSError, ValueError) as error:
        typer.echo(f"gatehouse edge take-view: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"the view of {camera} is taken anew")
