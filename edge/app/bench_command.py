"""`gatehouse edge bench`: what this box can do, measured with real streams and the real node."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from edge.adapters.outbox_rows import OutboxError
from edge.app.bench_figures import LATEST_MS, MOST_DROPPED, Figures
from edge.app.bench_site import BenchError, BenchPlan, measure
from edge.app.capacity import most_that_fit
from edge.app.detector import DetectorError, find_model
from edge.config.schema import DetectorSection

MOST_CAMERAS = 64


def bench(
    video: Annotated[
        list[str], typer.Option(metavar="FILE[@SECONDS]", help="what cameras show, in turn; may be repeated")
    ],
    cameras: Annotated[int, typer.Option(min=1, max=MOST_CAMERAS, help="how many; where a search begins")] = 4,
    fps: Annotated[float, typer.Option(min=0.5, max=30, help="analysed frames a second of each")] = 5.0,
    seconds: Annotated[float, typer.Option(min=2, help="how long to measure, after the warm-up")] = 30.0,
    model: Annotated[str, typer.Option(metavar="NAME-or-FILE", help="the network")] = "default",
    workers: Annotated[int, typer.Option(min=0, max=64, help="worker processes; 0: one for each core")] = 0,
    find_limit: Annotated[bool, typer.Option("--find-limit", help="search how many cameras fit")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Watch videos as cameras over real RTSP and tell what it takes; alerts go nowhere.

    Cameras fit while fewer than 1 % of the frames are dropped and 95 % of all frames are through within 1 s of their
    capture.
    """
    plan = BenchPlan(tuple(video), cameras, fps, seconds, model, workers)
    try:
        named = find_model(DetectorSection(model=model))[0].name
        if find_limit:
            _find_limit(plan, named, as_json=as_json)
            return
        result = _measured(plan)
    except (BenchError, DetectorError, OutboxError, ValidationError) as error:
        typer.echo(f"gatehouse edge bench: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(json.dumps({"model": named, "fps": fps, **asdict(result)}) if as_json else _table(result))


def _measured(plan: BenchPlan) -> Figures:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as place, _own_stderr(Path(place) / "node.log") as out:
        bar = os.isatty(out)

        def say(text: str) -> None:
            os.write(out, f"\r{text:60}".encode() if bar else f"{text}\n".encode())

        try:
            return measure(plan, Path(place), say)
        finally:
            os.write(out, b"\n" if bar else b"")


@contextmanager
def _own_stderr(log: Path) -> Iterator[int]:
    """A descriptor of the terminal, while the words of the node and its workers go to a file."""
    sys.stderr.flush()
    terminal = os.dup(2)
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield terminal
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _find_limit(plan: BenchPlan, model: str, *, as_json: bool) -> None:
    steps: dict[int, Figures] = {}

    def fits(number: int) -> bool:
        result = steps[number] = _measured(replace(plan, cameras=number))
        told = "fit" if result.fits else "do not fit"
        typer.echo(f"{number:3} cameras {told}: {_in_short(result)}", err=as_json)
        return result.fits

    limit = most_that_fit(fits, plan.cameras, MOST_CAMERAS)
    if as_json:
        tried = [asdict(steps[number]) for number in sorted(steps)]
        typer.echo(json.dumps({"model": model, "fps": plan.fps, "cameras": limit, "steps": tried}))
        return
    more = f"; with {limit + 1} {_why_not(steps[limit + 1])}" if limit + 1 in steps else ""
    counted = f"{limit} camera{'' if limit == 1 else 's'}" if limit else "no camera"
    typer.echo(
        f"This box can watch {counted} like these with {model}, {plan.fps:g} pictures a second of each{more}. "
        "Leave a quarter of it free for busier days."
    )


def _why_not(result: Figures) -> str:
    if result.drop_ratio >= MOST_DROPPED:
        return f"it misses {result.drop_ratio:.0%} of the pictures"
    if result.capture_to_event_ms_p95 >= LATEST_MS:
        return f"events come after {result.capture_to_event_ms_p95 / 1000:.1f} s"
    return "a worker died"


def _in_short(result: Figures) -> str:
    return (
        f"{result.drop_ratio:.1%} dropped, {result.capture_to_event_ms_p95:.0f} ms from capture to event (p95), "
        f"{result.cpu_cores:.2f} cores, {result.inferences_per_s:.1f} inferences a second, {result.rss_mb:.0f} MB"
    )


def _table(result: Figures) -> str:
    """All figures, one a line, the cameras last."""
    plain = {name: value for name, value in asdict(result).items() if name != "per_camera"}
    lines = [f"{name:26} {_told(value)}" for name, value in plain.items()]
    lines += [
        f"{one.camera}: {one.analysed_fps:.2f} frames a second, {one.dropped} dropped, capture to event "
        f"{one.capture_to_event_ms_p50:.0f} / {one.capture_to_event_ms_p95:.0f} ms (p50 / p95), {one.video}"
        for one in result.per_camera
    ]
    return "\n".join(lines)


def _told(value: object) -> str:
    return "  ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else str(value)
