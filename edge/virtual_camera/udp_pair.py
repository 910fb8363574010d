"""The two UDP sockets of one RTP stream: packets on an even port, reports on the next."""

import asyncio
import socket

_ATTEMPTS = 50


class UdpPair:
    """Sends to one client's two ports."""

    def __init__(
        self, transports: tuple[asyncio.DatagramTransport, asyncio.DatagramTransport], host: str, pair: tuple[int, int]
    ) -> None:
        """host, pair: where the client listens."""
        self._transports, self._host, self._pair = transports, host, pair

    @classmethod
    async def open(cls, here: str, there: str, pair: tuple[int, int]) -> "UdpPair":
        """here, there: addresses of server and client. pair: the client's ports. Raises OSError."""
        loop = asyncio.get_running_loop()
        transports = []
        for one in _bound_pair(here):
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=one)
            transports.append(transport)
        return cls((transports[0], transports[1]), there, pair)

    @property
    def ports(self) -> tuple[int, int]:
        """The server's own."""
        rtp, rtcp = (transport.get_extra_info("sockname")[1] for transport in self._transports)
        return rtp, rtcp

    def send(self, packet: bytes, rtcp: bool) -> bool:
        """Always finds room: UDP loses what there is none for."""
        self._transports[rtcp].sendto(packet, (self._host, self._pair[rtcp]))
        return True

    def close(self) -> None:
        """Gives the ports back."""
        for transport in self._transports:
            transport.close()


def _bound_pair(host: str) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_ATTEMPTS):
        first, second = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        try:
            first.bind((host, 0))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind((host, port + 1))
                return first, second
        except (OSError, OverflowError):
            pass
        first.close()
        second.close()
    raise OSError(f"no two neighbouring UDP ports are free on {host}")
