"""What lies in the node's folder: recordings, evidence, boxes and stills of each camera, found by listing alone.

recordings/<camera>/<begin>-<end>.mp4   evidence/<event>/...   tracks/<camera>/...   stills/<camera>.jpg
"""

import contextlib
import json
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.adapters.durable import put_in_place
from edge.adapters.segments import Segment, close_abandoned, list_segments

LABEL = "event.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventLabel:
    """Whose evidence a folder holds, in the folder itself. opened_at_s: UTC seconds."""

    camera: str
    zone: str
    opened_at_s: float


@dataclass(frozen=True, slots=True)
class EventFolder:
    """The evidence of one event. files: names and bytes; changed_at_s: UTC seconds of the newest file."""

    path: Path
    label: EventLabel | None
    files: dict[str, int]
    changed_at_s: float


def put_label(folder: Path, label: EventLabel) -> None:
    """Writes the label where there is none. Raises OSError."""
    path = folder / LABEL
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(label)), encoding="utf-8")
        put_in_place(part, path)


def list_recordings(
    state_dir: Path, known: defaultdict[str, dict[str, Segment]] | None = None
) -> dict[str, list[Segment]]:
    """The closed segments of each camera, oldest first, also of cameras that are no longer configured.

    known: what an earlier look found, by camera and file name; it is brought up to date.
    """
    known = defaultdict(dict) if known is None else known
    folders = _folders(state_dir / "recordings")
    for gone in known.keys() - {folder.name for folder in folders}:
        del known[gone]
    return {
        folder.name: [segment for segment in list_segments(folder, known[folder.name]) if segment.ends_at_s is not None]
        for folder in folders
    }


def list_events(state_dir: Path) -> list[EventFolder]:
    """The folders of evidence; what vanishes meanwhile is left out."""
    found = []
    for folder in _folders(state_dir / "evidence"):
        with contextlib.suppress(FileNotFoundError):
            stats = {path.name: path.stat() for path in folder.iterdir()}
            changed_at_s = max((one.st_mtime for one in stats.values()), default=folder.stat().st_mtime)
            files = {name: one.st_size for name, one in stats.items() if name.isprintable()}
            found.append(EventFolder(folder, _label_in(folder), files, changed_at_s))
    return found


def delete_event(folder: Path) -> None:
    """Deletes a folder of evidence, its label last: whoever is killed in the middle leaves one that can be deleted.

    Raises OSError.
    """
    for path in sorted(folder.iterdir(), key=lambda path: (path.name == LABEL, path.name)):
        path.unlink(missing_ok=True)
    folder.rmdir()


def close_removed(state_dir: Path, configured: Collection[str]) -> None:
    """Puts away what cameras left that are no longer configured: boxes and stills go, open segments are closed.

    Their recordings and evidence stay for as long as those of any camera. Raises OSError.
    """
    for folder in _folders(state_dir / "tracks"):
        if folder.name not in configured:
            log.info("camera %s is no longer configured: its boxes are deleted", folder.name)
            shutil.rmtree(folder)
    stills = state_dir / "stills"
    for path in stills.iterdir() if stills.is_dir() else ():
        if path.name.partition(".")[0] not in configured:
            path.unlink(missing_ok=True)
    for folder in _folders(state_dir / "recordings"):
        if folder.name not in configured:
            close_abandoned(folder)
            if not any(folder.iterdir()):
                folder.rmdir()


def _folders(parent: Path) -> list[Path]:
    """Those that can be ours: another's lost+found, or a name that is no text, is left alone."""
    if not parent.is_dir():
        return []
    found = (path for path in parent.iterdir() if path.name.isprintable() and path.is_dir())
    return sorted(path for path in found if os.access(path, os.R_OK | os.X_OK))


def _label_in(folder: Path) -> EventLabel | None:
    try:
        label = json.loads((folder / LABEL).read_text(encoding="utf-8"))
        return EventLabel(str(label["camera"]), str(label["zone"]), float(label["opened_at_s"]))
    except (OSError, ValueError, KeyError, TypeError):  # made by an older Gatehouse, or damaged
        return None
