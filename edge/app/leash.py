"""`python -m edge.app.leash WORDS`: a `gatehouse` command that ends when the process that started it is gone.

Its standard input is a pipe whose other end only that process holds, so the system closes it however the process ends,
`kill -9` too. The end of the pipe comes as a SIGTERM from the kernel: nothing has to wait for it, it still comes when
the command has become another program (mosquitto), and threads of the starter may end as they like.
"""

import fcntl
import os
import select
import signal
import sys

import gatehouse


def end_with(pipe: int) -> None:
    """SIGTERM for this process once the other end of `pipe`, a file descriptor, is closed; now where it already is."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGTERM)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([pipe], [], [], 0)[0]:  # closed before anybody listened
        signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    end_with(sys.stdin.fileno())
    gatehouse.main()
