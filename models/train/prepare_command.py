"""`gatehouse models train prepare`: labelled pictures, drawn scenes and videos become shards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from edge.adapters.onnx_detector import OnnxDetector, UnusableModelError
from edge.config.environment import user_model_folder
from models.labelled import LabelError
from models.registry import ModelError, Registry
from models.train.progress import Reporter
from models.train.shards import Sample, write_shards


def prepare(
    out: Annotated[Path, typer.Argument(metavar="STEM", help="shards are written as STEM-0.npz, STEM-1.npz, ...")],
    archive: Annotated[list[Path] | None, typer.Option(help="tar of images/**.jpg and labels/**.txt (YOLO)")] = None,
    folder: Annotated[list[Path] | None, typer.Option(help="marked pictures; labels in the sibling `labels`")] = None,
    video: Annotated[list[Path] | None, typer.Option(help="video that the teachers label")] = None,
    scenes: Annotated[str, typer.Option(metavar="FIRST:LAST", help="seeds of drawn scenes, LAST not among them")] = "",
    per_scene: Annotated[int, typer.Option(min=1, help="pictures of each drawn scene")] = 3,
    every_s: Annotated[float, typer.Option(min=0.04, help="seconds between pictures of a video")] = 0.5,
    teacher: Annotated[list[str] | None, typer.Option(help="network that completes labels: name or file")] = None,
) -> None:
    """Gather pictures and who is on them, recoded small, into shards of at most 60 MiB."""
    try:
        seeds = _seeds(scenes)
        given = archive or [], folder or [], video or []
        written = write_shards(out, _samples(*given, seeds, per_scene, every_s, teacher or []))
    except (LabelError, ModelError, UnusableModelError, OSError, ValueError) as error:
        typer.echo(f"gatehouse models train prepare: {error}", err=True)
        raise typer.Exit(2) from None
    for path in written:
        typer.echo(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


def _samples(
    archives: list[Path],
    folders: list[Path],
    videos: list[Path],
    seeds: range,
    per_scene: int,
    every_s: float,
    teachers: list[str],
) -> Iterator[Sample]:
    from models.train.sources import from_archive, from_drawn_scenes, from_folder, from_video
    from models.train.teachers import FAINT

    if videos and not teachers:
        raise ValueError("a video has no labels: name networks that find the people on it with --teacher")
    if not (archives or folders or videos or seeds):
        raise ValueError("nothing to prepare: name --archive, --folder, --video or --scenes")
    registry = Registry(user_model_folder())
    detectors = [OnnxDetector(*registry.find(name), FAINT) for name in teachers]
    for path in archives:
        yield from from_archive(path, detectors, Reporter(path.name))
    for path in folders:
        yield from from_folder(path, detectors, Reporter(path.name))
    for path in videos:
        yield from from_video(path, detectors, every_s, Reporter(path.name))
    if seeds:
        yield from from_drawn_scenes(seeds, per_scene, Reporter("drawn scenes"))


def _seeds(text: str) -> range:
    if not text:
        return range(0)
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise ValueError(f"--scenes {text!r}: write FIRST:LAST, for example 1000:1500")
    return range(int(first), int(last))
