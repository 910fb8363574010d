"""What wall, search and statistics cost with 100,000 alerts of 1,000 sites, in SQLite and in PostgreSQL.

Prints of each page the median and the 95th percentile, as whoever asks waits (ms), and the processor time of the
console (of PostgreSQL without its server's). Rows come from a seed. `--folder` keeps the SQLite file for the next run.

    nice -n 10 .venv/bin/python tests/bench/find_cost.py --times 40
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from fastapi.testclient import TestClient

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import conftest  # noqa: E402
import find_rows  # noqa: E402

from console.app.factory import build  # noqa: E402
from console.app.server import leave_alone_what_stays  # noqa: E402
from console.app.settings import Settings  # noqa: E402
from console.web.access import COOKIE  # noqa: E402

NOW_S = 1_795_000_000.0
SITE = find_rows.DISTRICTS + 2
CAMERA = quote("box-0/c1", safe="")
PAGES = [
    ("whole", "/"),
    ("whole", "/wall"),
    ("district", "/wall"),
    ("school", "/wall"),
    ("whole", "/search"),
    ("whole", "/search?days=400&around=02:14&give=15&rule=loitering&reason=incident&least=10 min"),
    ("whole", "/search?days=400&reason=animal&state=closed&least=30 min"),
    ("whole", "/search?find=truong so 7"),
    ("whole", f"/search?days=30&of={CAMERA}"),
    ("district", "/search?days=30&reason=incident"),
    ("school", "/search?days=30&around=16:30"),
    ("whole", "/statistics"),
    ("whole", "/statistics?of=%2F2"),
    ("whole", f"/statistics?of=%2F{SITE}"),
    ("district", "/statistics"),
    ("school", "/statistics"),
    ("whole", "/statistics.csv?table=places"),
    ("school", "/handover"),
]


def measure(browser: TestClient, path: str, times: int) -> tuple[list[float], list[float]]:
    """Wall and processor milliseconds of each request."""
    waited, worked = [], []
    for _ in range(times):
        begun, cpu = time.perf_counter(), time.process_time()
        answer = browser.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        waited.append(1000 * (time.perf_counter() - begun))
        worked.append(1000 * (time.process_time() - cpu))
    return waited, worked


def run(title: str, database: str, folder: Path, times: int, seed: int, only: str) -> None:
    """All pages on one database."""
    console = build(Settings(folder=folder, database=database), lambda: NOW_S)
    with console.database.write() as connection:
        if connection.exec_driver_sql("SELECT count(*) FROM site").scalar_one() == 0:
            begun = time.perf_counter()
            find_rows.make(connection, seed, NOW_S)
            typer.echo(f"{title}: rows made in {time.perf_counter() - begun:.0f} s")
    if console.database.engine.dialect.name == "postgresql":  # as its autovacuum does; SQLite knows no figures
        with console.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    leave_alone_what_stays()
    typer.echo(f"{title:36}{'p50':>8}{'p95':>8}{'cpu p50':>9}{'kB':>7}")
    for name, path in PAGES:
        if only not in f"{name} {path}":
            continue
        browser = TestClient(console.web, headers={"Accept-Language": "vi"}, cookies={COOKIE: name})
        kilobytes = len(browser.get(path).content) / 1000
        waited, worked = measure(browser, path, times)
        p95 = statistics.quantiles(waited, n=20)[-1]
        row = f"{statistics.median(waited):8.0f}{p95:8.0f}{statistics.median(worked):9.0f}{kilobytes:7.0f}"
        typer.echo(f"{name + ' ' + path:36.90}{row}")
    console.database.close()


def main(
    times: Annotated[int, typer.Option(help="requests of each page")] = 40,
    seed: Annotated[int, typer.Option(help="of the rows")] = 1,
    on: Annotated[str, typer.Option(help="sqlite or postgresql; both where it is empty")] = "",
    folder: Annotated[Path | None, typer.Option(help="keeps the SQLite file here")] = None,
    only: Annotated[str, typer.Option(help="pages that hold this text")] = "",
) -> None:
    """Make the rows where they are not there, and ask for each page."""
    if on in ("", "sqlite"):
        with tempfile.TemporaryDirectory() as temporary:
            run("sqlite", "", folder or Path(temporary), times, seed, only)
    if on in ("", "postgresql"):
        started = conftest.postgres.__wrapped__()
        with tempfile.TemporaryDirectory() as temporary:
            run("postgresql", next(started), Path(temporary), times, seed, only)
        next(started, None)


if __name__ == "__main__":
    typer.run(main)
