"""`gatehouse models train prepare`: labelled pictures, drawn scenes and videos become shards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, cast

import typer

from edge.adapters.onnx_detector import OnnxDetector
from edge.config.environment import user_model_folder
from edge.virtual_camera.light import LIGHTS, LightName
from models.registry import Registry
from models.train.progress import Reporter
from models.train.shards import Sample, write_shards
from models.train.step import step
from models.whole_file import check_writable


def prepare(
    out: Annotated[Path, typer.Argument(metavar="STEM", help="shards are written as STEM-0.npz, STEM-1.npz, ...")],
    archive: Annotated[list[Path] | None, typer.Option(help="tar of images/**.jpg and labels/**.txt (YOLO)")] = None,
    video: Annotated[list[Path] | None, typer.Option(help="video that the teachers label")] = None,
    scenes: Annotated[str, typer.Option(metavar="FIRST:LAST", help="seeds of drawn scenes, LAST not among them")] = "",
    per_scene: Annotated[int, typer.Option(min=1, help="pictures of each drawn scene")] = 3,
    light: Annotated[str | None, typer.Option(help="light of all drawn scenes: day, dusk, rain, night_ir")] = None,
    things: Annotated[bool, typer.Option(help="let cars, dogs, washing and the like stand about in them")] = False,
    by_night: Annotated[bool, typer.Option(help="pictures of archives as an infra-red camera gives them")] = False,
    every_s: Annotated[float, typer.Option(min=0.04, help="seconds between pictures of a video")] = 0.5,
    teacher: Annotated[list[str] | None, typer.Option(help="network that completes labels: name or file")] = None,
) -> None:
    """Gather pictures and who is on them, recoded small, into shards of at most 60 MiB."""
    from models.train.sources import from_archive, from_drawn_scenes, from_video
    from models.train.teachers import FAINT

    with step("train prepare"):
        seeds = _seeds(scenes)
        if light and light not in LIGHTS:
            raise ValueError(f"--light {light!r}: take one of {', '.join(LIGHTS)}")
        check_writable(out.with_name(f"{out.name}-0.npz"))
        registry = Registry(user_model_folder())
        detectors = [OnnxDetector(*registry.find(name), FAINT) for name in teacher or []]
        if video and not detectors:
            raise ValueError("a video has no labels: name networks that find the people on it with --teacher")
        if not (archive or video or seeds):
            raise ValueError("nothing to prepare: name --archive, --video or --scenes")

        def samples() -> Iterator[Sample]:  # each source's reporter begins with it, or time left would count from here
            for path, name in _numbered(archive):
                yield from from_archive(path, detectors, Reporter(name), by_night)
            for path, name in _numbered(video):
                yield from from_video(path, detectors, every_s, Reporter(name))
            all_light = cast("LightName | None", light)
            yield from from_drawn_scenes(seeds, per_scene, Reporter("drawn scenes"), all_light, things)

        pictures = people = empty = 0

        def counted() -> Iterator[Sample]:
            nonlocal pictures, people, empty
            for sample in samples():
                pictures, people, empty = pictures + 1, people + len(sample.people), empty + (not len(sample.people))
                yield sample

        written = write_shards(out, counted())
    for path in written:
        typer.echo(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")
    typer.echo(f"{pictures} pictures with {people} people; nobody is on {empty} of them")


def _numbered(paths: list[Path] | None) -> list[tuple[Path, str]]:
    """Each with its name and which of how many it is."""
    paths = paths or []
    return [(path, f"{path.name}, {number} of {len(paths)}") for number, path in enumerate(paths, 1)]


def _seeds(text: str) -> range:
    if not text:
        return range(0)
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise ValueError(f"--scenes {text!r}: write FIRST:LAST, for example 1000:1500")
    return range(int(first), int(last))
