"""How many true loiterers `gatehouse edge replay` finds in ../shared/assets/loitering, and how late.

    python tests/bench/loitering_score.py [--models yolox_nano_416,...] [--fps 10,5,2]

One replay for each network and rate, one after the other, with the zones and seconds of all truth files at once; each
truth file is then scored by ../shared/bench/score_loitering.py on the events of its own zone. Prints a row for each
network, rate and truth file and one for the files together.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / ".." / "shared"
ASSETS = SHARED / "assets"
SCORER = SHARED / "bench" / "score_loitering.py"
MODELS = "yolox_nano_416,nanodet_m_416,yolov8n_640_fp32dq,yolo11n_640_int8"
COUNTS = re.compile(r"hits (\d+) misses (\d+) false (\d+) .*late_median_s (\S+)")


def configuration(truths: list[dict], model: Path, fps: float) -> dict:
    """The node file of one replay: each truth file is one zone with one rule."""
    zones = [{"name": t["zone_name"], "polygon": t["zone"], "grace_s": t["grace_s"]} for t in truths]
    rules = [{"kind": "loitering", "zone": t["zone_name"], "dwell_s": t["min_dwell_s"]} for t in truths]
    camera = {"name": "camera", "url": "rtsp://file", "analysed_fps": fps, "zones": zones, "rules": rules}
    return {
        "node": {"name": "bench", "timezone": "UTC", "state_dir": "state"},
        "broker": {"password_file": "secret", "tls": False},
        "console": {"url": "http://127.0.0.1", "token_file": "secret"},
        "detector": {"model": str(model)},
        "cameras": [camera],
    }


def replay(truths: list[dict], model: Path, fps: float, folder: Path) -> list[dict]:
    """The event lines of one replay."""
    config, events = folder / "node.yaml", folder / "events.jsonl"
    (folder / "secret").write_text("not used by a replay\n")
    (folder / "secret").chmod(0o600)
    config.write_text(yaml.safe_dump(configuration(truths, model, fps)))
    command = [Path(sys.executable).with_name("gatehouse"), "edge", "replay", ASSETS / truths[0]["video"]]
    done = subprocess.run(
        [*command, "--config", config, "--events", events], check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"loitering_score: {done.stderr}")
    return [json.loads(line) for line in events.read_text().splitlines()]


def score(truth: Path, rows: list[dict], folder: Path) -> tuple[int, int, int, float]:
    """Hits, misses, false alarms and median lateness in seconds, as the shared scorer counts them."""
    zone = json.loads(truth.read_text())["zone_name"]
    events = folder / "zone.jsonl"
    events.write_text("".join(json.dumps(row) + "\n" for row in rows if row["zone"] == zone))
    said = subprocess.run([sys.executable, SCORER, truth, events], check=True, capture_output=True, text=True).stdout
    found = COUNTS.match(said)
    assert found, said
    hits, misses, false = (int(found[i]) for i in (1, 2, 3))
    return hits, misses, false, float(found[4])


def line(name: str, fps: float, truth: str, counts: tuple[int, int, int], late_s: float | None) -> str:
    hits, misses, false = counts
    f1 = 2 * hits / max(1, 2 * hits + misses + false)
    late = "" if late_s is None else f"{late_s:9.2f}"
    return f"{name:20}{fps:5g}  {truth:18}{hits:5}{misses:7}{false:6}{f1:7.2f}{late}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=MODELS, help="names in shared/assets/models, or files")
    parser.add_argument("--fps", default="10,5,2", help="analysed frames a second")
    options = parser.parse_args()
    files = sorted((ASSETS / "loitering").glob("*.json"))
    if not files:
        sys.exit("loitering_score: shared/assets/loitering is not beside this clone")
    truths = [json.loads(path.read_text()) for path in files]
    print(f"{'network':20}{'fps':>5}  {'truth':18}{'hits':>5}{'misses':>7}{'false':>6}{'F1':>7}{'late_s':>9}")
    for name in options.models.split(","):
        model = Path(name).resolve() if name.endswith(".onnx") else ASSETS / "models" / f"{name}.onnx"
        for fps in map(float, options.fps.split(",")):
            with tempfile.TemporaryDirectory() as place:
                rows = replay(truths, model, fps, Path(place))
                scores = [score(path, rows, Path(place)) for path in files]
            for path, (*counts, late_s) in zip(files, scores, strict=True):
                print(line(model.stem, fps, path.stem.removeprefix("pets09_"), tuple(counts), late_s))
            together = tuple(sum(column) for column in list(zip(*scores, strict=True))[:3])
            print(line(model.stem, fps, "all four", together, None), flush=True)


if __name__ == "__main__":
    main()
