"""Ports for the servers that tests start."""

import random
import socket


def free_port() -> int:
    """A TCP port of this machine on which nobody listens.

    It lies below those that Linux gives to outgoing connections: one of them could take a port from there between
    this look and the server's start. Two test runs side by side draw different ones.
    """
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
