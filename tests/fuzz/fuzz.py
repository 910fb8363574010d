"""Inputs that are nearly right into everything that reads what others wrote: no crash, no hang; and counts.

    python tests/fuzz/fuzz.py --inputs 2000 --seed 7
    python tests/fuzz/fuzz.py --engine atheris --target mqtt-codec --minutes 2

hypothesis makes the inputs, the same ones for a seed; atheris, where it is installed, is led to new ones by what code
they reach. Each target runs in a process of its own, so that one that dies or hangs is counted and the next input goes
on. An input that crashed is kept below --keep. Exits with 1 where any input crashed or hung.
"""

import argparse
import faulthandler
import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
ENGINES = ("hypothesis", "atheris")
SLOW_START_S = 60.0
_TOLD_EVERY = 50  # inputs


@dataclass
class Counts:
    """Of one target. crashes: where it crashed -> how often; slowest_s: the longest that one input took."""

    inputs: int = 0
    taken: int = 0
    refused: int = 0
    hung: int = 0
    slowest_s: float = 0.0
    crashes: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        self.inputs += other.inputs
        self.taken += other.taken
        self.refused += other.refused
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.crashes += Counter(other.crashes)


class Trial:
    """One target in this process: tries inputs, counts, and keeps what it was at, for the case that it does not end."""

    def __init__(self, name: str, folder: Path) -> None:
        from catalogue import TARGETS

        self._target = next(target for target in TARGETS if target.name == name)
        self._folder, self._counts = folder, Counts()
        (folder / "place").mkdir()
        faulthandler.dump_traceback_later(SLOW_START_S, exit=True)
        self.strategy, self._try_one = self._target.prepare(folder / "place")
        self._at = (folder / "at").open("wb")

    def __call__(self, value: Any) -> None:
        counts = self._counts
        self._at.seek(0)
        self._at.write(pickle.dumps(value))
        self._at.truncate()
        self._at.flush()
        faulthandler.dump_traceback_later(self._target.limit_s, exit=True)
        counts.inputs += 1
        began_s = time.monotonic()
        try:
            if self._try_one(value):
                counts.taken += 1
            else:
                counts.refused += 1
        except Exception as error:  # what is looked for
            self._note(error, value)
        counts.slowest_s = max(counts.slowest_s, time.monotonic() - began_s)
        if counts.inputs % _TOLD_EVERY == 0:
            self.tell()
        faulthandler.dump_traceback_later(SLOW_START_S, exit=True)  # making the next one may not hang either

    def _note(self, error: Exception, value: Any) -> None:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
        place = f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
        if not self._counts.crashes[place]:
            told = "".join(traceback.format_exception(error))
            kept = self._folder / f"crash-{len(self._counts.crashes)}"
            kept.with_suffix(".txt").write_text(f"{place}\n{told}\n{value!r}\n", errors="backslashreplace")
            kept.with_suffix(".pickle").write_bytes(pickle.dumps(value))
        self._counts.crashes[place] += 1

    def tell(self) -> None:
        part = self._folder / "counts.part"
        part.write_text(json.dumps(vars(self._counts)))
        part.replace(self._folder / "counts.json")


def run_here(name: str, folder: Path, engine: str, inputs: int, seed: int, seconds: float) -> None:
    """The whole life of a process that tries one target."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import seed as seeded

    logging.disable(logging.CRITICAL)
    if engine == "atheris":
        import atheris

        with atheris.instrument_imports(include=["broker", "console", "edge"]):
            trial = Trial(name, folder)
    else:
        trial = Trial(name, folder)
    loose = settings(max_examples=inputs, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    test = loose(seeded(seed)(given(trial.strategy)(trial.__call__)))
    if engine == "hypothesis":
        test()
        trial.tell()
        os._exit(0)  # servers of the target may still run
    import atexit

    atexit.register(trial.tell)
    limits = [f"-max_total_time={seconds:.0f}", f"-runs={inputs}", f"-seed={seed}", "-max_len=8192", "-verbosity=0"]
    atheris.Setup([name, *limits], test.hypothesis.fuzz_one_input)
    atheris.Fuzz()


def run(name: str, keep: Path, engine: str, inputs: int, seed: int, seconds: float) -> Counts:
    """Tries one target in processes of its own, until so many inputs were tried or the time is over."""
    counts, until_s, turn = Counts(), time.monotonic() + seconds, 0
    while counts.inputs < inputs and time.monotonic() < until_s and turn < 50:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=keep))
        left_s = max(1.0, until_s - time.monotonic())
        words = [engine, str(inputs - counts.inputs), str(seed + turn), f"{left_s:.0f}"]
        command = [sys.executable, __file__, "--here", name, str(folder), *words]
        ended, told = _ended(command, left_s)
        counts_file = folder / "counts.json"
        if counts_file.exists():
            counts.add(Counts(**json.loads(counts_file.read_text())))
        turn += 1
        if ended is None or ended == 0:
            if not list(folder.glob("crash-*")):
                shutil.rmtree(folder)
            break
        (folder / "died.txt").write_text(told)
        if "Timeout (" in told:
            counts.hung += 1
        else:
            counts.crashes[f"the process ended with {ended}: {told.strip().splitlines()[-1:] or ''}"] += 1
    return counts


def _ended(command: list[str], seconds: float) -> tuple[int | None, str]:
    """How a process ended (None: its time was over) and what it said."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds + SLOW_START_S, check=False)
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stderr.decode(errors="replace")


def main() -> int:
    if sys.argv[1:2] == ["--here"]:
        name, folder, engine, inputs, seed, seconds = sys.argv[2:]
        run_here(name, Path(folder), engine, int(inputs), int(seed), float(seconds))
        return 0
    from catalogue import TARGETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=2000, help="of each target")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target at most")
    parser.add_argument("--engine", choices=ENGINES, default="hypothesis")
    parser.add_argument("--target", action="append", choices=[target.name for target in TARGETS], help="default: all")
    parser.add_argument("--keep", type=Path, help="a folder for inputs that crashed")
    chosen = parser.parse_args()
    wanted = [one for one in TARGETS if one.name in (chosen.target or [one.name])]
    if chosen.engine == "atheris":
        wanted = [one for one in wanted if one.guided]
    keep = chosen.keep or Path(tempfile.mkdtemp(prefix="gatehouse-fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    print(f"{'target':24} {'inputs':>7} {'taken':>7} {'refused':>7} {'crashed':>7} {'hung':>5} {'slowest':>8}")
    bad = 0
    for target in wanted:
        counts = run(target.name, keep, chosen.engine, chosen.inputs, chosen.seed, 60 * chosen.minutes)
        crashed = counts.crashes.total()
        print(f"{target.name:24} {counts.inputs:7} {counts.taken:7} {counts.refused:7} {crashed:7} {counts.hung:5} "
              f"{counts.slowest_s:7.2f}s", flush=True)  # fmt: skip
        for place, times in counts.crashes.most_common():
            print(f"    {times} x {place}")
        bad += crashed + counts.hung
    if bad:
        print(f"what crashed or hung lies in {keep}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
