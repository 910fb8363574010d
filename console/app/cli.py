"""`gatehouse console`: serve the guard's screen, add nodes."""

import logging
import os
import signal
import threading
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from broker.access import AccessError, check_node_name
from console.app.settings import Settings, SettingsError, load_settings
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.account_name import MOST_CHARACTERS, is_name, spelled
from console.domain.site_tree import Grants
from console.store import nodes, one_time_links, second_factors, sessions, sites, users
from console.store.database import DatabaseAddressError, open_database
from console.store.schema import migrate
from console.store.sealed import SealError

MOST_LABEL = 120
app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def private() -> None:
    """The guard's screen."""
    os.umask(0o077)  # accounts, and recordings of children: for this user alone


def _settings(*, with_files: bool = False) -> Settings:
    try:
        return load_settings(with_files=with_files)
    except SettingsError as error:
        _fail(error)


@app.command()
def serve() -> None:
    """Serve pages, live stream and uploads, and take in what the nodes say. Settings come from the environment."""
    from console.app.factory import build, first_link
    from console.app.server import ServerError, make_server

    logging.basicConfig(format="%(asctime)s console %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = _settings(with_files=True)
    try:
        console = build(settings, wall_s)
        server, door = make_server(settings, console.web)
    except (OSError, SealError, ServerError, DatabaseAddressError, SQLAlchemyError) as error:
        _fail(error)
    if console.receiver is None:
        typer.echo("no broker_password_file is set: pages only, nothing is heard from nodes")
    link = first_link(console.database, settings.address, wall_s)
    if link:
        typer.echo(f"first administrator, once, within a day: {link}")
    typer.echo(f"console: {settings.address}")
    console.start(on_crash=lambda: setattr(server, "should_exit", True))
    try:
        server.run(sockets=[door])
    finally:
        console.stop()
    if console.crashed.is_set():
        raise typer.Exit(70)


@app.command()
def ingest() -> None:
    """Take in events beside a console that serves: for a province, with its settings, as often as there are processors.

    Each event goes to one of the processes. One that ends costs nothing: the boxes tell again what it did not commit.
    """
    from console.app.factory import IngestError, build_ingest

    logging.basicConfig(format="%(asctime)s ingest %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        receiver, database = build_ingest(_settings(with_files=True), wall_s)
    except (OSError, IngestError, DatabaseAddressError, SQLAlchemyError) as error:
        _fail(error)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    receiver.run(ended)
    database.close()


@app.command()
def add_node(
    name: Annotated[str, typer.Argument(help="the node's name; the broker's account has the same")],
    site: Annotated[str, typer.Option(help="the school it stands at")],
    token_file: Annotated[Path, typer.Option(help="where to write the node's token; copy it to the node")],
    label: Annotated[str, typer.Option(help="what people read")] = "",
) -> None:
    """Make a node known, and the token with which it brings files."""
    settings = _settings()
    try:
        _check_node(name, site, label, token_file)
        database = open_database(settings.database_url)
        migrate(database)
        with database.write() as connection:
            token = nodes.add(connection, name, site, label, wall_s())
            _write_token(token_file, token)
        database.close()
    except (OSError, ValueError, SQLAlchemyError) as error:
        _fail(error)
    typer.echo(f"{name} at {site}: copy {token_file} to the node as console.token_file")


@app.command()
def add_user(
    name: Annotated[str, typer.Argument(help="the name to sign in with")],
    role: Annotated[Role, typer.Option(help="what the person is here for")],
    site: Annotated[
        list[str] | None, typer.Option(help="where, with all below it; left out: as before, or all")
    ] = None,
) -> None:
    """Make a one-time link with which a person chooses a password; it works for a day.

    For a name that has or had an account it gives a new password and the role named here.
    """
    from console.web.auth import new_link

    settings = _settings()
    try:
        database = open_database(settings.database_url)
        migrate(database)
        with database.read() as connection:
            known = users.find(connection, name)
            granted = _sites(connection, site) if site else None
        name = known.name if known else spelled(name)
        if known is None and not is_name(name):
            raise ValueError(
                f"{name[:80]!r} is no name: give 1 to {MOST_CHARACTERS} letters and digits, the letters of one "
                "script (of Latin ones a-z, đ and ƀ, with marks); blanks and . - _ ' @ may stand between them"
            )
        token = new_link(database, role, name, wall_s(), granted)
        database.close()
    except (OSError, ValueError, SQLAlchemyError) as error:
        _fail(error)
    typer.echo(f"{role} {name}, once, within a day: {settings.address}/welcome/{token}")


@app.command()
def remove_user(name: Annotated[str, typer.Argument(help="the name that the person signs in with")]) -> None:
    """Take an account away, and links not used yet: the person is out at once, what they did stays on record."""
    name, settings = name.strip(), _settings()
    try:
        database = open_database(settings.database_url)
        migrate(database)
        with database.write() as connection:
            found = users.credentials(connection, name)
            if found is not None:
                users.disable(connection, found[0].id, wall_s())
            links = one_time_links.drop_unused(connection, name) if name else 0
        database.close()
    except (OSError, ValueError, SQLAlchemyError) as error:
        _fail(error)
    if found is None and not links:
        _fail(ValueError(f"nobody signs in as {name!r}, and no link for that name is unused"))
    typer.echo(f"{name} can't sign in any more" if found else f"{name}: the link is withdrawn")


@app.command()
def reset_second_factor(name: Annotated[str, typer.Argument(help="the name that the person signs in with")]) -> None:
    """Take a second factor away, for who has lost phone and recovery codes; the person's sessions end."""
    settings = _settings()
    try:
        database = open_database(settings.database_url)
        migrate(database)
        with database.write() as connection:
            found = users.find(connection, name.strip())  # also one that was ended: a lost key counts its secret, too
            if found is None or not second_factors.take_away(connection, found.id):
                raise ValueError(f"{name.strip()!r} has no second factor, or does not sign in here")
            sessions.end_others(connection, found.id, "")
        database.close()
    except (OSError, ValueError, SQLAlchemyError) as error:
        _fail(error)
    typer.echo(f"{found.name} signs in with the password alone")


def _sites(connection: Connection, names: list[str]) -> Grants:
    """Raises ValueError where there is no such site."""
    ids = {one.name: one.id for one in sites.listing(connection)}
    unknown = [name for name in names if name.strip() not in ids]
    if unknown:
        raise ValueError(
            f"--site {unknown[0][:80]!r}: there is no such site; there are {', '.join(sorted(ids)) or 'none'}"
        )
    return Grants(sites=frozenset(ids[name.strip()] for name in names))


def _check_node(name: str, site: str, label: str, token_file: Path) -> None:
    """Raises ValueError with everything that is wrong with a new node."""
    problems = []
    try:
        check_node_name(name)
    except AccessError as error:
        problems.append(f"NAME: {error}")
    if not 0 < len(site.strip()) <= MOST_LABEL or not site.isprintable():
        problems.append(f"--site {site[:80]!r}: give the school's name, 1 to {MOST_LABEL} characters that can be seen")
    if len(label) > MOST_LABEL or not label.isprintable():
        problems.append(f"--label {label[:80]!r}: give at most {MOST_LABEL} characters that can be seen")
    if os.path.lexists(token_file):
        problems.append(f"--token-file {token_file}: is there already; name another file")
    elif not token_file.parent.is_dir():
        problems.append(f"--token-file {token_file}: there is no folder {token_file.parent}; make it, or name another")
    if problems:
        raise ValueError("\n  ".join([f"{len(problems)} problem(s):", *problems]))


def _write_token(path: Path, token: str) -> None:
    """Raises OSError; then there is no such file."""
    door = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(door, f"{token}\n".encode())
    except OSError as error:
        path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(door)


def _fail(error: Exception) -> NoReturn:
    typer.echo(f"gatehouse console: {_told(error)}", err=True)
    raise typer.Exit(2)


def _told(error: Exception) -> str:
    if isinstance(error, SQLAlchemyError):
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return (
            f"GATEHOUSE_CONSOLE_DATABASE: the database can't be used: {cause}; see that it is there, that this account "
            "may use it, and that its disk has room"
        )
    if isinstance(error, OSError) and error.filename:
        cure = "name a place that this account may write to (GATEHOUSE_CONSOLE_FOLDER)"
        return f"{error.filename}: {error.strerror}; {cure}"
    return str(error)
