"""What the outbox holds and tells: messages, clips to be cut, files to be uploaded, its bounds and how full it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from broker.contract.messages import EventMessage, EvidenceMessage

MissingCode = Literal[
    "not_recorded",
    "recording_damaged",
    "disk_full",
    "not_written",
    "camera_removed",
    "file_gone",
    "file_damaged",
    "given_up",
]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that the console has not acknowledged yet. kind: 'event' or 'evidence'."""

    sequence: int
    kind: str
    message: EventMessage | EvidenceMessage


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A clip to be cut from the recording, UTC seconds."""

    event_id: str
    camera: str
    opened_at_s: float
    begins_at_s: float
    ends_at_s: float
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a file that was owed will not come: in plain English, and as a stable word that the console translates."""

    reason: str
    code: MissingCode


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the console does not have yet."""

    sha256: str
    event_id: str
    path: Path
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class OutboxBounds:
    """How much may wait; past it, what is least important is given up (see outbox_sacrifice).

    max_rows, max_message_bytes: of messages. max_file_bytes: of files to be uploaded. max_age_s: of either.
    """

    max_rows: int = 100_000  # about three months of a busy school without a console
    max_message_bytes: int = 400_000_000
    max_file_bytes: int = 8_000_000_000
    max_age_s: float = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class OutboxFigures:
    """How much waits, and since when (UTC seconds, None where nothing does).

    share: of the bound that is nearest, 1 where it is reached. gave_up_at_s: when something was given up last.
    given_up, files_given_up: how many rows and files so far.
    """

    rows: int
    uploads: int
    clip_jobs: int
    refused: int
    oldest_at_s: float | None
    share: float
    gave_up_at_s: float | None
    given_up: int
    files_given_up: int


class OutboxError(Exception):
    """The outbox can't be opened; the text says why and what to do."""
