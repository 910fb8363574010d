"""The change feed: what changed, in order, for live pages. Its ids only grow, also across processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select

from console.store.database import lock
from console.store.tables import change

KEEP = 50_000
_LOCK = 7_203_117  # any number; names the feed among PostgreSQL's advisory locks

Kind = Literal["alert", "node", "camera"]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry. `key`: event id, node name, or "node/camera". `what`: for example "opened"."""

    id: int
    at_s: float
    kind: str
    key: str
    what: str


def append(connection: Connection, kind: Kind, key: str, what: str, at_s: float) -> None:
    """Notes a change. Call it last in a transaction: writers wait for each other from here on."""
    lock(connection, _LOCK)  # numbers are drawn before the commit; else a reader could see 8 before 7 and miss 7
    result = connection.execute(insert(change).values(at_s=at_s, kind=kind, key=key, what=what))
    new_id = int((result.inserted_primary_key or (0,))[0])
    if new_id % 1000 == 0:
        connection.execute(delete(change).where(change.c.id <= new_id - KEEP))


def after(connection: Connection, last_id: int, limit: int = 500) -> Sequence[Change]:
    """Entries after `last_id`, oldest first."""
    query = select(change).where(change.c.id > last_id).order_by(change.c.id).limit(limit)
    return [Change(**row) for row in connection.execute(query).mappings()]


def newest_id(connection: Connection) -> int:
    """Id of the newest entry, 0 when there is none."""
    return int(connection.execute(select(func.coalesce(func.max(change.c.id), 0))).scalar_one())
