"""What each part of the loop may take, what it takes now, and what it took in an earlier commit; `make bench` runs it.

    python tests/bench/budget.py [--against REV] [--rounds 5] [--model default]

Both trees run the same videos, drawn on the spot, in turn, through `gatehouse edge bench`: real streams, real workers.
Processor milliseconds are those of an analysed frame; memory is that of one worker. Medians of the rounds; the budgets
are for the processor that they were measured on (x86-64, AVX2, about 3 GHz), ratios hold anywhere.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
SECONDS, FEW, MANY = 8, 1, 4

BUDGET = {  # about 1.3 times what it took on the day of its entry
    "read, ms": 6.0,
    "vision, ms": 30.0,
    "clips, ms": 12.0,
    "rest, ms": 1.5,
    "supervisor, ms": 2.0,
    "first camera, MB": 260.0,
    "further camera, MB": 40.0,
}


def bench(tree: Path, video: Path, cameras: int, model: str) -> dict:
    options = ["--video", video, "--cameras", cameras, "--seconds", SECONDS, "--workers", 1, "--model", model, "--json"]
    command = [sys.executable, "-m", "gatehouse", "edge", "bench", *map(str, options)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tree}: {done.stderr.splitlines()[-1] if done.stderr else 'it ended without a word'}")
    return json.loads(done.stdout)


def costs(tree: Path, video: Path, model: str) -> dict[str, float]:
    few, many = (bench(tree, video, cameras, model) for cameras in (FEW, MANY))
    found = {f"{stage}, ms": ms for stage, ms in many["cpu_ms_a_frame_by_stage"].items()}
    found["first camera, MB"] = few["rss_mb"]
    found["further camera, MB"] = (many["rss_mb"] - few["rss_mb"]) / (MANY - FEW)
    return found


def drawn(file: Path) -> Path:
    """Twenty seconds of a drawn gate with people, as a camera's H.264."""
    options = ["--out", str(file), "--story", "gathering", "--seed", "7", "--seconds", "20"]
    command = [sys.executable, "-m", "gatehouse", "edge", "virtual-camera", "draw", *options]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="HEAD~1", metavar="REV")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="default")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        before = Path(place) / "before"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", before, said.against], cwd=ROOT, check=True)
        try:
            video = drawn(Path(place) / "gate.mp4")
            found: dict[Path, dict[str, list[float]]] = {tree: defaultdict(list) for tree in (ROOT, before)}
            for number in range(said.rounds):
                for tree, figures in found.items():
                    for name, value in costs(tree, video, said.model).items():
                        figures[name].append(value)
                print(f"round {number + 1} of {said.rounds}", file=sys.stderr, flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", before], cwd=ROOT, check=True)
    print(f"{'':20} {'budget':>8} {'now':>8} {said.against:>10} {'ratio':>6}")
    for name, budget in BUDGET.items():
        now, then = (median(figures[name]) for figures in found.values())
        ratio = median(one / other for one, other in zip(*(figures[name] for figures in found.values()), strict=True))
        over = "  OVER" if now > budget else ""
        print(f"{name:20} {budget:8.1f} {now:8.2f} {then:10.2f} {ratio:6.2f}{over}")


if __name__ == "__main__":
    main()
