"""The change feed: what changed, in order, for live pages. Its ids only grow, also across processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select

from console.store.database import lock
from console.store.tables import change

KEEP = 50_000
_GATHERING = "changes"  # where a connection keeps those that are not noted yet
_LOCK = 7_203_117  # any number; names the feed among PostgreSQL's advisory locks

Kind = Literal["alert", "node", "camera", "watch"]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry. `key`: event id, node name, "node/camera", or a site's id. `what`: for example "opened"."""

    id: int
    at_s: float
    kind: str
    key: str
    what: str


def append(connection: Connection, kind: Kind, key: str, what: str, at_s: float) -> None:
    """Notes a change. Call it last in a transaction: writers wait for each other from here on. See `gathered`."""
    values = {"at_s": at_s, "kind": kind, "key": key, "what": what}
    gathering = connection.info.get(_GATHERING)
    if gathering is not None:
        gathering.append(values)
        return
    lock(connection, _LOCK)  # numbers are drawn before the commit; else a reader could see 8 before 7 and miss 7
    result = connection.execute(insert(change).values(values))
    _prune(connection, int((result.inserted_primary_key or (0,))[0]), 1)


@contextmanager
def gathered(connection: Connection) -> Iterator[None]:
    """Within it changes are only collected; all are noted at its end, so that a long transaction locks late."""
    found: list[dict[str, Any]] = []
    connection.info[_GATHERING] = found
    try:
        yield
    finally:
        del connection.info[_GATHERING]
    if found:
        lock(connection, _LOCK)
        connection.execute(insert(change), found)
        _prune(connection, newest_id(connection), len(found))


def _prune(connection: Connection, new_id: int, added: int) -> None:
    """Once in a thousand changes the oldest go."""
    if new_id % 1000 < added:
        connection.execute(delete(change).where(change.c.id <= new_id - KEEP))


def after(connection: Connection, last_id: int, limit: int = 500) -> Sequence[Change]:
    """Entries after `last_id`, oldest first."""
    query = select(change).where(change.c.id > last_id).order_by(change.c.id).limit(limit)
    return [Change(**row) for row in connection.execute(query).mappings()]


def newest_id(connection: Connection) -> int:
    """Id of the newest entry, 0 when there is none."""
    return int(connection.execute(select(func.coalesce(func.max(change.c.id), 0))).scalar_one())
