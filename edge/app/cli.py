"""`gatehouse edge`: the box beside the cameras. Loads only what the command needs: each second of a start is video."""

import importlib
import os
from typing import Any

import typer
from typer.core import TyperGroup

_COMMANDS = {
    "run": "edge.app.run_command:run",
    "check": "edge.app.check_command:check",
    "replay": "edge.app.replay_command:replay",
    "track": "edge.app.track_command:track",
    "bench": "edge.app.bench_command:bench",
    "hold": "edge.app.hold_command:hold",
    "take-view": "edge.app.view_command:take_view",
    "virtual-camera": "edge.virtual_camera.cli:app",
}


class _Commands(TyperGroup):
    """Those of `_COMMANDS`, each loaded when it is asked for. Types are any, for typer may bring its own click."""

    def list_commands(self, _context: Any) -> list[str]:
        """Their names, as they are listed."""
        return list(_COMMANDS)

    def get_command(self, _context: Any, cmd_name: str) -> Any:
        """The command of that name; None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        found = getattr(importlib.import_module(module), name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command()(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False)


@app.callback()
def private() -> None:
    """The box beside the cameras."""
    os.umask(0o077)  # pictures of children: for this user alone
