"""What a request may not see, no query of it finds: rows of other sites and cameras are not there for it.

Every SELECT of every connection passes here. Whoever writes a query need not know of rights, and can't forget them:
within `seeing(reach)` the tables of places hold the rows of that reach alone. Outside of it, in the threads that take
in what boxes say and in commands, all rows are there. Changes (UPDATE, DELETE) are not narrowed: the guard of the
routes has looked up their place before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, Select, Table, and_, event, exists, false, or_, select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import Alias, CompoundSelect, Subquery

from console.domain.access import EVERYWHERE, Reach
from console.store import tables

_reach: ContextVar[Reach] = ContextVar("reach", default=EVERYWHERE)
PLACES = ("site_id", "node_id", "event_id")  # a table with one of these columns belongs to places
# These name places and are no data of them: who has rights where, and what was done, which has a rule of its own.
_NOT_OF_PLACES = {"site_grant", "camera_grant", "link_site", "api_token", "audit_entry"}
# Mere counts of messages, read for each box that was found by itself: a thousand queries on a province's wall.
_NOT_OF_PLACES |= {"outbox", "outbox_gap"}


@contextmanager
def seeing(reach: Reach) -> Iterator[None]:
    """Within it, in this task or thread and those that it starts, queries find only what is within `reach`."""
    before = _reach.set(reach)
    try:
        yield
    finally:
        _reach.reset(before)


def install(engine: Engine) -> None:
    """Makes every SELECT of an engine pass here."""
    event.listen(engine, "before_execute", _narrowed, retval=True)


def is_narrowed(table: Table) -> bool:
    """Whether rows of a table are left out where they are of other places."""
    named = table.name == "site" or any(name in table.c for name in PLACES)
    return named and table.name not in _NOT_OF_PLACES


def _narrowed(_connection: Any, statement: Any, many: Any, params: Any, _options: Any) -> tuple[Any, Any, Any]:
    reach = _reach.get()
    if not reach.everywhere and isinstance(statement, Select | CompoundSelect):
        statement = _within(statement, reach)
    return statement, many, params


def _within(statement: Any, reach: Reach) -> Any:
    """The statement with each table, also under another name, in place of which stand its rows of that reach."""

    def of(source: Any) -> Subquery | None:
        table = source.element if isinstance(source, Alias) else source
        narrowed = isinstance(table, Table) and is_narrowed(table)
        return _subquery(table, source.name, reach) if narrowed else None

    def replace(element: Any, **_more: Any) -> Any:
        if isinstance(element, Table | Alias):
            return of(element)
        source = of(element.table) if isinstance(element, Column) and element.table is not None else None
        return None if source is None else source.c[element.key]

    return visitors.replacement_traverse(statement, {}, replace)


@lru_cache(maxsize=512)
def _subquery(table: Table, name: str, reach: Reach) -> Subquery:
    return select(table).where(_rows(table, reach)).subquery(name)


def _rows(table: Table, reach: Reach) -> ColumnElement[bool]:
    """Which rows of a table are of places within `reach`."""
    c, node, site_event = table.c, tables.node, tables.event
    cameras = sorted(reach.cameras)
    if table in (tables.site, tables.instruction):  # whoever watches one camera must know what to do there
        of_cameras = select(node.c.site_id).where(node.c.id.in_({node_id for node_id, _ in cameras}))
        site_id = c.id if table is tables.site else c.site_id
        return or_(site_id.in_(sorted(reach.sites)), site_id.in_(of_cameras))
    if table is node:
        return or_(c.site_id.in_(sorted(reach.sites)), c.id.in_({node_id for node_id, _ in cameras}))
    if "node_id" in c and (table is tables.camera or "camera" in c):
        name = c.name if table is tables.camera else c.camera
        return or_(_of_sites(table, reach), *(and_(c.node_id == box, name == camera) for box, camera in cameras))
    if "event_id" in c:
        # Asked of each row: a list of all events of fifty schools took longer than what it was for.
        of_events = exists().where(site_event.c.event_id == c.event_id, _rows(site_event, reach))
        return or_(_of_sites(table, reach), of_events) if "site_id" in c else of_events
    if "node_id" in c or "site_id" in c:
        return _of_sites(table, reach)
    return false()


def _of_sites(table: Table, reach: Reach) -> ColumnElement[bool]:
    if "site_id" in table.c:
        return table.c.site_id.in_(sorted(reach.sites))
    of_sites = select(tables.node.c.id).where(tables.node.c.site_id.in_(sorted(reach.sites)))
    return table.c.node_id.in_(of_sites)
