"""`gatehouse models learn-site`: frames that an installer marked become pictures to learn from."""

from pathlib import Path
from typing import Annotated

import typer

from models.labelled import LabelError
from models.train.progress import Reporter
from models.train.step import step


def learn_site(
    site: Annotated[str, typer.Argument(metavar="SITE", help="its name: letters, digits and hyphens")],
    frames: Annotated[Path, typer.Argument(metavar="DIR", help="folder with `images` and `labels` (YOLO) in it")],
    shards: Annotated[Path, typer.Option(metavar="DIR", help="where training looks")] = Path("var/train"),
) -> None:
    """Take a site's marked frames into training: those with a label file; an empty one says that nobody is there.

    They stay on this machine. `make train` learns from them with the rest.
    """
    from models.train.shards import read_shards, write_shards
    from models.train.sources import from_folder, pictures_in

    with step("learn-site"):
        if not site.replace("-", "").isalnum():
            raise LabelError(f"{site!r} can't name a site; use letters, digits and hyphens")
        images = frames / "images"
        written = write_shards(shards / f"site-{site}", from_folder(images, Reporter(site)))
        samples = read_shards(written)
    people, empty = sum(len(one.people) for one in samples), sum(not len(one.people) for one in samples)
    typer.echo(
        f"{site}: {len(samples)} pictures with {people} people, {empty} of them empty; "
        f"{len(pictures_in(images)) - len(samples)} not marked yet; {', '.join(map(str, written))}"
    )
