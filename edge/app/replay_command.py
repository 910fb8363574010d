"""`gatehouse edge replay`: the very same pipeline on a file, as fast as it can, the media's time as its clock."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError

from edge.adapters.system_clock import SystemClock
from edge.adapters.video_file import SourceFrame, VideoFile, VideoFileError
from edge.app.build import build_pipeline
from edge.app.detector import DetectorError, make_detector, network_fault
from edge.app.mot_format import result_line
from edge.config.document import ConfigError
from edge.config.load import load_config
from edge.config.schema import CameraSection, DetectorSection, EdgeConfig, LoiteringSection, WeeklyHours, ZoneSection
from edge.core.events import Event
from edge.pipeline.camera_pipeline import FrameOutcome
from edge.pipeline.scheduler import Scheduler

LATEST_S = 4e9 - 7 * 86400  # what messages hold, less a long video


class ReplayError(Exception):
    """Options that do not fit; the text says how to mend each of them."""

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        several = f"{len(self.problems)} problem(s):\n  " if len(self.problems) > 1 else ""
        super().__init__(several + "\n  ".join(self.problems))


@dataclass(frozen=True, slots=True)
class _Plan:
    node: str
    timezone: str
    camera: CameraSection
    detector: DetectorSection


@dataclass(frozen=True, slots=True)
class _Outputs:
    events: Path | None
    tracks: Path | None
    stats: Path | None


def replay(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="a video file")],
    zone: Annotated[
        list[str] | None, typer.Option(metavar='"NAME=x,y x,y x,y"', help="a zone, in fractions; may be repeated")
    ] = None,
    loiter: Annotated[float | None, typer.Option(metavar="SECONDS", help="loitering in every zone")] = None,
    grace: Annotated[float | None, typer.Option(metavar="SECONDS", help="exits that end no stay  [default: 2]")] = None,
    fps: Annotated[float | None, typer.Option(metavar="N", help="analysed frames a second  [default: 5]")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME-or-FILE", help="the network  [default: default]")] = None,
    events: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="one event revision a line")] = None,
    tracks: Annotated[Path | None, typer.Option(metavar="FILE.txt", help="MOT format, pixels of the source")] = None,
    stats: Annotated[Path | None, typer.Option(metavar="FILE.json", help="figures of the run")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="take zones and rules from here")] = None,
    camera: Annotated[str | None, typer.Option(metavar="NAME", help="which camera of that file")] = None,
    begins: Annotated[
        str | None, typer.Option(metavar="2026-11-24T07:30", help="when the video begins, for armed hours")
    ] = None,
) -> None:
    """Runs a file through the pipeline; the same file and options give the same bytes.

    A file that breaks off or is damaged is told on stderr and in --stats (ends_early, missing_s, damaged); the exit
    code stays 0, for what was found in the part that is here stands.
    """
    try:
        if config is None:
            if camera is not None:
                raise ReplayError("--camera names a camera of a configuration: add --config FILE, or take it out")
            plan = _plan(zone or [], loiter, grace, fps, model)
        else:
            if zone or loiter is not None or grace is not None:
                raise ReplayError("--config brings zones and rules of its own: take out --zone, --loiter and --grace")
            named = network_fault if model is None else None  # --model is used instead of the file's
            plan = _plan_of(load_config(config, with_secrets=False, network_fault=named), camera, fps, model)
        outputs, network = _Outputs(events, tracks, stats), Path(plan.detector.model)
        _spare_inputs({"video": video, "network": network, "configuration": config}, outputs)
        figures = _run(video, plan, outputs, _moment(begins, plan))
    except (ReplayError, ConfigError, VideoFileError, DetectorError) as error:
        typer.echo(f"gatehouse edge replay: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:  # in the middle of writing
        told = f"an output can't be written ({error.strerror}); make room, or name files on another disk"
        typer.echo(f"gatehouse edge replay: {told}", err=True)
        raise typer.Exit(2) from None
    told = ", ".join(f"{count} {rule}" for rule, count in figures.events.items()) or "no events"
    typer.echo(f"{video.name}: {told}", err=True)
    if figures.ends_early:
        lost = f", about {figures.missing_s:.0f} s before its end" if figures.missing_s else ""
        typer.echo(f"{video.name} breaks off{lost}: what follows was not looked at; copy the file again", err=True)
    if figures.damaged:
        told = f"{figures.damaged} pictures of {video.name} can't be decoded, and nobody was looked for in them"
        typer.echo(f"{told}; copy the file again", err=True)


def parse_zone(text: str, grace_s: float) -> ZoneSection:
    """A zone from 'NAME=x,y x,y x,y'. Raises ReplayError."""
    name, _, corners = text.partition("=")
    try:
        polygon = [tuple(float(value) for value in corner.split(",")) for corner in corners.split()]
        return ZoneSection.model_validate({"name": name, "polygon": polygon, "grace_s": grace_s})
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        if item["loc"][0] == "grace_s":
            raise ReplayError(f"--grace {grace_s:g}: give seconds from 0 to 60") from None
        known = {
            "too_short": "a zone has at least three corners",
            "string_pattern_mismatch": "a name has letters, digits, - and _ only",
        }
        why = known.get(item["type"], item["msg"].removeprefix("Value error, "))
        raise ReplayError(f"--zone {text!r}: {why}") from None
    except ValueError:
        raise ReplayError(f"--zone {text!r}: write it as NAME=x,y x,y x,y with fractions such as 0.25,0.8") from None


def _plan(
    zones: list[str], loiter_s: float | None, grace_s: float | None, fps: float | None, model: str | None
) -> _Plan:
    problems: list[str] = []
    sections: list[ZoneSection] = []
    for text in zones:
        with _noted(problems):
            sections.append(parse_zone(text, 2.0 if grace_s is None else grace_s))
    twice = [name for name, count in Counter(zone.name for zone in sections).items() if count > 1]
    problems += [f"two zones are named {name!r}; give each its own name" for name in twice]
    if loiter_s is not None and not zones:
        problems.append("--loiter needs a zone; for the whole picture: --zone 'all=0,0 1,0 1,1 0,1'")
    rules: tuple[LoiteringSection, ...] = ()
    if loiter_s is not None:
        with _noted(problems):
            _loitering("any", loiter_s)
            rules = tuple(_loitering(zone.name, loiter_s) for zone in sections)
    plan = _Plan("replay", "UTC", CameraSection(name="replay", url="rtsp://file"), DetectorSection())
    with _noted(problems):
        plan = _overridden(plan, fps, model)
    if problems:
        raise ReplayError(*problems)
    return replace(plan, camera=plan.camera.model_copy(update={"zones": tuple(sections), "rules": rules}))


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    """Goes on behind options that do not fit, so that all of them are told at once."""
    try:
        yield
    except ReplayError as error:
        problems.extend(error.problems)


def _loitering(zone: str, dwell_s: float) -> LoiteringSection:
    try:
        return LoiteringSection(kind="loitering", zone=zone, dwell_s=dwell_s)
    except ValidationError:
        raise ReplayError(f"--loiter {dwell_s:g}: give seconds from 1 to 7200") from None


def _plan_of(config: EdgeConfig, name: str | None, fps: float | None, model: str | None) -> _Plan:
    names = [section.name for section in config.cameras]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        raise ReplayError(f"--camera {name or '?'}: the file has the cameras {', '.join(names)}")
    section = config.cameras[names.index(name)]
    return _overridden(_Plan(config.node.name, config.node.timezone, section, config.detector), fps, model)


def _overridden(plan: _Plan, fps: float | None, model: str | None) -> _Plan:
    if fps is not None:
        try:
            checked = CameraSection.model_validate({**plan.camera.model_dump(), "analysed_fps": fps})
        except ValidationError:
            raise ReplayError(f"--fps {fps:g}: give frames a second from 0.5 to 30") from None
        plan = replace(plan, camera=checked)
    if model is not None:
        plan = replace(plan, detector=plan.detector.model_copy(update={"model": model}))
    return plan


def _moment(text: str | None, plan: _Plan) -> float:
    """UTC seconds at which the video begins; 0 where nobody says."""
    if text is None:
        if any(tuple(rule.armed) != (WeeklyHours(),) for rule in plan.camera.rules):
            raise ReplayError("some rules are armed at certain hours only: say when the video begins with --begins")
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
        at_s = (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(plan.timezone))).timestamp()
        if not 0 <= at_s <= LATEST_S:
            raise ReplayError(f"--begins {text!r}: give a day from 1970 to 2096")
        return at_s
    except (ValueError, OverflowError):
        raise ReplayError(f"--begins {text!r}: write it like 2026-11-24T07:30, in the node's own time") from None


def _run(video: Path, plan: _Plan, outputs: _Outputs, begins_at_s: float) -> "_Figures":
    clock = SystemClock()
    detector, entry = make_detector(plan.detector)
    pipeline = build_pipeline(plan.node, plan.timezone, plan.camera, detector.input_size)
    scheduler = Scheduler(detector)
    begun_s, figures = clock.monotonic_s(), _Figures(video.name, entry.name)
    last: SourceFrame | None = None
    with ExitStack() as stack:
        events_out, tracks_out, stats_out = (
            _output(stack, path) for path in (outputs.events, outputs.tracks, outputs.stats)
        )
        file = VideoFile(video, plan.camera.name, plan.camera.analysed_fps, begins_at_s)
        for source in file:
            look = pipeline.where_to_look(source.frame)
            for looked in scheduler.add(source.frame, look, 0.0) + scheduler.run():
                outcome = pipeline.follow(looked)
                figures.note(outcome)
                _write_events(events_out, outcome.events)
                _write_tracks(tracks_out, outcome, source.source_number)
            last = source
        if last is None:
            raise VideoFileError(f"{video} holds no pictures; name another file")
        media_s, captured_at_s = last.frame.media_s, last.frame.captured_at_s
        _write_events(events_out, pipeline.close("camera_lost", media_s, captured_at_s))
        figures.note_end(file)
        stats_out.write(figures.text(last, clock.monotonic_s() - begun_s))
    return figures


class _Figures:
    """Counts what a run comes to."""

    def __init__(self, video: str, model: str) -> None:
        self._video, self._model = video, model
        self._frames = self._detections = 0
        self._persons: set[int] = set()
        self._opened = Counter[str]()
        self.ends_early, self.missing_s, self.damaged = False, 0.0, 0

    def note(self, outcome: FrameOutcome) -> None:
        self._frames += 1
        self._detections += len(outcome.detections)
        self._persons.update(person.person_id for person in outcome.scene.persons)
        self._opened.update(event.rule for event in outcome.events if event.state == "open")

    def note_end(self, file: VideoFile) -> None:
        """Whether the file that was read to its end was all there."""
        self.ends_early, self.missing_s, self.damaged = file.ends_early, round(file.missing_s, 3), file.damaged

    @property
    def events(self) -> dict[str, int]:
        """How many events of each rule opened."""
        return dict(sorted(self._opened.items()))

    def text(self, last: SourceFrame, wall_s: float) -> str:
        """JSON for `--stats`."""
        document = {
            "video": self._video,
            "model": self._model,
            "width": last.frame.width,
            "height": last.frame.height,
            "last_source_frame": last.source_number + 1,
            "frames_analysed": self._frames,
            "detections": self._detections,
            "persons": len(self._persons),
            "media_s": round(last.frame.media_s, 3),
            "ends_early": self.ends_early,
            "missing_s": self.missing_s,
            "damaged": self.damaged,
            "wall_s": round(wall_s, 3),
            "analysed_fps": round(self._frames / max(wall_s, 1e-9), 2),
            "times_real_time": round(last.frame.media_s / max(wall_s, 1e-9), 2),
            "events": self.events,
        }
        return json.dumps(document, indent=1) + "\n"


def _spare_inputs(inputs: dict[str, Path | None], outputs: _Outputs) -> None:
    """Raises ReplayError where an output is a file that is read, or another output."""
    seen = {path.resolve(): f"the {name} itself" for name, path in inputs.items() if path is not None}
    for name, path in (("--events", outputs.events), ("--tracks", outputs.tracks), ("--stats", outputs.stats)):
        if path is None:
            continue
        if path.resolve() in seen:
            raise ReplayError(f"{name} {path} is {seen[path.resolve()]} and would be overwritten; name another file")
        seen[path.resolve()] = f"the file of {name}"


def _output(stack: ExitStack, path: Path | None) -> IO[str]:
    """Raises ReplayError."""
    try:
        return stack.enter_context(open(path or os.devnull, "w", encoding="utf-8"))
    except OSError as error:
        raise ReplayError(f"{path}: can't be written ({error.strerror}); name another file") from error


def _write_events(out: IO[str], events: tuple[Event, ...]) -> None:
    for event in events:
        out.write(json.dumps(asdict(event), separators=(",", ":")) + "\n")


def _write_tracks(out: IO[str], outcome: FrameOutcome, source_number: int) -> None:
    for track in outcome.scene.tracks:
        if track.detected:
            out.write(result_line(source_number + 1, track))
