"""`gatehouse edge hold`: what police or guards ask for is kept, whatever the limits and however full the disk."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from edge.adapters.event_proof import PROOF
from edge.adapters.holds import span_name
from edge.adapters.kept_files import LABEL, list_events, list_recordings
from edge.adapters.system_clock import SystemClock
from edge.app.hold import locked_folder
from edge.app.node_folder import holds_of
from edge.config.document import ConfigError
from edge.config.load import load_config
from edge.config.schema import EdgeConfig

_EVENT = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
OUR_NOTES = (LABEL, PROOF)  # in a folder of evidence, beside the files
_PATIENCE_S = 30.0  # a round of housekeeping takes seconds


class HoldError(Exception):
    """What was asked for can't be held; the text says why and what to do."""


def hold(
    config: Annotated[Path, typer.Option(metavar="FILE", help="the node's configuration")],
    what: Annotated[str | None, typer.Argument(metavar="[EVENT|CAMERA]", help="leave it out to list all holds")] = None,
    begins: Annotated[
        str | None, typer.Option("--from", metavar="2026-11-24T02:04", help="of a camera's recording")
    ] = None,
    ends: Annotated[str | None, typer.Option("--to", metavar="2026-11-24T02:24")] = None,
    reason: Annotated[str, typer.Option(help="who asked for it and why; kept beside the hold")] = "",
    release: Annotated[bool, typer.Option("--release", help="let go of it again")] = False,
) -> None:
    """Keeps an event's files, or minutes of a camera's recording, until they are let go; also while the node runs."""
    try:
        loaded = load_config(config, with_secrets=False)
        if what is None:
            typer.echo("\n".join(holds_of(loaded).names()) or "nothing is held")
            return
        listed = release and what in holds_of(loaded).names()  # also what a console asked for that is no more
        name = what if listed else _name(loaded, what, begins, ends)
        if release:
            if not holds_of(loaded).release(name):
                raise HoldError(f"{name} is not held; without a name all holds are listed")
            typer.echo(f"{name} is no longer held")
            return
        if not loaded.node.state_dir.is_dir():
            raise HoldError(f"{loaded.node.state_dir} is not here: the node has never run; is this its configuration?")
        with _undisturbed(loaded.node.state_dir):
            holds_of(loaded).put(name, reason, SystemClock().wall_s())
            told = _told(loaded, name)
    except (ConfigError, HoldError) as error:
        typer.echo(f"gatehouse edge hold: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        cure = "make room, or see who may write there"
        typer.echo(f"gatehouse edge hold: {error.filename or config}: {error.strerror}; {cure}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{name} is held: {told}")


def _name(config: EdgeConfig, what: str, begins: str | None, ends: str | None) -> str:
    """The hold's name. Raises HoldError."""
    if _EVENT.match(what):
        if begins or ends:
            raise HoldError("an event is held whole: take out --from and --to, or name a camera")
        return what
    cameras = {camera.name for camera in config.cameras} | list_recordings(config.node.state_dir).keys()
    if what not in cameras:
        raise HoldError(f"{what!r} is no event's id and no camera (there is: {', '.join(sorted(cameras))})")
    if begins is None or ends is None:
        raise HoldError(f"say which recording of {what}: add --from 2026-11-24T02:04 --to 2026-11-24T02:24")
    zone = ZoneInfo(config.node.timezone)
    from_s, to_s = _moment(begins, zone), _moment(ends, zone)
    if not from_s < to_s:
        raise HoldError(f"--to {ends} is not after --from {begins}")
    return span_name(what, from_s, to_s)


def _moment(text: str, zone: ZoneInfo) -> float:
    try:
        moment = datetime.fromisoformat(text)
        at_s = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        at_s = -1.0
    if not 0 <= at_s < 4e9:
        raise HoldError(f"{text!r}: write it like 2026-11-24T02:04, in the node's own time")
    return at_s


@contextmanager
def _undisturbed(state_dir: Path) -> Iterator[None]:
    """While nothing is being deleted. Raises HoldError where that takes too long."""
    pause, held = threading.Event(), ""
    for _ in range(int(_PATIENCE_S / 0.1)):
        try:
            with locked_folder(state_dir):
                yield
            return
        except BlockingIOError as error:
            held = str(error.strerror)
            pause.wait(0.1)
    raise HoldError(f"{held}, and that does not come to an end; end that process, or restart the node, and try again")


def _told(config: EdgeConfig, name: str) -> str:
    """What of it lies on this box."""
    if _EVENT.match(name):
        folders = [event for event in list_events(config.node.state_dir) if event.path.name == name]
        files = {file: size for event in folders for file, size in event.files.items() if file not in OUR_NOTES}
        if not files:
            return "none of its files lies here now; those still to be made will be kept, others the console may have"
        return f"{', '.join(sorted(files))}, {sum(files.values()):,} bytes"
    camera, _, span = name.partition(".")
    from_s, to_s = (int(part) / 1000 for part in span.split("-"))
    there = [s for s in list_recordings(config.node.state_dir).get(camera, ()) if s.overlaps(from_s, to_s)]
    if not there:
        return "nothing of that time is recorded here now; what will be is kept"
    seconds = sum(min(to_s, s.ends_at_s or to_s) - max(from_s, s.begins_at_s) for s in there)
    return f"{seconds:.0f} of {to_s - from_s:.0f} s are recorded, {sum(s.path.stat().st_size for s in there):,} bytes"
