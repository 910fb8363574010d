"""Ours beside ByteTrack and C-BIoU of the package `trackers` on the seven MOT15 sequences; `make bench` runs it.

    python tests/bench/mot_compare.py [--every 1,5] [--sequences]

Same public detections for all, at the full rate and with every 5th frame only (detections and truth). The public
detections were cut at a score of 0.5: once they are handed over as they are (raw), once with 0.5..1 stretched to 0..1.
The peers live in `.venv-peer` and are told the matching frame rate; everyone is scored by the evaluation of `trackers`,
which follows TrackEval. Ours writes only boxes that were detected, like its peers. Two runs print the same.
"""

import argparse
import configparser
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOT15 = ROOT / ".." / "shared" / "assets" / "mot" / "MOT15"
PEER_PYTHON = ROOT / ".venv-peer" / "bin" / "python"


def frame_rate(sequence: Path) -> float:
    settings = configparser.ConfigParser()
    settings.read(sequence / "seqinfo.ini")
    return settings.getfloat("Sequence", "frameRate")


def thinned(path: Path, every: int, lowest: float, truth: bool) -> str:
    lines = []
    for line in path.read_text().splitlines():
        frame, identity, x, y, w, h, confidence, *_ = line.split(",")
        if (int(frame) - 1) % every:
            continue
        score = f"{max(0.0, (float(confidence) - lowest) / (1 - lowest)):.6f}"
        # In a truth file the evaluation reads the class from column 8, where MOT15 has metres.
        tail = f"{confidence},1,1" if truth else f"{score},-1,-1,-1"
        lines.append(f"{(int(frame) - 1) // every + 1},{identity},{x},{y},{w},{h},{tail}\n")
    return "".join(lines)


Scores = dict[str, dict[str, list[float]]]  # tracker -> sequence or COMBINED -> HOTA, IDF1, MOTA, IDSW


def compare(every: int, lowest: float) -> Scores:
    with tempfile.TemporaryDirectory() as place:
        folder, rates = Path(place), {}
        for part in ("det", "gt", "tracks/ours"):
            (folder / part).mkdir(parents=True)
        for sequence in sorted(path for path in MOT15.iterdir() if path.is_dir()):
            name = sequence.name
            rates[name] = frame_rate(sequence) / every
            (folder / "det" / f"{name}.txt").write_text(thinned(sequence / "det/det.txt", every, lowest, False))
            (folder / "gt" / f"{name}.txt").write_text(thinned(sequence / "gt/gt.txt", every, lowest, True))
            out = folder / "tracks" / "ours" / f"{name}.txt"
            command = [Path(sys.executable).with_name("gatehouse"), "edge", "track", folder / "det" / f"{name}.txt"]
            options = ["--fps", str(rates[name]), "--out", out]
            subprocess.run([*command, *options], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        (folder / "rates.json").write_text(json.dumps(rates))
        subprocess.run([PEER_PYTHON, ROOT / "tests/bench/mot_peer.py", folder], check=True)
        result: Scores = json.loads((folder / "result.json").read_text())
        return result


def show(label: str, scores: Scores, sequences: bool) -> None:
    for sequence in next(iter(scores.values())):
        if sequences or sequence == "COMBINED":
            cells = "".join(
                f"{100 * row[0]:7.1f}{100 * row[1]:7.1f}{100 * row[2]:7.1f}{int(row[3]):7d}"
                for row in (by_sequence[sequence] for by_sequence in scores.values())
            )
            print(f"{label if sequence == 'COMBINED' else '  ' + sequence:26}{cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", default="1,5", help="comma-separated: 1 all frames, 5 every 5th, ...")
    parser.add_argument("--sequences", action="store_true", help="each sequence too")
    options = parser.parse_args()
    if not MOT15.is_dir():
        sys.exit(
            "mot_compare: the MOT15 sequences are not here; they belong into shared/assets/mot/MOT15 beside the clone"
        )
    if not PEER_PYTHON.exists():
        sys.exit("mot_compare: the trackers to compare with are not installed; run `make bench`")
    head = True
    for every in map(int, options.every.split(",")):
        for scale, lowest in (("raw", 0.0), ("stretched", 0.5)):
            scores = compare(every, lowest)
            if head:
                print(f"{'':26}" + "".join(f"{name:>28}" for name in scores))
                print(f"{'':26}" + "   HOTA   IDF1   MOTA   IDSW" * len(scores))
                head = False
            show(f"{'full rate' if every == 1 else f'every {every}. frame'}, {scale}", scores, options.sequences)


if __name__ == "__main__":
    main()
