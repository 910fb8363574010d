"""`gatehouse broker`: set up, run, hand out accounts, write the contract down."""

import logging
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from broker import installation
from broker.access import HOME_ASSISTANT, SIREN, AccessError, check_node_name
from broker.contract.topics import siren

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The post office between nodes and console.")

Folder = Annotated[Path, typer.Argument(help="the broker's own folder", show_default=False)]


@app.command()
def init(
    folder: Folder,
    host: Annotated[str, typer.Option(help="name or address under which the nodes reach this machine")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = 8883,
    loopback: Annotated[bool, typer.Option(help="this machine only, without TLS")] = False,
) -> None:
    """Make a broker: configuration for mosquitto, keys, rights and the console's account."""
    try:
        installation.make_folder(folder, host, port, loopback=loopback)
    except (installation.SetupError, OSError) as error:
        _fail(error)
    typer.echo(f"made {folder}/mosquitto.conf; the console signs in with {folder}/secrets/console.password")
    if not loopback:
        typer.echo(f"give every node and the console {folder}/tls/ca.crt as ca_file; keep tls/ca.key to yourself")


@app.command()
def add_node(folder: Folder, name: Annotated[str, typer.Argument(help="the node's name")]) -> None:
    """Make an account for a node (or a new password for one)."""
    try:
        check_node_name(name)
        secret = installation.add_account(folder, name)
    except (AccessError, installation.SetupError, OSError) as error:
        _fail(error)
    typer.echo(f"{name}: copy {secret} to the node as broker.password_file, then send mosquitto a SIGHUP")


@app.command()
def add_home_assistant(folder: Folder) -> None:
    """Let Home Assistant read how the nodes and their cameras do: no alerts, no pictures."""
    try:
        secret = installation.add_home_assistant(folder)
    except (AccessError, installation.SetupError, OSError) as error:
        _fail(error)
    typer.echo(f"send mosquitto a SIGHUP; Home Assistant signs in as {HOME_ASSISTANT} with {secret}")
    typer.echo("each node that it shall see says `home_assistant: true` below `broker`")


@app.command()
def add_siren(folder: Folder, name: Annotated[str, typer.Argument(help="the siren's name")]) -> None:
    """Make an account for the relay of a siren (or a new password for one): it hears when it is to sound."""
    try:
        check_node_name(name)
        secret = installation.add_siren(folder, name)
    except (AccessError, installation.SetupError, OSError) as error:
        _fail(error)
    typer.echo(f"send mosquitto a SIGHUP; the relay signs in as {SIREN}{name} with the password in {secret}")
    typer.echo(f"it listens to {siren(name)}; on the page Escalation the siren's address is siren://{name}")


@app.command()
def run(folder: Folder) -> None:
    """Run the broker: mosquitto where it is installed, else an embedded one for demos."""
    logging.basicConfig(format="%(asctime)s broker %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    try:
        installation.run(folder)
    except (installation.SetupError, OSError) as error:
        _fail(error)


@app.command()
def contract(
    out: Annotated[Path, typer.Option(help="folder to write into")] = Path("broker/contract/published"),
) -> None:
    """Write the contract down: JSON Schema of each message and an AsyncAPI 3 page."""
    from broker.contract import publish

    try:
        paths = publish.write(out)
    except OSError as error:
        _fail(error)
    for path in paths:
        typer.echo(path)


def _fail(error: Exception) -> NoReturn:
    told = str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        told = f"{place}{error.strerror}; name another folder"
    typer.echo(f"gatehouse broker: {told}", err=True)
    raise typer.Exit(2)
