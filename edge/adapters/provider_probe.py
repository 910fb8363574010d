"""Which provider runs a network fastest on this machine: measured once, then read from a file."""

import fcntl
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.onnx_session import ORT_ERRORS, UnusableModelError
from edge.adapters.processor import processor_kind, processor_name
from edge.adapters.providers import PROVIDERS, Provider, UnusableProviderError, available, runtime_versions
from edge.core.detect.agreement import disagreement
from edge.core.frame import Frame
from edge.core.ports import Clock

log = logging.getLogger(__name__)

TOLERANCE = (
    0.05  # our network in 8 bits is 0.07 to 0.12 from its floats; OpenVINO 0.00 from onnxruntime, in 8 bits 0.04
)
WORTH = 0.95  # another one than the processor's must need at most so much of its time, or noise would choose
_ROUNDS = 15
Open = Callable[[Provider], OnnxDetector]


@dataclass(frozen=True, slots=True)
class Choice:
    """The provider, and why it is that one, in plain words."""

    provider: Provider
    why: str


def choose(key: str, open_with: Open, frame: Callable[[], Frame], folder: Path, clock: Clock) -> Choice:
    """The fastest provider for the network named by `key` whose answers agree with the processor's.

    key: SHA-256 of its file. open_with: opens it, to answer with faint boxes too. frame: a picture with people.
    folder: where results are kept, for this file, these runtimes and this processor.
    Where several ask at once, one measures. Raises UnusableModelError.
    """
    here = available()
    if len(here) == 1:
        return Choice("cpu", "nothing else is installed")
    key = f"{key} {runtime_versions()} {','.join(here)} {processor_kind()} {processor_name()}"
    file = folder / "providers.json"
    with _alone(folder):
        known = _known(file)
        if key not in known:
            log.info(
                "trying which of %s runs the network fastest; TensorRT's first time takes minutes", ", ".join(here)
            )
            known[key] = _measured(here, open_with, frame(), clock)
            _keep(file, known)
        return known[key]


def _measured(here: tuple[Provider, ...], open_with: Open, frame: Frame, clock: Clock) -> Choice:
    opened = {"cpu": open_with("cpu")}
    right = opened["cpu"].detect(frame)
    out: list[str] = []
    for provider in here[1:]:
        try:
            detector = open_with(provider)
            off = disagreement(right, detector.detect(frame))
        except (UnusableModelError, UnusableProviderError, RuntimeError, *ORT_ERRORS) as error:
            out.append(f"{provider} does not run it ({str(error)[:120]})")
            continue
        if off > TOLERANCE:
            out.append(f"{provider} answers otherwise by {100 * off:.0f} %")
        else:
            opened[provider] = detector
    durations_ms = _timed(opened, clock)
    best = min(durations_ms, key=lambda provider: durations_ms[provider])
    if durations_ms[best] > WORTH * durations_ms["cpu"]:
        best = "cpu"
    figures = ", ".join(f"{provider} {spent_ms:.1f} ms" for provider, spent_ms in durations_ms.items())
    chosen = next(provider for provider in PROVIDERS if provider == best)
    return Choice(chosen, f"measured: {'; '.join([figures, *out])}")


def _timed(opened: dict[str, OnnxDetector], clock: Clock) -> dict[str, float]:
    """Medians, milliseconds on the wall, for that is what a frame waits; in turns, so that all meet the same noise."""
    durations_s: dict[str, list[float]] = {provider: [] for provider in opened}
    for _ in range(_ROUNDS):
        for provider, detector in opened.items():
            begun_s = clock.monotonic_s()
            detector.network.run()
            durations_s[provider].append(clock.monotonic_s() - begun_s)
    return {provider: median(spent_s) * 1000 for provider, spent_s in durations_s.items()}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time; where the folder can't be written, everybody measures for themselves."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "providers.lock").open("w")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _known(file: Path) -> dict[str, Choice]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        choices = {key: Choice(**row) for key, row in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {key: choice for key, choice in choices.items() if choice.provider in PROVIDERS}


def _keep(file: Path, choices: dict[str, Choice]) -> None:
    part = file.with_suffix(".part")
    try:
        part.write_text(
            json.dumps({key: asdict(choice) for key, choice in choices.items()}, indent=1), encoding="utf-8"
        )
        part.replace(file)
    except OSError:
        return  # it will be measured again
