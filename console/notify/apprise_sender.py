"""One try through apprise: e-mail, SMS gateways, Telegram, Zalo, webhooks."""

import logging
import re
import threading

import apprise

from console.domain.channel import without_secrets

_CONNECT_S, _READ_S = 8.0, 10.0


_CAUSE = re.compile(r"\[Errno -?\d+\] [\w -]+|\(\d{3}, .*\)|[^:(]*timed out")


# Why a try failed, by the words of the libraries below; the first that fits.
_WHY = (
    ("wrong_login", re.compile(r"\b(401|403|535|534)\b|[Uu]nauthori|[Aa]uthentication")),
    ("unresolved", re.compile(r"Errno -[235]\b|getaddrinfo|NameResolution")),
    ("nobody_there", re.compile(r"Errno 111|refused it|[Cc]onnection refused")),
    ("no_way_there", re.compile(r"Errno (101|113)|unreachable")),
    ("not_trusted", re.compile(r"[Cc]ertificate|SSL")),
    ("silent", re.compile(r"timed out")),
)


class TryFailedError(Exception):
    """Why a try came to nothing. code: a word of the group "try_failed"; said: by the other side, without secrets."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(f"{code} {said}".strip())


class _Heard(logging.Handler):
    """Keeps what apprise says of a try, for that try alone: it answers only yes or no."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._said = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        said = getattr(self._said, "lines", None)
        if said is not None and (record.levelno >= logging.WARNING or "Exception" in record.getMessage()):
            said.append(record.getMessage())

    def listen(self) -> list[str]:
        """Begins a try of this thread; returns where its lines will be."""
        self._said.lines = []
        lines: list[str] = self._said.lines
        return lines


class AppriseSender:
    """Sends text to one of apprise's addresses. For many threads at once."""

    def __init__(self) -> None:
        self._heard, logger = _Heard(), logging.getLogger("apprise")
        logger.handlers, logger.propagate = [self._heard], False  # its own words hold addresses
        logger.setLevel(logging.DEBUG)
        self._asset = apprise.AppriseAsset(app_id="Gatehouse", app_desc="Gatehouse", async_mode=False)

    def send(self, address: str, title: str, body: str) -> None:
        """Returns once the other side has taken it. Raises TryFailedError."""
        lines = self._heard.listen()
        service = self._service(address)
        service.socket_connect_timeout, service.socket_read_timeout = _CONNECT_S, _READ_S
        try:
            sent = service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            lines.append(f"{type(error).__name__}: {error}")
            sent = False
        if not sent:
            cause = without_secrets(_cause(lines), address)
            raise TryFailedError(next((code for code, words in _WHY if words.search(cause)), "said_no"), cause)

    def is_known(self, address: str) -> bool:
        """Whether apprise understands an address."""
        self._heard.listen()
        return apprise.Apprise.instantiate(address, asset=self._asset) is not None

    def _service(self, address: str) -> apprise.NotifyBase:
        service = apprise.Apprise.instantiate(address, asset=self._asset)
        if not isinstance(service, apprise.NotifyBase):
            raise TryFailedError("address_unknown")
        return service


def _cause(lines: list[str]) -> str:
    """Apprise's own sentence, and of the library below it only the words that say why."""
    said = [line for line in lines if "Exception" not in line][-1:]
    found = _CAUSE.search(" ".join(line for line in lines if "Exception" in line))
    return " ".join([*([found[0].strip()] if found else []), *said])
