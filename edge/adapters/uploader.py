"""Brings evidence files and stills to the console by HTTP; resumes in the middle after a cut.

The console names a file by its SHA-256 and checks it at the end. Header names follow the IETF draft
"Resumable Uploads for HTTP" (Upload-Offset, Upload-Length).
"""

import logging
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

log = logging.getLogger(__name__)

CHUNK_BYTES = 1024 * 1024
POLL_S = 0.5
BACKOFF_MAX_S = 30.0


class ConsoleUnavailableError(Exception):
    """The console can't take files now; trying again later may help. The text is for people."""


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Where the console is; the token is read from its file at start."""

    url: str
    token_file: Path
    ca_file: Path | None = None


def make_http_client(address: ConsoleAddress) -> httpx.Client:
    """A client that signs in as this node. Raises OSError where the token can't be read."""
    token = address.token_file.read_text(encoding="utf-8").strip()
    context = ssl.create_default_context(cafile=str(address.ca_file) if address.ca_file else None)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=address.url, headers=headers, timeout=15, verify=context, trust_env=False)


class Uploader:
    """Uploads what the outbox lists, pictures first. `run` is the whole life of its thread."""

    def __init__(self, address: ConsoleAddress, outbox: SqliteOutbox, client: httpx.Client | None = None) -> None:
        """client: instead of one made from `address`. Raises OSError where the token can't be read."""
        self._client = client or make_http_client(address)
        self._outbox, self._clock = outbox, SystemClock()
        self._stills: dict[str, bytes] = {}
        self._unreadable: set[Path] = set()
        self._lock = threading.Lock()
        self.fault = ""

    def send_still(self, camera: str, picture: bytes) -> None:
        """Brings a camera's newest picture, a JPEG, over with the next turn; it is kept in memory alone."""
        with self._lock:
            self._stills[camera] = picture

    def run(self, stop: threading.Event) -> None:
        """Uploads until `stop`; waits longer after each failure, up to `BACKOFF_MAX_S`."""
        wait_s = POLL_S
        while not stop.wait(wait_s):
            try:
                self._send_stills()
                postponed = self._send_files(stop)
            except (httpx.HTTPError, ConsoleUnavailableError) as error:
                fault = f"the console can't be reached with files: {error or type(error).__name__}"
                if not self.fault:
                    log.warning(fault)
                self.fault, wait_s = fault, min(wait_s * 2, BACKOFF_MAX_S)
                continue
            if self.fault:
                log.info("the console takes files again")
            self.fault, wait_s = "", 2.0 if postponed else POLL_S
        self._client.close()

    def _send_stills(self) -> None:
        with self._lock:
            stills = dict(self._stills)
        for camera, picture in stills.items():
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
        postponed = False
        for upload in self._outbox.uploads(limit=50):
            if stop.is_set():
                break
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
        return postponed

    def _send_file(self, upload: Upload, stop: threading.Event) -> bool:
        """Uploads one file from where the last try ended; True once the console has it whole. Raises OSError."""
        target = f"/api/node/files/{upload.sha256}"
        reply = self._client.head(target)
        if reply.status_code == 200 and reply.headers.get("Upload-Complete") == "?1":
            return True
        offset = _offset(reply) if reply.status_code == 200 else 0
        for chunk in _chunks(upload.path, offset):
            if stop.is_set():
                return False
            headers = {
                "Content-Type": "application/partial-upload",
                "Upload-Offset": str(offset),
                "Upload-Length": str(upload.size_bytes),
            }
            reply = self._client.patch(target, content=chunk, headers=headers)
            if reply.status_code in (404, 409, 425):  # not announced yet, or another offset: come again
                return False
            if reply.status_code == 422:  # the console discarded it; the file was damaged on its way or on our disk
                return self._is_beyond_help(upload)
            if reply.is_error:
                raise ConsoleUnavailableError(_answer(reply))
            offset += len(chunk)
        # Only the console's own word counts: a file that it holds but has not checked is not done.
        return bool(self._client.head(target).headers.get("Upload-Complete") == "?1")

    def _is_beyond_help(self, upload: Upload) -> bool:
        """Whether the file on this disk is no longer what was announced: sending it again would never end."""
        if file_sha256(upload.path) == upload.sha256:
            log.error("the console found another hash for %s; it is sent again", upload.path.name)
            return False
        self._tell_lost(upload, "is damaged on this disk; it is given up", "file_damaged")
        return True

    def _tell_lost(self, upload: Upload, what: str, code: MissingCode) -> None:
        """The console hears of it, for it waits for the file; a file replaced since this turn began is not lost."""
        if self._outbox.lost(upload, Missing(f"{upload.path.name} {what}", code), self._clock.wall_s()):
            log.error("%s of event %s %s", upload.path.name, upload.event_id, what)


def _offset(reply: httpx.Response) -> int:
    text = reply.headers.get("Upload-Offset", "0")
    if not text.isascii() or not text.isdigit():
        raise ConsoleUnavailableError(f"it told a place {text[:20]!r} to go on at; is a proxy between?")
    return int(text)


def _chunks(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _answer(reply: httpx.Response) -> str:
    if reply.status_code in (401, 403):
        return f"it refuses this node's token ({reply.status_code}); check console.token_file"
    return f"it answered {reply.status_code} to {reply.request.method} {reply.request.url.path}"
