"""`gatehouse edge track`: the tracker alone, on detections from a file."""

import math
from pathlib import Path
from typing import Annotated

import typer

from edge.app.mot_format import ConfidenceRange, MotDetections, MotFormatError, read_detections, result_line
from edge.core.tracking.tracker import Tracker

FORGOTTEN_S = 60.0  # after so long without anybody no track is left


def track(
    detections: Annotated[Path, typer.Argument(metavar="DET.txt", help="detections, MOT format")],
    fps: Annotated[float, typer.Option(help="frames a second of the source; it gives the time")],
    out: Annotated[Path, typer.Option(help="where the tracks go, MOT format")],
    every: Annotated[int, typer.Option(help="use every N-th frame only, from the first")] = 1,
    confidence_range: Annotated[
        str, typer.Option(metavar="LOW,HIGH", help="the scores that mean 0 and 1, where they are not 0..1 already")
    ] = "",
    coasting: Annotated[bool, typer.Option(help="write the predicted boxes of people unseen for a moment too")] = False,
) -> None:
    """Follows the people of a file of detections; writes who is where."""
    try:
        if not 0 < fps <= 1000:
            raise ValueError(f"--fps {fps:g}: give the source's frames a second, above 0 and up to 1000")
        if every < 1:
            raise ValueError(f"--every {every}: give 1 for all frames, 2 for every second, ...")
        if out.resolve() == detections.resolve():
            raise ValueError(f"--out {out} is the file of detections and would be overwritten; name another file")
        found = read_detections(detections, _scale(confidence_range))
    except ValueError as error:  # MotFormatError is one
        typer.echo(f"gatehouse edge track: {error}", err=True)
        raise typer.Exit(2) from None
    lines, identities = _lines(found, fps, every, coasting)
    try:
        out.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        typer.echo(f"gatehouse edge track: {out}: can't be written ({error.strerror}); name another file", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{out}: {identities} identities in {len(lines)} boxes of {found.last_frame} frames")


def _scale(text: str) -> ConfidenceRange | None:
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise MotFormatError(f"--confidence-range {text!r}: give two numbers, for example -1,5") from None
    return ConfidenceRange(low, high)


def _lines(found: MotDetections, fps: float, every: int, coasting: bool) -> tuple[list[str], int]:
    tracker, lines, identities = Tracker(), [], set()
    for frame, people in found.every(every, math.ceil(FORGOTTEN_S * fps)):
        for one in tracker.update(people, (frame - 1) / fps):
            identities.add(one.track_id)
            if one.detected or coasting:
                lines.append(result_line(frame, one))
    return lines, len(identities)
