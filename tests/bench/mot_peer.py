"""Runs in `.venv-peer`: the peers' trackers on prepared detections, and the peers' evaluation of everyone.

Called by mot_compare.py: `mot_peer.py FOLDER`, with FOLDER/rates.json ({"sequence": frames a second}), FOLDER/det and
FOLDER/gt (one text a sequence) and FOLDER/tracks/ours. Writes FOLDER/tracks/<peer> and FOLDER/result.json.
"""

import json
import sys
from pathlib import Path

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker, CBIoUTracker
from trackers.eval import evaluate_mot_sequences

PEERS = {"ByteTrack": ByteTrackTracker, "C-BIoU": CBIoUTracker}


def run_peer(peer: type, rate: float, detections: Path, out: Path) -> None:
    table = np.loadtxt(detections, delimiter=",", ndmin=2)
    tracker = peer(frame_rate=rate)
    lines = []
    for frame in range(1, int(table[:, 0].max()) + 1):
        rows = table[table[:, 0] == frame]
        xyxy = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1).astype(np.float32)
        people = sv.Detections(xyxy=xyxy, confidence=rows[:, 6].astype(np.float32), class_id=np.zeros(len(rows), int))
        told = tracker.update(people)
        if len(told):
            for (left, top, right, bottom), track_id in zip(told.xyxy, told.tracker_id, strict=True):
                if track_id >= 0:  # -1: told, but of no track
                    box = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
                    lines.append(f"{frame},{track_id + 1},{box},1,-1,-1,-1\n")
    out.write_text("".join(lines))


def main(folder: Path) -> None:
    rates = json.loads((folder / "rates.json").read_text())
    for name, peer in PEERS.items():
        (folder / "tracks" / name).mkdir(parents=True, exist_ok=True)
        for sequence, rate in rates.items():
            run_peer(peer, rate, folder / "det" / f"{sequence}.txt", folder / "tracks" / name / f"{sequence}.txt")
    result = {}
    for tracks in sorted((folder / "tracks").iterdir()):
        scored = evaluate_mot_sequences(folder / "gt", tracks, metrics=["CLEAR", "HOTA", "Identity"])
        rows = {**scored.sequences, "COMBINED": scored.aggregate}
        result[tracks.name] = {
            name: [float(row.HOTA.HOTA), float(row.Identity.IDF1), float(row.CLEAR.MOTA), int(row.CLEAR.IDSW)]
            for name, row in rows.items()
        }
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
