"""`gatehouse edge virtual-camera draw`: a school gate with people whose every step is known, as a file."""

from pathlib import Path
from typing import Annotated

import typer

from edge.virtual_camera.draw import draw as draw_scene
from edge.virtual_camera.light import LightName
from edge.virtual_camera.scene import SceneSpec
from edge.virtual_camera.stories import STORIES


def draw(
    out: Annotated[Path, typer.Option(help="MP4 file to write")],
    story: Annotated[str, typer.Option(help=f"one of: {', '.join(STORIES)}")] = "loiterer",
    light: Annotated[LightName, typer.Option(help="the light")] = "day",
    seed: Annotated[int, typer.Option(min=0, help="another seed, other people")] = 1,
    seconds: Annotated[float, typer.Option(help="length")] = 60.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels")] = "640x360",
    fps: Annotated[float, typer.Option(help="pictures a second")] = 10.0,
    truth: Annotated[Path | None, typer.Option(help="JSON file for who is where when")] = None,
    still: Annotated[Path | None, typer.Option(help="PNG file for the middle picture")] = None,
    varied: Annotated[bool, typer.Option(help="another place and camera for each seed")] = False,
) -> None:
    """Draw a school gate with people whose every step is known, as a video with its truth."""
    try:
        width, _, height = size.partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise ValueError(f"--size {size!r}: write it as WIDTHxHEIGHT, for example 1280x720")
        spec = SceneSpec(seed, light, story, int(width), int(height), fps, seconds, varied)
        scene = draw_scene(spec, out, truth, still)
    except OSError as error:
        names = ", ".join(str(path) for path in (out, truth, still) if path is not None)
        told = f"{names} can't be written ({error.strerror}); make room, or name other files"
        typer.echo(f"gatehouse edge virtual-camera draw: {told}", err=True)
        raise typer.Exit(2) from None
    except ValueError as error:
        typer.echo(f"gatehouse edge virtual-camera draw: {error}", err=True)
        raise typer.Exit(2) from None
    known = scene.truth()
    typer.echo(f"{out}: {known.frames} pictures, {len(known.people)} people")
    for stay in known.stays:
        typer.echo(
            f"  {stay.person} in {stay.zone} from {stay.enter_s:.1f} s to {stay.leave_s:.1f} s: {stay.dwell_s:.1f} s"
        )
