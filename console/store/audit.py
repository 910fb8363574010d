"""Who looked at, fetched or changed what, and when."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, insert, or_, select

from console.domain.access import Reach
from console.store.tables import audit_entry, event, site, user_account

VIEW_S = 3600.0
RIGHTS = "rights"  # its detail is "role: places"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. `subject`: for example an event id; `detail`: for example a file's name and SHA-256.

    token: the name of the token with which a program did it in the person's name, else empty.
    """

    at_s: float
    user: str
    action: str
    subject: str
    detail: str
    token: str


@dataclass(frozen=True, slots=True)
class Entry(AuditEntry):
    """An act with its number, for lists that are read in pieces."""

    id: int


@dataclass(frozen=True, slots=True)
class About:
    """What an act was done to: the account of a person, or a site."""

    user_id: int | None = None
    site_id: int | None = None


@dataclass(frozen=True, slots=True)
class By:
    """Who did something: a person, or a program in their name with the token of that name."""

    user_id: int
    token: str = ""


def write(connection: Connection, by: By, action: str, subject: str, detail: str, at_s: float) -> None:
    """Notes that somebody did something; where `subject` is an alert's id, for those who may know of that alert."""
    site_id = select(event.c.site_id).where(event.c.event_id == subject).scalar_subquery()
    values = {"at_s": at_s, **asdict(by), "action": action, "subject": subject, "detail": detail[:300]}
    connection.execute(insert(audit_entry).values(site_id=site_id, **values))


def write_about(
    connection: Connection,
    by: By,
    action: str,
    subject: str,
    detail: str,
    at_s: float,
    about: About,
) -> None:
    """Notes what somebody did to an account or a site, for those who may know of it. subject: its name."""
    values = {"at_s": at_s, **asdict(by), "action": action, "subject": subject[:200], "detail": detail[:300]}
    connection.execute(insert(audit_entry).values(about_id=about.user_id, site_id=about.site_id, **values))


def listing(
    connection: Connection, reach: Reach, people: Collection[int], before_id: int | None, limit: int
) -> Sequence[Entry]:
    """What was done, newest first: at sites of `reach`, and to accounts of `people`; everything for who is everywhere.

    before_id: the number of the last entry that is known already.
    """
    query = select(audit_entry, user_account.c.name).join(user_account, user_account.c.id == audit_entry.c.user_id)
    if not reach.everywhere:
        query = query.where(_known(reach, people))
    if before_id is not None:
        query = query.where(audit_entry.c.id < before_id)
    found = connection.execute(query.order_by(audit_entry.c.id.desc()).limit(limit))
    return [Entry(r.at_s, r.name, r.action, r.subject, _told(r.action, r.detail, reach), r.token, r.id) for r in found]


def _told(action: str, detail: str, reach: Reach) -> str:
    """The detail, without names of places that whoever reads may not know."""
    return detail if reach.everywhere or action != RIGHTS else detail.partition(":")[0]


def _known(reach: Reach, people: Collection[int]) -> ColumnElement[bool]:
    at_sites = audit_entry.c.site_id.in_(sorted(reach.sites))
    return or_(at_sites, audit_entry.c.about_id.in_(sorted(people)))


def write_view(connection: Connection, by: By, subject: str, detail: str, at_s: float) -> None:
    """Notes that somebody looked; a page that refreshes itself and a player that seeks are one look an hour."""
    if not _is_noted(connection, by, "view", subject, at_s, audit_entry.c.detail == detail[:300]):
        write(connection, by, "view", subject, detail, at_s)


def write_look(connection: Connection, by: By, action: str, site_id: int, at_s: float) -> None:
    """Notes that somebody looked at a site; a page that refreshes itself is one look an hour."""
    name = connection.execute(select(site.c.name).where(site.c.id == site_id)).scalar() or ""
    if not _is_noted(connection, by, action, name, at_s, audit_entry.c.site_id == site_id):
        write_about(connection, by, action, name, "", at_s, About(site_id=site_id))


def _is_noted(
    connection: Connection, by: By, action: str, subject: str, at_s: float, which: ColumnElement[bool]
) -> bool:
    """Whether the same look was noted within `VIEW_S`."""
    mine = (audit_entry.c.user_id == by.user_id) & (audit_entry.c.token == by.token)
    same = (audit_entry.c.subject == subject) & (audit_entry.c.action == action) & which
    recent = audit_entry.c.at_s > at_s - VIEW_S
    return connection.execute(select(audit_entry.c.id).where(mine, same, recent).limit(1)).first() is not None


def digests_handed_out(connection: Connection, subject: str, name: str) -> Sequence[tuple[AuditEntry, str]]:
    """Every download of a file that changes with time, newest first, each with the SHA-256 of what was handed out."""
    found = [one for one in of_subject(connection, subject) if one.action == "download"]
    return [(one, one.detail.removeprefix(name + " ")) for one in found if one.detail.startswith(name + " ")]


def of_subject(connection: Connection, subject: str) -> Sequence[AuditEntry]:
    """What happened around `subject`, newest first: all of it, because a list of custody with gaps proves nothing."""
    query = (
        select(audit_entry, user_account.c.name)
        .join(user_account, user_account.c.id == audit_entry.c.user_id)
        .where(audit_entry.c.subject == subject)
        .order_by(audit_entry.c.id.desc())
    )
    return [AuditEntry(r.at_s, r.name, r.action, r.subject, r.detail, r.token) for r in connection.execute(query)]
