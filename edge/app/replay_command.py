"""`gatehouse edge replay`: the very same pipeline on a file, as fast as it can, the media's time as its clock."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated

import typer
from pydantic import ValidationError

from edge.adapters.system_clock import SystemClock
from edge.adapters.video_file import SourceFrame, VideoFileError, read_frames
from edge.app.build import build_pipeline
from edge.app.detector import DetectorError, make_detector
from edge.app.mot_format import result_line
from edge.config.load import ConfigError, load_config
from edge.config.schema import CameraSection, DetectorSection, EdgeConfig, LoiteringSection, ZoneSection
from edge.core.events import Event
from edge.pipeline.camera_pipeline import FrameOutcome


class ReplayError(Exception):
    """Options that do not fit; the text says how to mend them."""


@dataclass(frozen=True, slots=True)
class _Plan:
    node: str
    timezone: str
    camera: CameraSection
    detector: DetectorSection


def replay(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="a video file")],
    zone: Annotated[
        list[str] | None, typer.Option(metavar='"NAME=x,y x,y x,y"', help="a zone, in fractions; may be repeated")
    ] = None,
    loiter: Annotated[float | None, typer.Option(metavar="SECONDS", help="loitering in every zone")] = None,
    grace: Annotated[float, typer.Option(metavar="SECONDS", help="exits that do not end a stay")] = 2.0,
    fps: Annotated[float, typer.Option(metavar="N", help="analysed frames a second")] = 5.0,
    model: Annotated[str, typer.Option(metavar="NAME-or-FILE", help="the network")] = "default",
    events: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="one event revision a line")] = None,
    tracks: Annotated[Path | None, typer.Option(metavar="FILE.txt", help="MOT format, pixels of the source")] = None,
    stats: Annotated[Path | None, typer.Option(metavar="FILE.json", help="figures of the run")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="take zones and rules from here")] = None,
    camera: Annotated[str | None, typer.Option(metavar="NAME", help="which camera of that file")] = None,
) -> None:
    """Runs a file through the pipeline; the same file and options give the same bytes."""
    try:
        if config is not None:
            plan = _plan_of(load_config(config), camera)
        else:
            plan = _plan(zone or [], loiter, grace, fps, model)
        counts = _run(video, plan, events, tracks, stats)
    except (ReplayError, ConfigError, VideoFileError, DetectorError, OSError) as error:
        typer.echo(f"gatehouse edge replay: {error}", err=True)
        raise typer.Exit(2) from None
    told = ", ".join(f"{count} {rule}" for rule, count in sorted(counts.items())) or "no events"
    typer.echo(f"{video.name}: {told}", err=True)


def parse_zone(text: str, grace_s: float) -> ZoneSection:
    """A zone from 'NAME=x,y x,y x,y'. Raises ReplayError."""
    name, _, corners = text.partition("=")
    try:
        polygon = [tuple(float(value) for value in corner.split(",")) for corner in corners.split()]
        return ZoneSection.model_validate({"name": name, "polygon": polygon, "grace_s": grace_s})
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ReplayError(f"--zone {text!r}: {why}") from None
    except ValueError:
        raise ReplayError(f"--zone {text!r}: write it as NAME=x,y x,y x,y with fractions such as 0.25,0.8") from None


def _plan(zones: list[str], loiter_s: float | None, grace_s: float, fps: float, model: str) -> _Plan:
    sections = tuple(parse_zone(text, grace_s) for text in zones)
    if loiter_s is not None and not sections:
        raise ReplayError("--loiter needs a zone; for the whole picture: --zone 'all=0,0 1,0 1,1 0,1'")
    try:
        rules = tuple(LoiteringSection(kind="loitering", zone=zone.name, dwell_s=loiter_s or 60) for zone in sections)
        section = CameraSection(
            name="replay", url="rtsp://file", analysed_fps=fps, zones=sections, rules=rules if loiter_s else ()
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ReplayError(f"{first['loc'][-1]}: {first['msg']}, not {first['input']!r}") from None
    return _Plan("replay", "UTC", section, DetectorSection(model=model))


def _plan_of(config: EdgeConfig, name: str | None) -> _Plan:
    names = [section.name for section in config.cameras]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        raise ReplayError(f"--camera {name or '?'}: the file has the cameras {', '.join(names)}")
    section = config.cameras[names.index(name)]
    return _Plan(config.node.name, config.node.timezone, section, config.detector)


def _run(video: Path, plan: _Plan, events: Path | None, tracks: Path | None, stats: Path | None) -> Counter[str]:
    clock = SystemClock()
    detector, _ = make_detector(plan.detector)
    pipeline = build_pipeline(plan.node, plan.timezone, plan.camera, detector)
    begun_s, analysed, opened = clock.monotonic_s(), 0, Counter[str]()
    last: SourceFrame | None = None
    with ExitStack() as stack:
        events_out = _output(stack, events)
        tracks_out = _output(stack, tracks)
        for source in _paced(video, plan):
            outcome = pipeline.process_frame(source.frame)
            analysed, last = analysed + 1, source
            opened.update(event.rule for event in outcome.events if event.state == "open")
            _write_events(events_out, outcome.events)
            _write_tracks(tracks_out, outcome, source.source_number)
        if last is None:
            raise VideoFileError(f"{video} holds no pictures")
        media_s, captured_at_s = last.frame.media_s, last.frame.captured_at_s
        _write_events(events_out, pipeline.close("camera_lost", media_s, captured_at_s))
    if stats is not None:
        wall_s = clock.monotonic_s() - begun_s
        figures = {
            "frames_analysed": analysed,
            "media_s": round(last.frame.media_s, 3),
            "wall_s": round(wall_s, 3),
            "analysed_fps": round(analysed / wall_s, 2),
            "events": dict(sorted(opened.items())),
        }
        stats.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return opened


def _paced(video: Path, plan: _Plan) -> Iterator[SourceFrame]:
    return read_frames(video, plan.camera.name, plan.camera.analysed_fps)


def _output(stack: ExitStack, path: Path | None) -> IO[str]:
    return stack.enter_context(open(path or os.devnull, "w", encoding="utf-8"))


def _write_events(out: IO[str], events: tuple[Event, ...]) -> None:
    for event in events:
        out.write(json.dumps(asdict(event), separators=(",", ":")) + "\n")


def _write_tracks(out: IO[str], outcome: FrameOutcome, source_number: int) -> None:
    for track in outcome.scene.tracks:
        if track.detected:
            out.write(result_line(source_number + 1, track))
