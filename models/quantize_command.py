"""`gatehouse models quantize`: an 8-bit network of a float one, entered only where it is as good."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.adapters.onnx_session import UnusableModelError
from edge.adapters.video_file import VideoFile, VideoFileError
from edge.config.environment import user_model_folder
from edge.core.frame import Frame
from models.choice import named, what_runs
from models.labelled import LabelError, LabelledFolder, frame_of, pictures_in, read_picture
from models.registry import ModelError, Registry
from models.train.progress import Reporter
from models.whole_file import UnwritableError

if TYPE_CHECKING:
    from models.quantize import Quantization

FRAMES = 100  # to calibrate on; more change no range that matters
_VIDEO_FPS = 1.0
_SHARE = 4  # of the pictures that judge, one is taken to calibrate on instead, where nothing else is named


def quantize(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="a name of the manifest, 'default', or an .onnx file")],
    images: Annotated[
        Path, typer.Option(metavar="DIR", help="pictures that judge; YOLO labels in `labels`, as for evaluate")
    ],
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR|VIDEO",
            help="what ranges are read from, again for more; default: every fourth of --images, which then judges not",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="of the new entry; default: the network's and _int8, with a number if taken")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Make an 8-bit copy of a float network, leaving in floats what costs accuracy.

    It is entered among your networks only if recall and AP50 are within one point of the float network's; otherwise
    nothing is entered and the exit code is 1.
    """
    try:
        result = _quantized(model, images, calibration or [], name, as_json)
    except (ModelError, UnusableModelError, LabelError, VideoFileError, UnwritableError) as error:
        typer.echo(f"gatehouse models quantize: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        more = {"speed_up": result.speed_up, "recall_lost": result.recall_lost}
        typer.echo(json.dumps({**asdict(result), "entry": result.entry and result.entry.name, **more}))
    else:
        typer.echo("\n".join(_told(result)))
    raise typer.Exit(0 if result.entry else 1)


def _quantized(model: str, images: Path, sources: list[Path], name: str | None, as_json: bool) -> "Quantization":
    try:
        from models.quantize import Material
        from models.quantize import quantize as run
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{error}: 8 bits need one package more; in Gatehouse's folder: pip install '.[quantize]'"
        ) from error
    folder = LabelledFolder(images)
    calibrating = [] if sources else list(range(0, len(folder), _SHARE))
    judging = [number for number in range(len(folder)) if sources or number % _SHARE]
    if not judging:
        raise LabelError(f"{images} holds one picture: it can't judge what it calibrates; name --calibration")
    evenly = calibrating[:: max(1, len(calibrating) // FRAMES)][:FRAMES]
    how = ", ".join(map(str, sources)) or f"{len(evenly)} others of {images}"
    if any(source.resolve() == images.resolve() for source in sources):
        how += ": those that judge too, so expect a little less elsewhere"
    typer.echo(f"judged on {len(judging)} pictures, calibrated on {how}", err=as_json)

    def frames() -> Iterator[Frame]:
        return _frames(sources) if sources else (one.frame for one in folder.some(evenly))

    material = Material(lambda: folder.some(judging), frames, FRAMES, time.process_time)
    reporter = Reporter("quantize", 5.0, tell=lambda text: typer.echo(text, err=as_json))
    return run(Registry(user_model_folder()), named(model), name, material, reporter)


def _frames(sources: list[Path]) -> Iterator[Frame]:
    """As many of each source, at most FRAMES in all: pictures evenly, a video's first ones, one a second."""
    most = max(1, FRAMES // len(sources))
    for source in sources:
        if source.is_dir():
            pictures = pictures_in(source)
            yield from (frame_of(read_picture(one)) for one in pictures[:: max(1, len(pictures) // most)][:most])
        else:
            yield from islice((one.frame for one in VideoFile(source, "calibration", _VIDEO_FPS)), most)


def _told(result: "Quantization") -> list[str]:
    from models.quantize import MOST_LOST

    right, best = result, result.best
    of = f"{result.in_8_bits} of {result.convolutions} convolutions in 8 bits"
    lines = [
        f"{'':8} {'recall':>8} {'precision':>10} {'AP50':>8} {'ms':>8}",
        f"{'float':8} {right.recall:8.3f} {right.precision:10.3f} {right.ap50:8.3f} {result.float_ms:8.1f}",
        f"{'8 bits':8} {best.recall:8.3f} {best.precision:10.3f} {best.ap50:8.3f} {result.int8_ms:8.1f}   {of}",
        f"{result.speed_up} times as fast on this processor ({result.processor}); on another kind measure anew",
    ]
    if result.speed_up <= 1.0:
        lines.append("it is NOT faster here: the float network is the better one for this processor")
    fallen = right.precision - best.precision
    if fallen > MOST_LOST:
        lines.append(
            f"precision fell by {100 * fallen:.1f} points: expect more false boxes at the same threshold; a higher "
            "`detector.confidence` trades recall for them"
        )
    if result.entry:
        file = user_model_folder() / result.entry.file
        lines.append(f"entered {result.entry.name} ({file}); it runs where detector.model names it, or for all after")
        lines.append(f"gatehouse models default {result.entry.name}; {what_runs(Registry(user_model_folder()))}")
        return lines
    lines.append(
        f"NOT entered: recall fell by {100 * result.recall_lost:.1f} points, AP50 by "
        f"{100 * (right.ap50 - best.ap50):.1f}; allowed is 1. Tried:"
    )
    lines += [
        f"  {len(one.float_blocks)} blocks in floats: recall {one.recall:.3f}, AP50 {one.ap50:.3f}"
        for one in result.tried
    ]
    return lines
