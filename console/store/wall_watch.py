"""Which walls are open in browsers, and what is wrong with the watch itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.access import Action, Place, Role, may, rights_of
from console.domain.wall_watch import CHANNEL_FAILURES, GONE_S, FaultKind, OpenWall
from console.store import changes, escalations, grants, site_setup
from console.store.database import lock
from console.store.escalation_tables import channel, wall_page, watch_fault
from console.store.tables import site, user_account

_LOCK = 7_203_121
_KEPT_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One that goes on. subject: the schools that nobody watches, or the way that fails; known_by: who has seen it."""

    id: int
    site_id: int
    site: str
    kind: FaultKind
    subject: str
    since_at_s: float
    known_by: str | None

    @property
    def rings(self) -> bool:
        """Whether nobody knows of it yet."""
        return self.known_by is None


@dataclass(frozen=True, slots=True)
class Found:
    """One that is there now. channel_id: of the way that fails."""

    site_id: int
    kind: FaultKind
    subject: str
    channel_id: int | None = None


def report(connection: Connection, page: str, user_id: int, now_s: float, *, heard: bool) -> None:
    """A wall says that it is open, and whether its sound may ring."""
    values = {"user_id": user_id, "seen_at_s": now_s, "heard": heard}
    if not connection.execute(update(wall_page).where(wall_page.c.page == page).values(**values)).rowcount:
        connection.execute(delete(wall_page).where(wall_page.c.seen_at_s < now_s - _KEPT_S))
        connection.execute(insert(wall_page).values(page=page, **values))


def walls_of_sites(connection: Connection, site_ids: Collection[int], now_s: float) -> Mapping[int, list[OpenWall]]:
    """Of each site the walls on which its alerts stand before somebody who may handle them."""
    query = (
        select(wall_page, user_account.c.role)
        .join(user_account, user_account.c.id == wall_page.c.user_id)
        .where(user_account.c.disabled_at_s.is_(None), wall_page.c.seen_at_s > now_s - GONE_S)
    )
    found: dict[int, list[OpenWall]] = {one: [] for one in site_ids}
    rights = {}
    for row in connection.execute(query).all():
        if row.user_id not in rights:
            reach = grants.reach(connection, grants.of_user(connection, row.user_id))
            rights[row.user_id] = rights_of(Role(row.role), reach)
        for site_id in site_ids:
            if may(rights[row.user_id], Action.HANDLE_ALERTS, Place(site_id)):
                found[site_id].append(OpenWall(row.seen_at_s, row.heard))
    return found


def ringing_sites(connection: Connection) -> Mapping[int, str]:
    """Sites at which something can ring, with their names."""
    return {one.id: one.name for one in site_setup.listing(connection)}


def failing_channels(connection: Connection) -> Sequence[Found]:
    """Ways whose last tries all failed."""
    query = select(channel).where(channel.c.failures >= CHANNEL_FAILURES)
    return [Found(row.site_id, FaultKind.CHANNEL_FAILED, row.name[:80], row.id) for row in connection.execute(query)]


def settle(connection: Connection, there: Sequence[Found], now_s: float) -> None:
    """Begins what has come, each an alarm of its own, and ends what is over."""
    lock(connection, _LOCK)  # two consoles find the same
    rows = {_key(row): row for row in connection.execute(select(watch_fault).where(watch_fault.c.ended_at_s.is_(None)))}
    now = {_key(one): one for one in there}
    changed: set[int] = set()
    for key, row in rows.items():
        mine = watch_fault.c.id == row.id
        if key not in now:
            connection.execute(update(watch_fault).where(mine).values(ended_at_s=now_s))
            changed.add(row.site_id)
            escalations.stop_fault(connection, row.id, now_s)
        elif now[key].subject != row.subject:
            connection.execute(update(watch_fault).where(mine).values(subject=now[key].subject))
            changed.add(row.site_id)
            if set(now[key].subject.split(", ")) - set(row.subject.split(", ")):  # another school, too
                connection.execute(update(watch_fault).where(mine).values(known_by=None))
                escalations.renew_fault(connection, row.id, now_s)
    for key, one in now.items():
        if key not in rows:
            values = {"site_id": one.site_id, "kind": one.kind, "subject": one.subject, "channel_id": one.channel_id}
            result = connection.execute(insert(watch_fault).values(since_at_s=now_s, **values))
            fault_id = int((result.inserted_primary_key or (0,))[0])
            escalations.begin_fault(connection, one.site_id, fault_id, now_s)
            changed.add(one.site_id)
    for site_id in sorted(changed):
        changes.append(connection, "watch", str(site_id), "settled", now_s)


def faults(connection: Connection) -> Sequence[Fault]:
    """All that go on, the newest first."""
    query = (
        select(watch_fault, site.c.name.label("site_name"))
        .join(site, site.c.id == watch_fault.c.site_id)
        .where(watch_fault.c.ended_at_s.is_(None))
        .order_by(watch_fault.c.id.desc())
    )
    return [
        Fault(r.id, r.site_id, r.site_name, FaultKind(r.kind), r.subject, r.since_at_s, r.known_by)
        for r in connection.execute(query)
    ]


def acknowledge(connection: Connection, site_id: int, fault_id: int, by: str, now_s: float) -> bool:
    """Somebody knows of what goes on at a site: it rings nobody any more, and stands there until it is over.

    Of that one alone: another may have come that they have not seen. False where it is over, or known already.
    """
    mine = (watch_fault.c.id == fault_id) & (watch_fault.c.site_id == site_id)
    going_on = watch_fault.c.ended_at_s.is_(None) & watch_fault.c.known_by.is_(None)
    if not connection.execute(update(watch_fault).where(mine & going_on).values(known_by=by)).rowcount:
        return False
    escalations.stop_fault(connection, fault_id, now_s)
    changes.append(connection, "watch", str(site_id), "known", now_s)
    return True


def _key(one: Any) -> tuple[int, str, int | None]:
    return one.site_id, str(one.kind), one.channel_id
