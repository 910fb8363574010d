"""Sessions of signed-in people. Only the hash of a session's token is kept."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.access import Role
from console.store.tables import session, user_account

IDLE_S = 12 * 3600.0  # a shift
LIFETIME_S = 14 * 24 * 3600.0
_TOUCH_S = 60.0  # the row is rewritten at most this often


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who stands behind a request; read from the rows each time, so a changed role counts at once."""

    user_id: int
    name: str
    role: Role
    token_sha256: str


def begin(connection: Connection, token_sha256: str, user_id: int, now_s: float) -> None:
    """Writes a session down; forgets expired ones."""
    connection.execute(delete(session).where((session.c.expires_at_s < now_s) | (session.c.seen_at_s < now_s - IDLE_S)))
    values = {"user_id": user_id, "created_at_s": now_s, "seen_at_s": now_s, "expires_at_s": now_s + LIFETIME_S}
    connection.execute(insert(session).values(token_sha256=token_sha256, **values))


def find(connection: Connection, token_sha256: str, now_s: float) -> tuple[SignedIn, bool] | None:
    """Whom the token stands for, and whether `touch` is due. None where the session or the account ended."""
    query = (
        select(user_account.c.id, user_account.c.name, user_account.c.role, session.c.seen_at_s)
        .join(user_account, user_account.c.id == session.c.user_id)
        .where(
            session.c.token_sha256 == token_sha256,
            session.c.expires_at_s > now_s,
            session.c.seen_at_s > now_s - IDLE_S,
            user_account.c.disabled_at_s.is_(None),
        )
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return SignedIn(row.id, row.name, Role(row.role), token_sha256), now_s - row.seen_at_s > _TOUCH_S


def touch(connection: Connection, token_sha256: str, now_s: float) -> None:
    """Notes that the session is in use."""
    connection.execute(update(session).where(session.c.token_sha256 == token_sha256).values(seen_at_s=now_s))


def end(connection: Connection, token_sha256: str) -> None:
    """Ends the session."""
    connection.execute(delete(session).where(session.c.token_sha256 == token_sha256))
