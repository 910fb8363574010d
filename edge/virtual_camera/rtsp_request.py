"""Requests and answers of RTSP 1.0 (RFC 2326) as text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

MAX_REQUEST_BYTES = 16_384
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    413: "Request Entity Too Large",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "RTSP Version Not Supported",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One RTSP request. Names of headers are in lower case."""

    method: str
    url: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """Path of the stream, without the track."""
        return re.sub(r"/?trackID=\d+$", "", unquote(urlsplit(self.url).path)).strip("/")

    @property
    def body_bytes(self) -> int:
        """How much follows the head. Raises BadRequestError."""
        text = self.headers.get("content-length", "0")
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            raise BadRequestError(400)
        if int(text) > MAX_REQUEST_BYTES:
            raise BadRequestError(413)
        return int(text)


class BadRequestError(Exception):
    """Bytes that are no RTSP request that can be answered; `status` is what to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(REASONS[status])
        self.status = status


def parse_request(text: str) -> Request:
    """A request from its head. Raises BadRequestError."""
    first, *rest = text.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not re.fullmatch(r"[A-Za-z_]{1,32}", parts[0]) or not parts[2].startswith("RTSP/"):
        raise BadRequestError(400)
    if not parts[1].isprintable():  # it comes back in an answer's header, which it must not end
        raise BadRequestError(400)
    if not re.fullmatch(r"RTSP/1\.\d", parts[2], re.ASCII):
        raise BadRequestError(505)
    headers = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    try:
        urlsplit(parts[1])
    except ValueError as error:
        raise BadRequestError(400) from error
    return Request(parts[0], parts[1], headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """One RTSP answer. A header may stand more than once."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: str = ""

    def encoded(self, cseq: str) -> bytes:
        """As it goes over the wire. cseq: of the request."""
        body = self.body.encode()
        lines = [f"RTSP/1.0 {self.status} {REASONS[self.status]}", f"CSeq: {cseq}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@dataclass(frozen=True, slots=True)
class Transport:
    """How a client wants its packets: on two channels of the RTSP connection, or on two UDP ports."""

    interleaved: bool
    pair: tuple[int, int]


def parse_transport(text: str) -> Transport | None:
    """The first offer of a Transport header that can be met; None where there is none."""
    for offer in text.split(","):
        words = offer.strip().split(";")
        channels = re.search(r"interleaved=(\d{1,3})-(\d{1,3})(?!\d)", offer, re.ASCII)
        ports = re.search(r"client_port=(\d{1,5})-(\d{1,5})(?!\d)", offer, re.ASCII)
        if words[0] == "RTP/AVP/TCP":
            pair = (int(channels[1]), int(channels[2])) if channels else (0, 1)
            if max(pair) < 256:
                return Transport(True, pair)
        elif words[0] in ("RTP/AVP", "RTP/AVP/UDP") and "multicast" not in words and ports:
            pair = int(ports[1]), int(ports[2])
            if min(pair) > 0 and max(pair) < 65_536:
                return Transport(False, pair)
    return None
