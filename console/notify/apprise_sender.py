"""One try through apprise: e-mail, SMS gateways, Telegram, Zalo, webhooks."""

import logging
import re
import threading

import apprise

from console.domain.channel import without_secrets

_CONNECT_S, _READ_S = 8.0, 10.0


_CAUSE = re.compile(r"\[Errno -?\d+\] [\w -]+|\(\d{3}, .*\)|[^:(]*timed out")


class TryFailedError(Exception):
    """What the other side said, or why it could not be asked; without secrets."""


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
            raise TryFailedError(without_secrets(f"{type(error).__name__}: {error}", address)) from None
        if not sent:
            raise TryFailedError(without_secrets(_cause(lines), address))

    def is_known(self, address: str) -> bool:
        """Whether apprise understands an address."""
        self._heard.listen()
        return apprise.Apprise.instantiate(address, asset=self._asset) is not None

    def _service(self, address: str) -> apprise.NotifyBase:
        service = apprise.Apprise.instantiate(address, asset=self._asset)
        if not isinstance(service, apprise.NotifyBase):
            raise TryFailedError("the address can't be understood")
        return service


def _cause(lines: list[str]) -> str:
    """Apprise's own sentence, and of the library below it only the words that say why."""
    said = [line for line in lines if "Exception" not in line][-1:]
    found = _CAUSE.search(" ".join(line for line in lines if "Exception" in line))
    return " ".join([*([found[0].strip()] if found else []), *said])
