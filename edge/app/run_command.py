"""`gatehouse edge run`: the node, until it is told to stop."""

import logging
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from edge.app.supervisor import NodeError, Supervisor
from edge.config.document import ConfigError
from edge.config.environment import notify_socket
from edge.config.load import load_config


def run(config: Annotated[Path, typer.Option(metavar="FILE", help="the node's configuration")]) -> None:
    """Watches the cameras of a node and tells the console."""
    logging.basicConfig(format="%(asctime)s node %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        _run(config)
    except (ConfigError, NodeError) as error:
        typer.echo(f"gatehouse edge run: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        told = f"{config}: node.state_dir: {error.filename or ''} can't be used ({error.strerror}); name another folder"
        typer.echo(f"gatehouse edge run: {told}", err=True)
        raise typer.Exit(2) from None


def _run(path: Path) -> None:
    """Raises ConfigError, NodeError; OSError where the state folder can't be used."""
    as_service = notify_socket()
    try:
        config = load_config(path)
        supervisor = Supervisor(config, version("gatehouse"), notify_socket=as_service)
    except (ConfigError, OSError):
        _look_closer(path)  # says all that is wrong, the network too
        raise
    supervisor.run(lambda: _look_closer_at_network(path, ends=not as_service))


def _look_closer_at_network(path: Path, *, ends: bool) -> None:
    """Where a network can't be run, a command says so and ends. A service goes on: the console shows that its cameras
    are blind, and what they see is recorded. Raises ConfigError.
    """
    try:
        _look_closer(path)
    except ConfigError as error:
        if ends:
            raise
        logging.getLogger(__name__).critical("%s; the cameras are recorded all the same", error)


def _look_closer(path: Path) -> None:
    """What takes longer than recording may wait: whether the network runs. Raises ConfigError."""
    from edge.app.detector import network_fault, provider_told

    config = load_config(path, network_fault=network_fault)
    logging.getLogger(__name__).info("network %s", provider_told(config.detector))
