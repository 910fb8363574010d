"""Files that are made once and then stay, however many processes start at the same time."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def made_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """What is in `path`; where it is not there yet, what `make` gives, which only this account may read then.

    It appears whole, and where two make it at once both get the one that was first. Raises OSError.
    """
    if not path.exists():
        handle, part = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(part)
    return path.read_bytes()
