"""What can go wrong between a camera and this box, one code word each, with a sentence that says the cure.

libav names causes badly: a host name that does not resolve, a refused port and a server that speaks no RTSP can all be
"Input/output error", and its messages hold the whole address, password included. Everything that leaves this module is
written here; text from libav passes through `scrub` at most.
"""

import errno
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import av

from edge.adapters.rtsp_probe import NotRtsp, describe

SIGN_IN_REFUSED = "wrong_password"
SIGN_IN_MISSING = "password_missing"
FORBIDDEN = "forbidden"
NO_SUCH_STREAM = "no_such_stream"
TRANSPORT_REFUSED = "transport_refused"
CAMERA_ERROR = "camera_error"
NAME_NOT_RESOLVED = "name_not_resolved"
HOST_UNREACHABLE = "host_unreachable"
CONNECTION_REFUSED = "connection_refused"
CONNECTION_LOST = "connection_lost"
NO_ANSWER = "no_answer"
STALLED = "stalled"
END_OF_STREAM = "end_of_stream"
NOT_RTSP = "not_rtsp"
NOT_TLS = "not_tls"
CERTIFICATE_UNTRUSTED = "certificate_untrusted"
NOT_VIDEO = "not_video"
UNSUPPORTED_CODEC = "unsupported_codec"
DAMAGED_STREAM = "damaged_stream"
RESOLUTION_CHANGED = "resolution_changed"
PICTURE_SIZE_UNKNOWN = "picture_size_unknown"
SIGN_IN_TOO_LONG = "sign_in_too_long"
STOPPED = "stopped"
UNKNOWN = "unknown"

PROBE_S = 3.0
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)

# {place} is host:port, {url} the scrubbed address, {detail} what libav or the system said, scrubbed.
_SENTENCES = {
    SIGN_IN_REFUSED: "{place} refuses the user name or the password: correct `username` and the content of "
    "`password_file`, and look whether the camera has locked the account after too many tries.",
    SIGN_IN_MISSING: "{place} asks for a user name and a password: set `username` and `password_file`.",
    FORBIDDEN: "{place} knows the account but does not let it see this stream: give it the right to view live video.",
    NO_SUCH_STREAM: "{place} has no stream {url}: compare the path with the camera's manual or its own page.",
    TRANSPORT_REFUSED: "{place} refuses the transport: set `transport` to the other one (tcp or udp).",
    CAMERA_ERROR: "{place} answers with an error of its own ({detail}): too many viewers, or it needs a restart.",
    NAME_NOT_RESOLVED: "the name {host} is not known here: correct the spelling, check the DNS server of this box, "
    "or use the camera's IP address.",
    HOST_UNREACHABLE: "there is no way to {host} from this box: check cable, power, VLAN and the box's own address.",
    CONNECTION_REFUSED: "{host} is there but nothing listens on port {port}: check the port, and that RTSP is switched "
    "on in the camera.",
    CONNECTION_LOST: "{place} closed the connection: it restarted, the network broke, or it has too many viewers.",
    NO_ANSWER: "{place} does not answer in time: check address, power, cable and firewall.",
    STALLED: "{place} is connected but sends no more video: the camera hangs or the network is overloaded; "
    "the box reconnects by itself.",
    END_OF_STREAM: "{place} ended the stream: the camera restarted or its settings were changed; "
    "the box reconnects by itself.",
    NOT_RTSP: "what listens at {place} does not speak RTSP ({detail}): check the port (usually 554).",
    NOT_TLS: "what listens at {place} does not speak TLS: write rtsp:// instead of rtsps://, or correct the port "
    "(usually 322).",
    CERTIFICATE_UNTRUSTED: "the certificate of {place} is not trusted ({detail}): set `ca_file` to the authority that "
    "signed it, and check the name in it and the date of this box.",
    NOT_VIDEO: "{url} carries no video: choose a video stream of the camera.",
    UNSUPPORTED_CODEC: "{url} is coded as {detail}: set the camera to H.264 or H.265.",
    DAMAGED_STREAM: "the stream of {place} is damaged ({detail}): check the network, or set `transport: tcp`.",
    RESOLUTION_CHANGED: "{place} changed its picture format ({detail}); the box reconnects at once.",
    PICTURE_SIZE_UNKNOWN: "{place} did not send a key frame in time, so the picture size is unknown: set the camera's "
    "key frame interval (GOP) to 2 seconds or less.",
    SIGN_IN_TOO_LONG: "user name and password of {place} are too long together (libav takes 127 bytes after "
    "percent-encoding): give the camera a shorter password.",
    STOPPED: "stopped on request.",
    UNKNOWN: "{place} failed for a reason without a name here: {detail}.",
}


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Why a stream is not there. `code` is stable, for machines; `sentence` is English, for people, without secrets."""

    code: str
    sentence: str


class StreamError(Exception):
    """A connection ended; `fault` says why."""

    def __init__(self, fault: StreamFault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


def stream_fault(code: str, url: str, detail: str = "") -> StreamFault:
    """The fault `code` of the stream at `url` (secrets in it or in `detail` are removed)."""
    parts = urlsplit(url)
    host = parts.hostname or scrub(url)
    port = _port(url)
    sentence = _SENTENCES[code].format(
        place=f"{host}:{port}", host=host, port=port, url=scrub(url), detail=scrub(detail)
    )
    return StreamFault(code, sentence)


def scrub(text: str) -> str:
    """`text` with user and password removed from every address in it, and key=value secrets blanked."""
    text = re.sub(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s'\"]*@", r"\1", text)
    # Some cameras take the sign-in in the path: /user=admin_password=12345_channel=1_stream=0.sdp
    value = r"[^&\s'\"]+?(?=_[a-z]+=|[&\s'\"]|$)"
    return re.sub(rf"(?i)(password|passwd|pass|pwd|token|secret)={value}", r"\1=***", text)


def fault_while_opening(
    error: BaseException, url: str, username: str | None, password: str | None, ca_file: Path | None = None
) -> StreamFault:
    """Names the cause of a failed `av.open`. Where libav was vague, asks the camera itself once more (PROBE_S)."""
    code, detail = _code_by_type(error, signed_in=username is not None), _said(error)
    if code in (None, NO_ANSWER, CONNECTION_LOST, TRANSPORT_REFUSED, CAMERA_ERROR) and url.startswith("rtsp"):
        asked, told = _asked(url, username, password, ca_file)
        code, detail = asked or code, told or detail
    if code is None:
        code = DAMAGED_STREAM if isinstance(error, av.error.InvalidDataError) else UNKNOWN
    return stream_fault(code, url, detail)


def fault_while_reading(error: BaseException, url: str) -> StreamFault:
    """Names the cause of the end of a stream that had been open."""
    if isinstance(error, av.error.ExitError | TimeoutError):
        return stream_fault(STALLED, url)
    if isinstance(error, EOFError | StopIteration):
        return stream_fault(END_OF_STREAM, url)
    if isinstance(error, av.error.InvalidDataError):
        return stream_fault(DAMAGED_STREAM, url, _said(error))
    code = _code_by_type(error, signed_in=True) or CONNECTION_LOST
    return stream_fault(CONNECTION_LOST if code == NO_ANSWER else code, url, _said(error))


def _code_by_type(error: BaseException, *, signed_in: bool) -> str | None:
    table: tuple[tuple[type[BaseException], str], ...] = (
        (av.error.HTTPUnauthorizedError, SIGN_IN_REFUSED if signed_in else SIGN_IN_MISSING),
        (av.error.HTTPForbiddenError, FORBIDDEN),
        (av.error.HTTPNotFoundError, NO_SUCH_STREAM),
        (av.error.HTTPBadRequestError, CAMERA_ERROR),
        (av.error.HTTPOtherClientError, TRANSPORT_REFUSED),
        (av.error.HTTPServerError, CAMERA_ERROR),
        (ConnectionRefusedError, CONNECTION_REFUSED),
        (ConnectionError, CONNECTION_LOST),
        (av.error.ExitError, NO_ANSWER),
        (TimeoutError, NO_ANSWER),
        (av.error.DecoderNotFoundError, UNSUPPORTED_CODEC),
        (av.error.ProtocolNotFoundError, NOT_RTSP),
    )
    for kind, code in table:
        if isinstance(error, kind):
            return code
    number = getattr(error, "errno", None)
    if number in _UNREACHABLE:
        return HOST_UNREACHABLE
    return None


def _asked(url: str, username: str | None, password: str | None, ca_file: Path | None) -> tuple[str | None, str]:
    """Code word and detail by the camera's own answer; None where it sees nothing wrong."""
    try:
        answer = describe(url, username, password, PROBE_S, ca_file)
    except (OSError, ValueError, NotRtsp) as error:
        untrusted = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
        return _code_of_probe(error), str(error) if isinstance(error, NotRtsp) else untrusted
    if answer.status != 200:
        refused = SIGN_IN_MISSING if username is None else SIGN_IN_REFUSED
        by_status = {401: refused, 403: FORBIDDEN, 404: NO_SUCH_STREAM, 461: TRANSPORT_REFUSED}
        return by_status.get(answer.status, CAMERA_ERROR), f"{answer.status} {answer.reason}"
    if "video" not in answer.media:
        return NOT_VIDEO, ""
    if answer.codecs and not {"H264", "H265"} & set(answer.codecs):
        return UNSUPPORTED_CODEC, " and ".join(answer.codecs)
    return None, ""


def _code_of_probe(error: Exception) -> str | None:
    table: tuple[tuple[type[Exception], str], ...] = (
        (socket.gaierror, NAME_NOT_RESOLVED),
        (NotRtsp, NOT_RTSP),
        (ssl.SSLCertVerificationError, CERTIFICATE_UNTRUSTED),
        (ssl.SSLError, NOT_TLS),
        (TimeoutError, NO_ANSWER),
        (ConnectionRefusedError, CONNECTION_REFUSED),
        (ConnectionError, CONNECTION_LOST),
    )
    code = next((code for kind, code in table if isinstance(error, kind)), None)
    return HOST_UNREACHABLE if code is None and getattr(error, "errno", None) in _UNREACHABLE else code


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return port or {"rtsps": 322, "http": 80, "https": 443}.get(parts.scheme, 554)


def _said(error: BaseException) -> str:
    """libav's words without the file name (which is the address with the password in it)."""
    said = getattr(error, "strerror", None) or type(error).__name__
    return scrub(str(said)).lower()
