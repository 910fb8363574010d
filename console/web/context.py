"""What every route needs, handed to it by the factory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.store.database import Database
from console.web.file_store import FileStore
from console.web.i18n import Languages


@dataclass(frozen=True, slots=True)
class Context:
    """What routes share.

    send_still: asks a node for a picture; False where it can't be asked now.
    broker_connected: whether the console hears the broker, and through it the nodes.
    """

    database: Database
    files: FileStore
    stills: Path
    languages: Languages
    wall_s: Callable[[], float]
    send_still: Callable[[str, str], bool]
    broker_connected: Callable[[], bool]
    timezone: str
    secure: bool
    max_file_bytes: int
