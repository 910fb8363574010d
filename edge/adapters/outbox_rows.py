"""What the outbox holds and tells: messages, clips to be cut, files to be uploaded, its bounds and how full it is."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from broker.contract.messages import AbsentNumbers, EventMessage, EvidenceMessage

MissingCode = Literal[
    "not_recorded",
    "recording_damaged",
    "disk_full",
    "not_written",
    "camera_removed",
    "file_gone",
    "file_damaged",
    "given_up",
    "too_large",
]


_DAMAGE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that the console has not acknowledged yet. kind: 'event' or 'evidence'. sequence: in `outbox_id`.

    ahead_s: the wall clock less the monotonic one when its times were taken; None where that is not known, or was
    before the machine's last start.
    """

    sequence: int
    kind: str
    message: EventMessage | EvidenceMessage
    outbox_id: str
    ahead_s: float | None = None


class NewMessage(NamedTuple):
    """One message to be written down. at_s: now, UTC seconds. ahead_s: see OutboxRow."""

    kind: str
    event_id: str
    state: str
    body: str
    at_s: float
    ahead_s: float | None = None


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


def parsed(kind: str, body: str) -> EventMessage | EvidenceMessage | None:
    """The message of a row; None where the disk has damaged it."""
    try:
        return (EventMessage if kind == "event" else EvidenceMessage).model_validate_json(body)
    except ValidationError:
        return None


def parsed_listing(body: str) -> EvidenceMessage | None:
    """A list of evidence; None where the disk has damaged it."""
    message = parsed("evidence", body)
    return message if isinstance(message, EvidenceMessage) else None


def sound_events(rows: Iterable[tuple[str]]) -> Iterator[EventMessage]:
    """Those that the disk has not damaged."""
    for (body,) in rows:
        if isinstance(message := parsed("event", body), EventMessage):
            yield message


def is_damage(error: BaseException | None) -> bool:
    """Whether it says that the file itself is damaged, or no outbox: not that a disk is full, away or read-only.

    What is asked of an outbox is always right, so an answer that it is wrong comes of a damaged schema, or of rows that
    contradict each other. SQLite's own words may quote damaged bytes, which are no text then.
    """
    if isinstance(error, UnicodeDecodeError):
        return True
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def row_state(message: EventMessage | EvidenceMessage) -> str:
    """What the outbox notes as the state of a row: an event's own; of a list of evidence, whether it names a clip."""
    if isinstance(message, EventMessage):
        return message.state
    return "clip" if any(file.role == "clip" for file in message.files) else ""


def absent_spans(first: int, last: int, waiting: Collection[int], given_up: Collection[int]) -> list[AbsentNumbers]:
    """The spans of [first, last] that do not wait, and why."""
    absent: list[AbsentNumbers] = []
    number = first
    for known in [*sorted(one for one in {*waiting, *given_up} if one <= last), last + 1]:
        if number < known:
            absent.append(AbsentNumbers(first=number, last=known - 1, why="gone"))
        if known in given_up and known not in waiting:
            before = absent[-1] if absent and absent[-1].why == "given_up" and absent[-1].last == known - 1 else None
            begin = absent.pop().first if before else known
            absent.append(AbsentNumbers(first=begin, last=known, why="given_up"))
        number = known + 1
    return absent
