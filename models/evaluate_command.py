"""`gatehouse models evaluate`: how many of the people a network finds."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.adapters.onnx_session import UnusableModelError
from edge.config.environment import user_model_folder
from models.choice import named
from models.labelled import LabelError, LabelledFolder, LabelledPicture
from models.registry import ModelError, Registry
from models.train.progress import Reporter

if TYPE_CHECKING:
    from models.evaluate import Evaluation

EVERY_S = 5.0  # between two words on how far it is


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="a name of the manifest, 'default', or an .onnx file")],
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="pictures; YOLO labels in `labels` beside it, or labels/X for images/X"),
    ] = None,
    prefix: Annotated[str, typer.Option(help="only pictures whose name begins so")] = "",
    drawn: Annotated[bool, typer.Option(help="drawn gates in each light instead of pictures")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure a network on labelled pictures, all together and by how their names begin; of drawn gates also by age."""
    from models.add import find_or_recognise
    from models.drawn import drawn_gates, how_many
    from models.evaluate import evaluate as run

    try:
        if bool(images) == drawn:
            raise LabelError("name a folder of pictures with --images, or take --drawn for drawn gates")
        entry, file = find_or_recognise(Registry(user_model_folder()), named(model))
        folder = LabelledFolder(images, prefix) if images else None
        pictures = _told(folder, len(folder)) if folder else _told(drawn_gates(), how_many())
        result = run(entry, file, pictures, time.process_time)
    except (ModelError, UnusableModelError, LabelError) as error:
        typer.echo(f"gatehouse models evaluate: {error}", err=True)
        raise typer.Exit(2) from None
    unlabelled = folder.unlabelled if folder else 0
    if as_json:
        parts = {name: asdict(part) for name, part in result.parts.items()}
        more = {"ms_per_image": result.ms_per_image, "unlabelled": unlabelled, "other_classes": result.others}
        typer.echo(json.dumps({"model": result.model, **asdict(result.accuracy), **more, "parts": parts}))
    else:
        typer.echo("\n".join(_lines(result, unlabelled)))


def _told(pictures: Iterable[LabelledPicture], total: int) -> Iterator[LabelledPicture]:
    reporter = Reporter("evaluate", EVERY_S, tell=lambda text: typer.echo(text, err=True))
    for number, picture in enumerate(pictures):
        if number:
            reporter(number, total)
        yield picture


def _lines(result: "Evaluation", unlabelled: int) -> Iterator[str]:
    whole = result.accuracy
    yield f"{result.model}, threshold {whole.threshold}: {whole.pictures} pictures, {whole.boxes} people"
    if unlabelled:
        yield f"{unlabelled} pictures have no label file: taken as pictures of nobody"
    if result.others:
        yield f"the labels of {result.others} pictures name other classes too: left out, only class 0 is people"
    kinds = whole.boxes_by_kind
    head = f"{'':12} {'people':>7} {'recall':>7}"
    yield f"{head} {'precision':>9} {'AP50':>6} {'AP50-95':>7}{''.join(f' {kind:>14}' for kind in kinds)}"
    parts = result.parts if len(result.parts) > 1 else {}
    for name, part in {**parts, "all": whole}.items():
        recall = "     --" if part.recall is None else f"{part.recall:7.3f}"
        row = f"{name:12} {part.boxes:7} {recall} {part.precision:9.3f} {part.ap50:6.3f} {part.ap50_95:7.3f}"
        yield row + "".join(_of(part.recall_by_kind, part.boxes_by_kind, kind) for kind in kinds)
    yield head + "".join(f" {kind:>14}" for kind in kinds)
    for height, recall_there in whole.recall_by_height.items():
        row = f"{f'{height} px':12} {whole.boxes_by_height[height]:7} {recall_there:7.3f}"
        recall_of, boxes_of = whole.recall_by_kind_and_height, whole.boxes_by_kind_and_height
        yield row + "".join(_of(recall_of[kind], boxes_of[kind], height) for kind in kinds)
    yield f"{result.ms_per_image} ms of processor time a picture"


def _of(recall: dict[str, float], boxes: dict[str, int], group: str) -> str:
    """Recall of a group and, in brackets, how many people that is."""
    return f" {f'{recall[group]:.3f} ({boxes[group]})' if group in boxes else '--':>14}"
