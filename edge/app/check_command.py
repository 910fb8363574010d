"""`gatehouse edge check`: tries every camera, the broker and the console, and says what is wrong and how to cure it."""

import logging
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from edge.adapters.system_clock import SystemClock
from edge.app.camera_check import StreamLook, aspect_notes, look_at_stream, save_still
from edge.app.detector import DetectorError, make_detector, network_fault, provider_told
from edge.app.network_checks import Verdict, check_broker, check_console
from edge.config.document import ConfigError, Place, place_finder
from edge.config.load import load_config
from edge.config.schema import CameraSection, DetectorSection, EdgeConfig
from edge.core.ports import Clock

LONGEST_S = 60.0  # two streams of a camera that both hang take 40 s
NETWORK_LONGEST_S = 1200.0  # the first time TensorRT builds an engine, for minutes on a Jetson
_AT_ONCE = 6  # decoding a first picture takes a core for a moment


def check(
    config: Annotated[Path, typer.Option(metavar="FILE", help="the node's configuration")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="where the stills go")] = Path("edge-check"),
) -> None:
    """Tries every camera, the broker, the console and the network that finds people.

    Saves a still of each camera with its zones drawn on it.
    """
    logging.basicConfig(level=logging.ERROR)
    try:
        loaded = _loaded(config)
    except ConfigError as error:
        typer.echo(f"gatehouse edge check: {error}", err=True)
        raise typer.Exit(2) from None
    verdicts = run_checks(loaded, out, SystemClock(), typer.echo)
    typer.echo("\n" + table(verdicts, place_finder(config)))
    raise typer.Exit(0 if all(verdict.works for verdict in verdicts) else 2)


def _loaded(config: Path) -> EdgeConfig:
    """A bad network or disk alone keeps nothing from being tried; beside other problems it is told with them."""
    try:
        return load_config(config)
    except ConfigError:
        return load_config(config, network_fault=network_fault)


def run_checks(config: EdgeConfig, out: Path, clock: Clock, tell: Callable[[str], None]) -> list[Verdict]:
    """All verdicts, in the order of the file; `tell` hears a line of progress as each is found.

    out: folder for the stills.
    """
    jobs: list[tuple[str, Callable[[], list[Verdict]]]] = [
        (camera.name, partial(_check_camera, number, camera, out, clock))
        for number, camera in enumerate(config.cameras)
    ]
    jobs += [
        ("broker", lambda: [replace(check_broker(config.node.name, config.broker), place=("broker",))]),
        ("console", lambda: [replace(check_console(config.console, clock), place=("console",))]),
        ("network", lambda: [check_network(config.detector)]),
        ("disk", lambda: [check_disk(config)]),
    ]
    tell(f"checking {len(config.cameras)} camera(s), broker, console, network and disk ...")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running: list[Future[list[Verdict]]] = [pool.submit(_in_time, subject, job) for subject, job in jobs]
        for done, one in enumerate(as_completed(running), 1):
            subjects = ", ".join(f"{verdict.subject} {_mark(verdict)}" for verdict in one.result())
            tell(f"[{done}/{len(jobs)}] {subjects}")
        return [verdict for one in running for verdict in one.result()]


def _in_time(subject: str, job: Callable[[], list[Verdict]]) -> list[Verdict]:
    """The job's verdicts, or that it does not end: whoever drips bytes must not keep the table from the installer."""
    verdicts: list[Verdict] = []
    ended = threading.Event()

    def run() -> None:
        try:
            verdicts.extend(job())
        finally:
            ended.set()

    threading.Thread(target=run, name=f"check-{subject}", daemon=True).start()
    longest_s = NETWORK_LONGEST_S if subject == "network" else LONGEST_S
    if ended.wait(longest_s) and verdicts:
        return verdicts
    place = (subject,) if subject in ("broker", "console") else ("cameras",)
    text = f"gave no whole answer in {longest_s:.0f} s: is it really what its address says?"
    return [Verdict(subject, False, text, place=place)]


def table(verdicts: list[Verdict], where: Callable[[Place], str]) -> str:
    """The verdicts as lines for people: tick or cross, subject, text; places, notes and stills below.

    where: says where a place stands in the file.
    """
    width = max(len(verdict.subject) for verdict in verdicts)
    lines = []
    for verdict in verdicts:
        lines.append(f" {_mark(verdict)} {verdict.subject:{width}}  {verdict.text}")
        lines += [] if verdict.works else [f"   {'':{width}}  at {where(verdict.place)}"]
        lines += [f"   {'':{width}}  ! {note}" for note in verdict.notes]
        lines += [f"   {'':{width}}  still: {verdict.still}"] if verdict.still else []
    failed = sum(not verdict.works for verdict in verdicts)
    lines.append(f"\n{failed} of {len(verdicts)} need a hand" if failed else f"\nall {len(verdicts)} work")
    return "\n".join(lines)


def check_network(section: DetectorSection) -> Verdict:
    """Whether the network that looks for people is here, is what its entry says, and runs where it shall."""
    try:
        _, entry = make_detector(section)
        told = provider_told(section)
    except DetectorError as error:
        return Verdict("network", False, str(error), place=("detector", error.key))
    text = f"{told}, {entry.family} {entry.width}x{entry.height}, licence {entry.licence}"
    return Verdict("network", True, text, place=("detector", "model"))


def check_disk(config: EdgeConfig) -> Verdict:
    """Whether the recordings of all cameras fit on the disk, and may be written there."""
    state_dir, place = config.node.state_dir, ("node", "state_dir")
    folder = state_dir
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Verdict(
            "disk", False, f"{folder} is no folder that this account may write to: name another.", place=place
        )
    wanted = sum(camera.recording.max_bytes for camera in config.cameras)
    stored = sum(path.stat().st_size for path in state_dir.rglob("*.mp4"))
    free = shutil.disk_usage(folder).free
    text = f"{state_dir}: {free / 1e9:.1f} GB free, recordings take up to {wanted / 1e9:.1f} GB"
    if free + stored >= wanted:
        return Verdict("disk", True, text)
    return Verdict("disk", False, f"{text}: lower `recording.max_bytes` or use a larger disk.", place=place)


def _check_camera(number: int, camera: CameraSection, out: Path, clock: Clock) -> list[Verdict]:
    main = look_at_stream(camera, sub=False, clock=clock)
    sub = look_at_stream(camera, sub=True, clock=clock) if camera.sub_url else None
    looks: list[StreamLook] = [main] if sub is None else [main, sub]
    keys = ("url", "sub_url")
    verdicts = [replace(look.verdict, place=("cameras", number, key)) for look, key in zip(looks, keys, strict=False)]
    analysed = next((look for look in reversed(looks) if look.still is not None), None)
    if analysed is None or analysed.still is None:
        return verdicts
    index = looks.index(analysed)
    try:
        still = save_still(camera, analysed.still, out)
    except OSError as error:
        fault = f"the still can't be written to {out} ({error.strerror}): name another folder with --out."
        return [*verdicts, Verdict(f"{camera.name} still", False, fault, place=("cameras", number))]
    notes = (*verdicts[index].notes, *aspect_notes(main, sub))
    verdicts[index] = replace(verdicts[index], notes=notes, still=still)
    return verdicts


def _mark(verdict: Verdict) -> str:
    return "✓" if verdict.works else "✗"
