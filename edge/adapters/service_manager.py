"""What a service tells systemd: datagrams on the socket that it names (sd_notify(3)). Nobody asked: nothing is told."""

import socket

LONGEST_STATUS = 200


class ServiceManager:
    """Whoever started this process as a service. A manager that is not there any more is no fault of the node."""

    def __init__(self, address: str | None) -> None:
        """address: as in NOTIFY_SOCKET, a path or `@name` in the abstract namespace; None where nobody asks."""
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)  # a full queue costs one word, never the node
        self._ready = False

    def alive(self) -> None:
        """Feeds the watchdog; the first time it also says that the service is up."""
        self._tell("WATCHDOG=1" if self._ready else "READY=1\nWATCHDOG=1")
        self._ready = True

    def status(self, text: str) -> None:
        """One line for people, shown by `systemctl status`."""
        self._tell("STATUS=" + text.replace("\n", " ")[:LONGEST_STATUS])

    def stopping(self) -> None:
        """The service ends in good order, or at once."""
        self._tell("STOPPING=1")

    def _tell(self, words: str) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            self._socket.sendto(words.encode(), self._address)
        except OSError:
            return
