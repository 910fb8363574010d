"""An outbox in the machine's memory, while a full or dying disk takes no new one in the place of a damaged one.

Alerts go on their way through it. What it holds when the machine loses its power is lost; a process that dies loses
nothing. With the first room on the disk its rows go into the new outbox.
"""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from edge.adapters.checkpoint_file import MEMORY, is_ours_alone
from edge.adapters.outbox_rows import OutboxBounds, OutboxError

WITHIN = Path(":memory:")  # the last resort: no other process can write to it
MAX_MESSAGE_BYTES = 16_000_000  # memory is dear; openings go last
_SPARE_BYTES = 8_000_000


def stand_in_path(outbox: Path, memory: Path = MEMORY) -> Path:
    """Where the stand-in of `outbox` lies while there is one; its folder belongs to this user alone."""
    node = hashlib.sha256(str(outbox.absolute()).encode()).hexdigest()[:16]
    return memory / f"gatehouse-outbox-{os.geteuid()}-{node}" / outbox.name


def bounds_of(outbox: Path, bounds: OutboxBounds, memory: Path = MEMORY) -> OutboxBounds:
    """How much may wait in `outbox`: less where that is a stand-in in memory."""
    if memory not in outbox.parents:
        return bounds
    return replace(bounds, max_message_bytes=min(bounds.max_message_bytes, MAX_MESSAGE_BYTES))


def make_folder(stand_in: Path) -> None:
    """Makes the folder of a stand-in. Raises OutboxError where there is no such memory, or it is another's."""
    folder = stand_in.parent
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if is_ours_alone(folder):
            return
        why = "somebody else has made it"
    except OSError as error:
        why = str(error)
    raise OutboxError(f"{folder} can't be used ({why})")


def forget(stand_in: Path) -> None:
    """Its rows are safe on the disk."""
    shutil.rmtree(stand_in.parent, ignore_errors=True)


def has_room_for(outbox: Path, stand_in: Path) -> bool:
    """Whether the disk is worth another try."""
    try:
        wanted = sum(path.stat().st_size for path in (outbox, stand_in) if path.exists()) + _SPARE_BYTES
        return shutil.disk_usage(outbox.parent).free > wanted
    except OSError:
        return False
