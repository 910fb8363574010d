"""How soon browsers on the event stream hear of an event, and what they cost the console.

    nice -n 10 .venv/bin/python tests/bench/stream_cost.py --browsers 200 --rate 1 --seconds 30

Real connections, each of a session of its own; the events come over a real broker. Printed: from a box telling to a
browser hearing (p50, p95, most), how many of those that each had to hear were not heard, and the processor time of the
console for each second. Exits with 1 where one was not heard.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from ingest_rate import Boxes, broker, console, make_boxes  # noqa: E402
from ports import free_port  # noqa: E402
from private_postgres import private_postgres  # noqa: E402

from console.domain.access import Role  # noqa: E402
from console.domain.site_tree import WHOLE_TREE  # noqa: E402
from console.store import sessions, users  # noqa: E402
from console.store.database import Database, open_database  # noqa: E402
from console.web.identity import COOKIE, session_hash  # noqa: E402

SETTLE_S = 5.0


class Browser:
    """One that follows the stream. heard: by event when it heard that it opened; again: how often it must look anew."""

    def __init__(self, token: str) -> None:
        self._token, self.heard, self.again = token, dict[str, float](), 0

    async def follow(self, port: int, connected: asyncio.Semaphore) -> None:
        """Listens until it is cancelled; says when it is connected."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET /api/stream HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {COOKIE}={self._token}\r\n\r\n"
        writer.write(head.encode())
        while line := await reader.readline():
            if line.startswith(b"retry:"):
                connected.release()
            if line.startswith(b"data:"):
                self._hear(json.loads(line.removeprefix(b"data:")))

    def _hear(self, told: dict[str, str]) -> None:
        self.again += told.get("kind") == "again"
        if told.get("what") == "opened":
            self.heard.setdefault(told["key"], time.time())


def sign_in(database: Database, count: int) -> list[str]:
    """Tokens of so many sessions of guards who see everything."""
    tokens = [f"browser-{number}" for number in range(count)]
    with database.write() as connection:
        for token in tokens:
            user = users.add(connection, f"guard-of-{token}", "opens-nothing", Role.GUARD, time.time(), WHOLE_TREE)
            sessions.begin(connection, session_hash(token), user.id, time.time())
    return tokens


def processor_s(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def listen(port: int, pid: int, tokens: list[str], boxes: Boxes, rate: float, seconds: float) -> list[Browser]:
    """All that they heard of `rate` events a second."""
    browsers, connected = [Browser(token) for token in tokens], asyncio.Semaphore(0)
    following = [asyncio.create_task(one.follow(port, connected)) for one in browsers]
    for _ in browsers:
        await asyncio.wait_for(connected.acquire(), 60)
    for what, each_s in (("quiet", 0.0), ("told", rate)):
        begun_s, used_s, number = time.monotonic(), processor_s(pid), 0
        while (passed_s := time.monotonic() - begun_s) < seconds:
            while number < passed_s * each_s:
                boxes.tell(number)
                number += 1
            await asyncio.sleep(0.01)
        share = 100 * (processor_s(pid) - used_s) / (time.monotonic() - begun_s)
        typer.echo(f"{what}: the console used {share:.0f} % of a core")
    await asyncio.sleep(SETTLE_S)
    for one in following:
        one.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return browsers


def main(
    browsers: Annotated[int, typer.Option(help="that listen")] = 200,
    rate: Annotated[float, typer.Option(help="events a second")] = 1.0,
    seconds: Annotated[float, typer.Option(help="without events, and again with them")] = 30.0,
    on: Annotated[str, typer.Option(help="sqlite or postgresql")] = "sqlite",
) -> None:
    """Tell of events while browsers listen."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address: str | None = f"sqlite:///{folder / 'console.sqlite'}"
        if on == "postgresql":
            address = stack.enter_context(private_postgres(safe=True))
        if address is None:
            typer.echo("NOT CHECKED: PostgreSQL is not installed")
            raise typer.Exit(77)
        rows = open_database(address)
        names, tokens = make_boxes(rows, 10), sign_in(rows, browsers)
        rows.close()
        port, web_port = stack.enter_context(broker(folder / "broker")), free_port()
        (served,) = stack.enter_context(console(folder, port, address, 1, web_port))
        boxes = Boxes(port, names, 1)
        found = asyncio.run(listen(web_port, served.pid, tokens, boxes, rate, seconds))
        boxes.close()
    told = boxes.told.at_s
    delays_s = np.array([at_s - told[key] for one in found for key, at_s in one.heard.items()])
    missed = sum(len(told.keys() - one.heard.keys()) for one in found)
    p50, p95 = np.percentile(delays_s, (50, 95))
    typer.echo(
        f"{on}, {browsers} browsers, {len(told)} events: p50 {p50:.2f} s, p95 {p95:.2f} s, most {delays_s.max():.2f} s,"
        f" not heard {missed}, told to look anew {sum(one.again for one in found)}"
    )
    raise typer.Exit(1 if missed else 0)


if __name__ == "__main__":
    typer.run(main)
