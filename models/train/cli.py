"""`gatehouse models train`: the steps by which our own network is made; each can run alone."""

import typer

from models.train.enter_command import enter
from models.train.export_command import export, keep
from models.train.fit_command import fit
from models.train.prepare_command import prepare

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Make the person detector: each step runs alone.")
for _step in (prepare, fit, export, enter, keep):
    app.command()(_step)
