"""What a node doubts about its clock, on the disk: a restart makes no clock right."""

import json
import math
from pathlib import Path

from edge.adapters.durable import put_in_place, sync
from edge.core.clock_doubt import NO_LEAP, Leap


def read_leap(path: Path) -> Leap:
    """What an earlier run wrote down; no leap where nothing can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        leap = Leap(float(found["leapt_s"]), float(found["for_s"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return NO_LEAP
    return leap if 0 < leap.leapt_s < math.inf and 0 <= leap.for_s < math.inf else NO_LEAP


def write_leap(path: Path, leap: Leap) -> None:
    """Writes it down for the next run. Raises OSError."""
    if leap == NO_LEAP:
        path.unlink(missing_ok=True)
        sync(path.parent)
        return
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"leapt_s": leap.leapt_s, "for_s": leap.for_s}), encoding="utf-8")
    put_in_place(part, path)
