"""How many cameras fit: ours beside ultralytics + trackers + supervision, on the same videos, network and cores.

    python tests/bench/capacity_compare.py --model yolov8n_640_fp32dq --video FILE [--video FILE ...] [--rounds 5]
        [--seconds 15] [--fps 5] [--first OURS,PEERS]

Every camera is played by `gatehouse edge virtual-camera serve` in a process of its own. Both sides are searched in
turn, `--rounds` times; the medians and their ratio are printed. They fit while fewer than 1 % of the pictures that were
to be analysed are dropped and 95 % are through within 1 s. The peer is tried in both of its arrangements (a process a
core, and one process with all cores) in the first round and goes on with the better one. Ours also records every
stream, cuts clips and counts the delay of reading; the peer does not.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from edge.app.bench_site import BenchPlan, free_port
from edge.app.capacity import most_that_fit
from edge.app.demo_stage import Stage
from edge.app.detector import find_model
from edge.config.environment import child_environment
from edge.config.schema import DetectorSection

ROOT = Path(__file__).resolve().parents[2]
PEER_PYTHON = ROOT / ".venv-peer" / "bin" / "python"
MOST = 64


def ours(plan: BenchPlan) -> dict:
    videos = [word for video in plan.videos for word in ("--video", video)]
    options = ["--cameras", plan.cameras, "--fps", plan.fps, "--seconds", plan.seconds, "--model", plan.model, "--json"]
    command = [Path(sys.executable).with_name("gatehouse"), "edge", "bench", *videos, *map(str, options)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result | {"cpu_ms_a_frame": round(sum(result["cpu_ms_a_frame_by_stage"].values()), 1)}


def peer(plan: BenchPlan, processes: int) -> dict:
    played = plan.played()
    with free_port() as port:
        pass
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(Path(place), quiet=True)
        words = [word for name, source in played.items() for word in ("--camera", f"{name}={source}")]
        serve = ["edge", "virtual-camera", "serve", "--port", str(port), *words]
        with stage.process("cameras", serve, child_environment()):
            stage.wait_for_port(port, "cameras")
            urls = [f"rtsp://127.0.0.1:{port}/{name}" for name in played]
            options = ["--fps", plan.fps, "--seconds", plan.seconds, "--processes", processes]
            command = [PEER_PYTHON, ROOT / "tests" / "bench" / "peer_loop.py", "--model", plan.model]
            done = subprocess.run([*command, *map(str, options), *urls], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def fits(result: dict) -> bool:
    late_ms = result["capture_to_event_ms_p95"]
    return result["drop_ratio"] < 0.01 and late_ms is not None and late_ms < 1000 and result["analysed_fps"] > 0


def search(name: str, run, first: int) -> int:
    def tried(number: int) -> bool:
        result = run(number)
        print(f"  {name} {number:3}: {'fit' if fits(result) else 'do not fit'}, {told(result)}", flush=True)
        return fits(result)

    return most_that_fit(tried, max(1, first), MOST)


def told(result: dict) -> str:
    late_ms = result["capture_to_event_ms_p95"]
    parts = f"{result['drop_ratio']:.1%} dropped, p95 {late_ms} ms"
    return f"{parts}, {result['cpu_cores']} cores, {result['cpu_ms_a_frame']} ms of CPU a frame, {result['rss_mb']} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", action="append", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first", default="8,2")
    said = parser.parse_args()
    our_first, peer_first = map(int, said.first.split(","))
    file = str(find_model(DetectorSection(model=said.model))[1])

    def plan(cameras: int) -> BenchPlan:
        return BenchPlan(tuple(said.video), cameras, said.fps, said.seconds, file, 0)

    arrangements = {}
    for processes in (2, 1):
        name = f"peer, {processes} process(es)"
        arrangements[processes] = search(name, lambda n, p=processes: peer(plan(n), p), peer_first)
    best = max(arrangements, key=lambda one: arrangements[one])
    peers, mine = [arrangements[best]], []
    for number in range(said.rounds):
        mine.append(search("ours", lambda n: ours(plan(n)), mine[-1] if mine else our_first))
        if number:
            peers.append(search(f"peer, {best} process(es)", lambda n: peer(plan(n), best), peers[-1]))
        print(f"round {number + 1}: ours {mine[-1]}, peer {peers[-1]}", flush=True)
    ratio = median(one / max(1, other) for one, other in zip(mine, peers, strict=True))
    print(f"cameras that fit, median of {said.rounds}: ours {median(mine)}, peer {median(peers)}; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
