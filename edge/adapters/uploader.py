"""Brings evidence files and stills to the console by HTTP; resumes in the middle after a cut.

The line may be limited on average, and be quiet for hours: then clips wait, with pictures of events that are over for
long. A new picture goes before the rest of a clip.

The console names a file by its SHA-256 and checks it at the end. Header names follow the IETF draft
"Resumable Uploads for HTTP" (Upload-Offset, Upload-Length).
"""

import logging
import sqlite3
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from edge.adapters.clip_writer import file_sha256
from edge.adapters.outbox_rows import Missing, MissingCode, Upload
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.core.ports import Clock
from edge.core.schedule import WeeklySchedule

log = logging.getLogger(__name__)

CHUNK_BYTES = 1024 * 1024
LEAST_CHUNK_BYTES = 16 * 1024  # below it the heads of requests would be more than what they carry
POLL_S = 0.5
URGENT_S = 3600.0  # pictures that are made no longer ago don't wait in quiet hours, though their event is over
BACKOFF_MAX_S = 30.0


class ConsoleUnavailableError(Exception):
    """The console can't take files now; trying again later may help. The text is for people."""


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Where the console is; the token is read from its file at start."""

    url: str
    token_file: Path
    ca_file: Path | None = None


NEVER = WeeklySchedule(())


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """max_bytes_per_s: on average, None without a limit. quiet: when clips wait."""

    max_bytes_per_s: int | None = None
    quiet: WeeklySchedule = NEVER


class Pace:
    """Keeps an average: after what was sent it says how long to wait."""

    def __init__(self, max_bytes_per_s: int | None, clock: Clock) -> None:
        self._rate, self._clock, self._due_s = max_bytes_per_s, clock, float("-inf")

    @property
    def chunk_bytes(self) -> int:
        """How much to send at once: a second's worth, so that others on the line wait no longer than that."""
        return CHUNK_BYTES if self._rate is None else min(CHUNK_BYTES, max(LEAST_CHUNK_BYTES, self._rate))

    def begin(self, size: int) -> None:
        """So many bytes are about to be sent."""
        if self._rate is not None:
            self._due_s = max(self._due_s, self._clock.monotonic_s()) + size / self._rate

    @property
    def wait_s(self) -> float:
        """Seconds until more may be sent."""
        return max(0.0, self._due_s - self._clock.monotonic_s())


def make_http_client(address: ConsoleAddress) -> httpx.Client:
    """A client that signs in as this node. Raises OSError where the token can't be read."""
    token = address.token_file.read_text(encoding="utf-8").strip()
    context = ssl.create_default_context(cafile=str(address.ca_file) if address.ca_file else None)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=address.url, headers=headers, timeout=15, verify=context, trust_env=False)


class Uploader:
    """Uploads what the outbox lists, pictures first. `run` is the whole life of its thread."""

    def __init__(
        self,
        address: ConsoleAddress,
        outbox: SqliteOutbox,
        client: httpx.Client | None = None,
        limits: UploadLimits = UploadLimits(),
        clock: Clock | None = None,
    ) -> None:
        """client: instead of one made from `address`. Raises OSError where the token can't be read."""
        self._client = client or make_http_client(address)
        self._outbox, self._clock = outbox, clock or SystemClock()
        self._quiet, self._pace = limits.quiet, Pace(limits.max_bytes_per_s, self._clock)
        self.kept_quiet = 0  # files that wait because of quiet hours
        self._stills: dict[str, bytes] = {}
        self._unreadable: set[Path] = set()
        self._reached: tuple[str, int] = ("", 0)  # the file that was sent last, and how much of it the console had
        self._tried: set[Path] = set()  # files of this turn
        self._advanced = False  # whether the console has more of it than at the last turn
        self._lock = threading.Lock()
        self.fault = ""

    def send_still(self, camera: str, picture: bytes) -> None:
        """Brings a camera's newest picture, a JPEG, over with the next turn; it is kept in memory alone."""
        with self._lock:
            self._stills[camera] = picture

    def run(self, stop: threading.Event) -> None:
        """Uploads until `stop`; waits longer after each failure, up to `BACKOFF_MAX_S`."""
        wait_s, outbox_fault = POLL_S, False
        while not stop.wait(wait_s):
            self._advanced = False
            try:
                self._note_quiet()
                postponed = self._send_files(stop)
            except sqlite3.Error as error:  # a disk that can't be read: what waits is tried again
                if not outbox_fault:
                    log.error("the outbox can't be read: %s; it is tried again", error)
                outbox_fault, wait_s = True, min(wait_s * 2, BACKOFF_MAX_S)
                continue
            except (httpx.HTTPError, ConsoleUnavailableError) as error:
                fault = f"the console can't be reached with files: {error or type(error).__name__}"
                if not self.fault:
                    log.warning(fault)
                wait_s = POLL_S if self._advanced else min(wait_s * 2, BACKOFF_MAX_S)  # a line that breaks, but carries
                self.fault = fault
                continue
            if self.fault:
                log.info("the console takes files again")
            self.fault, outbox_fault, wait_s = "", False, 2.0 if postponed else POLL_S
        self._client.close()

    def _send_stills(self, stop: threading.Event) -> None:
        with self._lock:
            stills = dict(self._stills)
        for camera, picture in stills.items():
            self._rest(stop)
            if stop.is_set() or self._picture_waits():  # of an event: the rest of these can wait
                return
            self._pace.begin(len(picture))
            reply = self._client.put(
                f"/api/node/cameras/{camera}/still", content=picture, headers={"Content-Type": "image/jpeg"}
            )
            if reply.status_code >= 500 or reply.status_code == 401:
                raise ConsoleUnavailableError(_answer(reply))
            if reply.is_error:
                log.warning("the console refuses the picture of %s: %s", camera, _answer(reply))
            with self._lock:
                if self._stills.get(camera) is picture:  # no newer one has come meanwhile
                    del self._stills[camera]

    def _send_files(self, stop: threading.Event) -> bool:
        """Uploads what waits; True where the console asks to come again with some of it."""
        postponed, since_s = False, self._urgent_since_s()
        uploads = self._outbox.uploads(50, since_s)
        self._tried = set()
        stills_sent = False
        for upload in uploads:
            if upload.media_type != "image/jpeg" and not stills_sent:  # after an event's pictures, before clips
                self._send_stills(stop)
                stills_sent = True
            if stop.is_set() or self._gives_way(upload):
                break
            self._tried.add(upload.path)
            try:
                done = self._send_file(upload, stop)
            except FileNotFoundError:
                self._tell_lost(upload, "is gone from the disk and can't be uploaded", "file_gone")
                continue
            except OSError as error:  # this one file; the others must not wait behind it
                if upload.path not in self._unreadable:
                    log.error("%s can't be read (%s); it is tried again", upload.path, error.strerror)
                    self._unreadable.add(upload.path)
                done = False
            if done:  # the file itself stays for as long as the configuration says
                self._outbox.uploaded(upload)
            postponed = postponed or not done
        if not stills_sent:
            self._send_stills(stop)
        return postponed

    def _send_file(self, upload: Upload, stop: threading.Event) -> bool:
        """Uploads one file from where the last try ended; True once the console has it whole. Raises OSError."""
        target = f"/api/node/files/{upload.sha256}"
        reply = self._client.head(target)
        complete = reply.status_code == 200 and reply.headers.get("Upload-Complete") == "?1"
        if complete or reply.status_code in (404, 425):  # not announced yet: nothing of it would be taken
            return complete
        if upload.path.stat().st_size != upload.size_bytes:  # no longer what was announced
            return self._is_beyond_help(upload)
        offset = _offset(reply) if reply.status_code == 200 else 0
        self._advanced = self._advanced or offset > self._reached[1] or self._reached[0] != upload.sha256
        self._reached = (upload.sha256, offset)
        for chunk in _chunks(upload.path, offset, self._pace.chunk_bytes):
            self._rest(stop)
            if stop.is_set() or self._gives_way(upload):
                return False
            self._pace.begin(len(chunk))
            headers = {
                "Content-Type": "application/partial-upload",
                "Upload-Offset": str(offset),
                "Upload-Length": str(upload.size_bytes),
            }
            reply = self._client.patch(target, content=chunk, headers=headers)
            if reply.status_code in (404, 409, 425):  # not announced yet, or another offset: come again
                return False
            if reply.status_code == 422:
                return self._is_beyond_help(upload, too_large=_is_too_large(reply))
            if reply.is_error:
                raise ConsoleUnavailableError(_answer(reply))
            offset += len(chunk)
        # Only the console's own word counts: a file that it holds but has not checked is not done.
        return bool(self._client.head(target).headers.get("Upload-Complete") == "?1")

    def _note_quiet(self) -> None:
        since_s, waiting = self._urgent_since_s(), self._outbox.figures().uploads
        self.kept_quiet = 0 if since_s is None else waiting - len(self._outbox.uploads(waiting, since_s))

    def _urgent_since_s(self) -> float | None:
        """In quiet hours the UTC second since which pictures are urgent; else None."""
        now_s = self._clock.wall_s()
        return now_s - URGENT_S if self._quiet.is_on(now_s) else None

    def _gives_way(self, upload: Upload) -> bool:
        """Whether a clip has to wait: for a picture that has come since this turn began, or for quiet hours."""
        if upload.media_type == "image/jpeg":
            return False
        return self._urgent_since_s() is not None or self._picture_waits()

    def _picture_waits(self) -> bool:
        """Whether a picture of an event has come since this turn began."""
        first = self._outbox.uploads(1, self._urgent_since_s())
        return any(one.media_type == "image/jpeg" and one.path not in self._tried for one in first)

    def _rest(self, stop: threading.Event) -> None:
        if (wait_s := self._pace.wait_s) > 0:
            stop.wait(wait_s)

    def _is_beyond_help(self, upload: Upload, *, too_large: bool = False) -> bool:
        """Whether sending it again would never end: the console takes none so large, or it is damaged on this disk.

        Else it was damaged on its way, and the console has thrown it away.
        """
        if too_large:
            what = "is larger than the console takes (MAX_FILE_BYTES there); it stays on this disk for its days"
            self._tell_lost(upload, what, "too_large")
            return True
        if file_sha256(upload.path) == upload.sha256:
            log.error("the console found another hash for %s; it is sent again", upload.path.name)
            return False
        self._tell_lost(upload, "is damaged on this disk; it is given up", "file_damaged")
        return True

    def _tell_lost(self, upload: Upload, what: str, code: MissingCode) -> None:
        """The console hears of it, for it waits for the file; a file replaced since this turn began is not lost."""
        if self._outbox.lost(upload, Missing(f"{upload.path.name} {what}", code), self._clock.wall_s()):
            log.error("%s of event %s %s", upload.path.name, upload.event_id, what)


def _is_too_large(reply: httpx.Response) -> bool:
    """Whether the console will never take a file of that length: its word says so, for the status means more."""
    try:
        return reply.status_code == 422 and reply.json().get("error") == "file_too_large"
    except (ValueError, AttributeError):
        return False


def _offset(reply: httpx.Response) -> int:
    text = reply.headers.get("Upload-Offset", "0")
    if not text.isascii() or not text.isdigit():
        raise ConsoleUnavailableError(f"it told a place {text[:20]!r} to go on at; is a proxy between?")
    return int(text)


def _chunks(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(size):
            yield chunk


def _answer(reply: httpx.Response) -> str:
    if reply.status_code in (401, 403):
        return f"it refuses this node's token ({reply.status_code}); check console.token_file"
    return f"it answered {reply.status_code} to {reply.request.method} {reply.request.url.path}"
