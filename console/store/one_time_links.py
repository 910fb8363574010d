"""Links that work once: for the first administrator, for a new account, for a new password."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.access import Role
from console.domain.account_name import folded
from console.domain.site_tree import WHOLE_TREE, Grants
from console.store.sessions import KEY_LENGTH
from console.store.sign_in_tables import link_site, one_time_link

LIFETIME_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """What a link gives: an account with `role`, under `user_name` or, where that is empty, a name of choice.

    Where there is an account of that name, its password, role and places are given anew, its single cameras kept.
    key: names it in addresses; it opens nothing.
    """

    role: Role
    user_name: str
    expires_at_s: float
    granted: Grants
    key: str


def add(
    connection: Connection,
    token_sha256: str,
    role: Role,
    user_name: str,
    now_s: float,
    granted: Grants = WHOLE_TREE,
    made_by: int | None = None,
) -> None:
    """Writes a link down; forgets expired ones. Of `granted` it takes the sites, no single cameras.

    made_by: id of the person who gives it; None for a command.
    """
    connection.execute(delete(one_time_link).where(one_time_link.c.expires_at_s < now_s))
    values = {"role": role, "user_name": user_name, "created_at_s": now_s, "expires_at_s": now_s + LIFETIME_S}
    values["made_by"] = made_by
    row = insert(one_time_link).values(token_sha256=token_sha256, everywhere=granted.everywhere, **values)
    connection.execute(row)
    places = [{"token_sha256": token_sha256, "site_id": one} for one in sorted(granted.sites)]
    if places and not granted.everywhere:
        connection.execute(insert(link_site), places)


def drop_unused(connection: Connection, user_name: str) -> int:
    """Forgets the unused links of a name, however it is spelled; returns how many there were."""
    unused = select(one_time_link.c.token_sha256, one_time_link.c.user_name).where(one_time_link.c.used_at_s.is_(None))
    same = folded(user_name)  # not in SQL: SQLite folds no letters but those of English
    mine = [row.token_sha256 for row in connection.execute(unused) if folded(row.user_name) == same]
    connection.execute(delete(one_time_link).where(one_time_link.c.token_sha256.in_(mine)))
    return len(mine)


def drop_made_by(connection: Connection, user_id: int) -> None:
    """Forgets the unused links that a person gave: whoever loses rights keeps no way back to them."""
    mine = (one_time_link.c.made_by == user_id) & one_time_link.c.used_at_s.is_(None)
    connection.execute(delete(one_time_link).where(mine))


def find(connection: Connection, token_sha256: str, now_s: float) -> OneTimeLink | None:
    """The link, while it can be used."""
    query = select(one_time_link).where(
        one_time_link.c.token_sha256 == token_sha256,
        one_time_link.c.used_at_s.is_(None),
        one_time_link.c.expires_at_s > now_s,
    )
    row = connection.execute(query).first()
    return _link(connection, row) if row else None


def unused(connection: Connection, now_s: float) -> Sequence[OneTimeLink]:
    """Links for names that somebody may still use, the newest first."""
    live = one_time_link.c.used_at_s.is_(None) & (one_time_link.c.expires_at_s > now_s)
    named = select(one_time_link).where(live, one_time_link.c.user_name != "")
    found = connection.execute(named.order_by(one_time_link.c.created_at_s.desc())).all()
    return [_link(connection, row) for row in found]


def _link(connection: Connection, row: Any) -> OneTimeLink:
    places = select(link_site.c.site_id).where(link_site.c.token_sha256 == row.token_sha256)
    granted = Grants(row.everywhere, frozenset(connection.execute(places).scalars()))
    key = row.token_sha256[:KEY_LENGTH]
    return OneTimeLink(Role(row.role), row.user_name, row.expires_at_s, granted, key)


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
