"""Links that work once: for the first administrator, for a new account, for a new password."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.access import Role
from console.domain.account_name import folded
from console.store.tables import one_time_link

LIFETIME_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """What a link gives: an account with `role`, under `user_name` or, where that is empty, a name of choice.

    Where there is an account of that name, its password and role are given anew.
    """

    role: Role
    user_name: str
    expires_at_s: float


def add(connection: Connection, token_sha256: str, role: Role, user_name: str, now_s: float) -> None:
    """Writes a link down; forgets expired ones."""
    connection.execute(delete(one_time_link).where(one_time_link.c.expires_at_s < now_s))
    values = {"role": role, "user_name": user_name, "created_at_s": now_s, "expires_at_s": now_s + LIFETIME_S}
    connection.execute(insert(one_time_link).values(token_sha256=token_sha256, **values))


def drop_unused(connection: Connection, user_name: str) -> int:
    """Forgets the unused links of a name, however it is spelled; returns how many there were."""
    unused = select(one_time_link.c.token_sha256, one_time_link.c.user_name).where(one_time_link.c.used_at_s.is_(None))
    same = folded(user_name)  # not in SQL: SQLite folds no letters but those of English
    mine = [row.token_sha256 for row in connection.execute(unused) if folded(row.user_name) == same]
    connection.execute(delete(one_time_link).where(one_time_link.c.token_sha256.in_(mine)))
    return len(mine)


def find(connection: Connection, token_sha256: str, now_s: float) -> OneTimeLink | None:
    """The link, while it can be used."""
    query = select(one_time_link).where(
        one_time_link.c.token_sha256 == token_sha256,
        one_time_link.c.used_at_s.is_(None),
        one_time_link.c.expires_at_s > now_s,
    )
    row = connection.execute(query).first()
    return OneTimeLink(Role(row.role), row.user_name, row.expires_at_s) if row else None


def use(connection: Connection, token_sha256: str, now_s: float) -> bool:
    """Uses the link up; False where it was used or has expired. Only one of two at the same moment gets True."""
    result = connection.execute(
        update(one_time_link)
        .where(
            one_time_link.c.token_sha256 == token_sha256,
            one_time_link.c.used_at_s.is_(None),
            one_time_link.c.expires_at_s > now_s,
        )
        .values(used_at_s=now_s)
    )
    return result.rowcount == 1
