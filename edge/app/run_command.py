"""`gatehouse edge run`: the node, until it is told to stop."""

import logging
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from edge.adapters.outbox_rows import OutboxError
from edge.app.detector import network_fault, provider_told
from edge.app.supervisor import AlreadyRunningError, Supervisor
from edge.config.document import ConfigError
from edge.config.environment import notify_socket
from edge.config.load import load_config


def run(config: Annotated[Path, typer.Option(metavar="FILE", help="the node's configuration")]) -> None:
    """Watches the cameras of a node and tells the console."""
    logging.basicConfig(format="%(asctime)s node %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        loaded = load_config(config, network_fault=network_fault)
        supervisor = Supervisor(loaded, version("gatehouse"), notify_socket=notify_socket())
    except (ConfigError, AlreadyRunningError, OutboxError) as error:
        typer.echo(f"gatehouse edge run: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        told = f"{config}: node.state_dir: {error.filename or ''} can't be used ({error.strerror}); name another folder"
        typer.echo(f"gatehouse edge run: {told}", err=True)
        raise typer.Exit(2) from None
    logging.getLogger(__name__).info("network %s", provider_told(loaded.detector))
    supervisor.run()
