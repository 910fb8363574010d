"""Asks an RTSP server once, on a plain socket, what it thinks of an address: for naming the cause of a failure.

libav turns many of the server's answers into "Invalid data found". This asks DESCRIBE (RFC 2326, 10.2) and reads the
status line and the session description (SDP, RFC 8866) itself, signing in with Basic or Digest-MD5 (RFC 2617) if asked.
"""

import base64
import hashlib
import re
import secrets
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge.adapters.system_clock import SystemClock

_MOST_BYTES = 65_536
_HEADER = re.compile(rb"(?im)^([A-Za-z-]+):[ \t]*(.*?)\r?$")
_STATUS = re.compile(rb"^RTSP/1\.\d (\d{3}) ?(.*?)\r?\n")


_CLOCK = SystemClock()


class NotRtsp(Exception):
    """Something answered, but not in RTSP."""


@dataclass(frozen=True, slots=True)
class Described:
    """The server's answer. status: 200, 401, 404, ... reason: its words. codecs: encodings of its video streams,
    upper case as SDP names them ("H264"); media: all kinds of media it offers ("video", "audio"). Both empty
    unless status is 200.
    """

    status: int
    reason: str
    codecs: tuple[str, ...]
    media: tuple[str, ...]


def describe(
    url: str, username: str | None, password: str | None, timeout_s: float, ca_file: Path | None = None
) -> Described:
    """The answer to DESCRIBE of `url` (without secrets in it).

    timeout_s: for the whole exchange. ca_file: what an rtsps certificate is checked by; None doesn't check it.

    Raises OSError (socket.gaierror, ConnectionRefusedError, TimeoutError, ssl.SSLError among them) and NotRtsp.
    """
    parts = urlsplit(url)
    port = parts.port or (322 if parts.scheme == "rtsps" else 554)
    deadline_s = _CLOCK.monotonic_s() + timeout_s
    with socket.create_connection((parts.hostname or "", port), timeout_s) as plain:
        connection = _tls(plain, parts.hostname or "", ca_file) if parts.scheme == "rtsps" else plain
        answer = _ask(connection, url, 1, None, deadline_s)
        challenge = _challenge(answer)
        if username is not None and challenge:
            sign_in = _authorization(challenge, url, username, password or "")
            answer = _ask(connection, url, 2, sign_in, deadline_s)
    return _read(answer)


def _tls(plain: socket.socket, host: str, ca_file: Path | None) -> socket.socket:
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    if ca_file is None:
        context.check_hostname = False  # cameras sign their own certificates; libav doesn't check them either
        context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except TimeoutError:  # who is there and silent waits for a request in plain text
        raise ssl.SSLError("no answer in TLS") from None


def _ask(connection: socket.socket, url: str, number: int, sign_in: str | None, deadline_s: float) -> bytes:
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp", "User-Agent: Gatehouse"]
    lines += [f"Authorization: {sign_in}"] if sign_in else []
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while len(answer) < _MOST_BYTES:
        head, separator, body = answer.partition(b"\r\n\r\n")
        length = int(_header(head, "content-length") or 0) if separator else 0
        if (separator and len(body) >= length) or (len(answer) >= 5 and not answer.startswith(b"RTSP/")):
            break
        left_s = deadline_s - _CLOCK.monotonic_s()
        if left_s <= 0:  # who drips a byte now and then would otherwise hold up the reader thread for hours
            raise TimeoutError("the answer does not end")
        connection.settimeout(left_s)
        received = connection.recv(4096)
        if not received:
            break
        answer += received
    return answer


def _header(head: bytes, name: str) -> str | None:
    return next((value.decode("latin-1") for key, value in _HEADER.findall(head) if key.decode().lower() == name), None)


def _challenge(answer: bytes) -> str | None:
    """The WWW-Authenticate line of a 401, the Digest one where there are several."""
    status = _STATUS.match(answer)
    if status is None or status[1] != b"401":
        return None
    offered = [value.decode("latin-1") for key, value in _HEADER.findall(answer) if key.lower() == b"www-authenticate"]
    return min(offered, key=lambda line: not line.lower().startswith("digest"), default=None)


def _authorization(challenge: str, url: str, username: str, password: str) -> str:
    if not challenge.lower().startswith("digest"):
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    fields = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
    secret, request = _md5(f"{username}:{realm}:{password}"), _md5(f"DESCRIBE:{url}")
    line = f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{url}"'
    if "auth" in fields.get("qop", "").split(","):
        cnonce = secrets.token_hex(8)
        response = _md5(f"{secret}:{nonce}:00000001:{cnonce}:auth:{request}")
        return f'{line}, qop=auth, nc=00000001, cnonce="{cnonce}", response="{response}"'
    return f'{line}, response="{_md5(f"{secret}:{nonce}:{request}")}"'


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _read(answer: bytes) -> Described:
    status = _STATUS.match(answer)
    if status is None:
        raise NotRtsp("no RTSP status line" if answer else "it closed the connection without a word")
    sdp = answer.partition(b"\r\n\r\n")[2].decode("utf-8", "replace") if status[1] == b"200" else ""
    media = tuple(re.findall(r"(?m)^m=(\w+) ", sdp))
    codecs: list[str] = []
    for section in re.split(r"(?m)^m=", sdp)[1:]:
        if section.startswith("video"):
            named = re.findall(r"(?m)^a=rtpmap:\d+ ([\w-]+)/", section)
            codecs += [name.upper() for name in named] or (["JPEG"] if " 26" in section.splitlines()[0] else [])
    return Described(int(status[1]), status[2].decode("utf-8", "replace"), tuple(codecs), media)
