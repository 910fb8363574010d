"""`gatehouse edge`: the box beside the cameras."""

import os

import typer

from edge.app.bench_command import bench
from edge.app.check_command import check
from edge.app.hold_command import hold
from edge.app.replay_command import replay
from edge.app.run_command import run
from edge.app.track_command import track
from edge.app.view_command import take_view
from edge.virtual_camera.cli import app as virtual_camera

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def private() -> None:
    """The box beside the cameras."""
    os.umask(0o077)  # pictures of children: for this user alone


app.command()(run)
app.command()(check)
app.command()(replay)
app.command()(track)
app.command()(bench)
app.command()(hold)
app.command()(take_view)
app.add_typer(virtual_camera, name="virtual-camera")
