"""Files that a power cut can't take back: on the disk itself, not only with the operating system."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Waits until the content of the file, or the names in the folder, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(part: Path, out: Path) -> None:
    """Gives `part` its name only after its content is on the disk, so that no crash leaves half a file."""
    sync(part)
    part.replace(out)
    sync(out.parent)
