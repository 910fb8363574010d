"""The connection to SQLite or PostgreSQL, and what a transaction is."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from console.store import narrowing

MOST_PORT = 65535


class DatabaseAddressError(ValueError):
    """A database URL that can't be used; the text says what it should look like."""


class Database:
    """Hands out transactions. One for the whole process; threads may share it."""

    def __init__(self, engine: Engine, patience_s: float = 10.0) -> None:
        """patience_s: how long a writer waits for others before it gets OperationalError."""
        self.engine, self._patience_s = engine, patience_s

    def with_patience(self, patience_s: float) -> "Database":
        """The same database for writers who wait longer or shorter."""
        return Database(self.engine, patience_s)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may change rows: committed at the end, undone by any exception."""
        # Taking the write lock at once: a lock taken in the middle fails instead of waiting.
        patience_ms = int(self._patience_s * 1000)
        begin = (f"PRAGMA busy_timeout={patience_ms}", "BEGIN IMMEDIATE")
        with self._transaction(begin) as connection:
            if self.engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience_ms}")
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._transaction(("BEGIN",)) as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin_sqlite: tuple[str, ...]) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            if self.engine.dialect.name == "sqlite":
                for statement in begin_sqlite:
                    connection.exec_driver_sql(statement)
            yield connection

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


def parse_address(url: str) -> URL:
    """`url` as an address, for example `sqlite:///folder/console.db` or `postgresql://user@host/name`.

    Raises DatabaseAddressError for a URL of another kind.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise DatabaseAddressError(
            "the database URL can't be read; write sqlite:///FILE or postgresql://..."
        ) from error
    backend = address.get_backend_name()
    if backend == "postgresql":
        if not 0 < (5432 if address.port is None else address.port) <= MOST_PORT:
            raise DatabaseAddressError(f"the port {address.port} can't be; write postgresql://user@host:5432/name")
        return address
    if backend != "sqlite" or not address.database or address.database == ":memory:":
        raise DatabaseAddressError(f"{backend} is no database of Gatehouse; write sqlite:///FILE or postgresql://...")
    return address


def open_database(url: str) -> Database:
    """A database for `url`. Connects lazily. Raises DatabaseAddressError, OSError where a file has no folder."""
    address = parse_address(url)
    if address.get_backend_name() == "postgresql":
        engine = create_engine(address.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=10)
        event.listen(engine, "connect", _set_up_postgresql)
        narrowing.install(engine)
        return Database(engine)
    Path(address.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        address, connect_args={"timeout": 10.0}, pool_size=10, max_overflow=50
    )  # a crowd of writers leaves room to read
    event.listen(engine, "connect", _set_up_sqlite)
    narrowing.install(engine)
    return Database(engine)


def lock(connection: Connection, number: int) -> None:
    """Waits until no other transaction holds the lock of this number; holds it to the end of this one."""
    lock_all(connection, (number,))


def lock_all(connection: Connection, numbers: Collection[int]) -> None:
    """As `lock`, of each of these in the order of their numbers, so that nobody waits for who waits for them."""
    if numbers and connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        each = text("SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number")
        connection.execute(each, {"numbers": sorted(numbers)})


def _set_up_postgresql(connection: Any, _record: Any) -> None:
    """A statement that comes again and again is planned each time for what it asks.

    After ten times PostgreSQL would keep one plan for whatever is asked: by that one the statistics of a district of
    fifty schools took five times as long.
    """
    connection.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself; Database does
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # what is acknowledged to a node must survive a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()
