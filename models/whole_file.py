"""Files that are there whole or not at all, whatever ends the writing."""

import os
import secrets
import tempfile
from pathlib import Path

from edge.adapters.durable import put_in_place


class UnwritableError(OSError):
    """A file that can't be written; the text names the place and the cure."""


def write_whole(path: Path, content: bytes) -> None:
    """Puts `content` in the place of `path`; a kill, a full disk or a power cut leaves the old file or the new one.

    Raises UnwritableError; then no part of it stays.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            put_in_place(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def sweep_parts(path: Path) -> None:
    """Takes away what killed writers of `path` left. Only for who knows that nobody else writes it now."""
    for part in path.parent.glob(f"{path.name}.*.part"):
        part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raises UnwritableError where `path` can't be written, before the work is done that it is to hold."""
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> UnwritableError:
    """What to raise where writing to `path` failed so."""
    return UnwritableError(f"{path} can't be written ({error.strerror or error}); make room, or name another place")
