"""Who looked at or fetched what, and when."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from console.store.tables import audit_entry, user_account

VIEW_S = 3600.0


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. `subject`: for example an event id; `detail`: for example a file's name and SHA-256."""

    at_s: float
    user: str
    action: str
    subject: str
    detail: str


def write(connection: Connection, user_id: int, action: str, subject: str, detail: str, at_s: float) -> None:
    """Notes that somebody did something."""
    values = {"at_s": at_s, "user_id": user_id, "action": action, "subject": subject, "detail": detail[:300]}
    connection.execute(insert(audit_entry).values(**values))


def write_view(connection: Connection, user_id: int, subject: str, detail: str, at_s: float) -> None:
    """Notes that somebody looked; a page that refreshes itself and a player that seeks are one look an hour."""
    same = (audit_entry.c.user_id == user_id) & (audit_entry.c.subject == subject) & (audit_entry.c.action == "view")
    recent = (audit_entry.c.detail == detail[:300]) & (audit_entry.c.at_s > at_s - VIEW_S)
    if connection.execute(select(audit_entry.c.id).where(same & recent).limit(1)).first() is None:
        write(connection, user_id, "view", subject, detail, at_s)


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
    return [AuditEntry(r.at_s, r.name, r.action, r.subject, r.detail) for r in connection.execute(query)]
