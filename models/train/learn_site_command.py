"""`gatehouse models learn-site`: frames that an installer marked become pictures to learn from."""

from pathlib import Path
from typing import Annotated

import typer

from models.labelled import LabelError, pictures_in
from models.train.progress import Reporter
from models.train.step import step


def learn_site(
    site: Annotated[str, typer.Argument(metavar="SITE", help="its name: letters, digits and hyphens")],
    frames: Annotated[Path, typer.Argument(metavar="DIR", help="folder with `images` and `labels` (YOLO) in it")],
    shards: Annotated[Path, typer.Option(metavar="DIR", help="where training looks")] = Path("var/train"),
) -> None:
    """Take a site's marked frames into training: those with a label file; an empty one says that nobody is there.

    Where frames come from: the node's recordings are MP4 files below recordings/CAMERA in its `state_dir`; a clip or
    picture of an alert can be downloaded on its page in the console. A picture a second of either, with ffmpeg, which
    Gatehouse does not bring (Debian: `apt-get install ffmpeg`):
    `ffmpeg -i FILE.mp4 -vf fps=1 DIR/images/NAME-%04d.jpg`. In DIR/labels/NAME-0001.txt stands a line
    `0 centre-x centre-y width height`, fractions of the picture, for each person.

    They stay on this machine, and only your account can read what is written. `make train` learns from them with the
    rest: pictures of sites are about a tenth of what it looks at, however few they are, each at most twenty times as
    often as another.
    """
    from models.train.shards import SITE, read_shards, write_shards
    from models.train.sources import from_folder

    with step("learn-site"):
        if not site.replace("-", "").isalnum():
            raise LabelError(f"{site!r} can't name a site; use letters, digits and hyphens")
        images = frames / "images"
        written = write_shards(shards / f"{SITE}{site}", from_folder(images, Reporter(site)))
        samples = read_shards(written)
    people, empty = sum(len(one.people) for one in samples), sum(not len(one.people) for one in samples)
    typer.echo(
        f"{site}: {len(samples)} pictures with {people} people, {empty} of them empty; "
        f"{len(pictures_in(images)) - len(samples)} not marked yet; {', '.join(map(str, written))}"
    )
