"""Who stands behind a request: sessions of signed-in people, of whose token only the hash is kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.access import Rights, Role, rights_of
from console.store import grants
from console.store.audit import By
from console.store.sign_in_tables import session
from console.store.tables import user_account

IDLE_S = 12 * 3600.0  # a shift
LIFETIME_S = 14 * 24 * 3600.0
KEY_LENGTH = 16  # of a hash, enough to name one session of a person; it opens nothing
_TOUCH_S = 60.0  # the row is rewritten at most this often


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who stands behind a request; read from the rows each time, so a changed role, place or factor counts at once.

    has_totp: whether there is a second factor; code_given: whether this session has given its code.
    token_name: of the program that speaks with a token in this person's name, else empty; its rights are the token's.
    """

    user_id: int
    name: str
    role: Role
    token_sha256: str
    rights: Rights
    has_totp: bool = False
    code_given: bool = False
    token_name: str = ""

    @property
    def by(self) -> By:
        """Who does what is done now, for the record."""
        return By(self.user_id, self.token_name)


@dataclass(frozen=True, slots=True)
class Session:
    """A place where somebody is signed in. key: names it among a person's sessions; times are UTC seconds."""

    key: str
    browser: str
    address: str
    created_at_s: float
    seen_at_s: float


def begin(
    connection: Connection,
    token_sha256: str,
    user_id: int,
    now_s: float,
    *,
    code_given: bool = False,
    browser: str = "",
    address: str = "",
) -> None:
    """Writes a session down; forgets expired ones. browser, address: as the request told, for people to recognise."""
    connection.execute(delete(session).where((session.c.expires_at_s < now_s) | (session.c.seen_at_s < now_s - IDLE_S)))
    times = {"created_at_s": now_s, "seen_at_s": now_s, "expires_at_s": now_s + LIFETIME_S}
    values = {"user_id": user_id, "code_given": code_given, "browser": browser[:200], "address": address[:64]}
    connection.execute(insert(session).values(token_sha256=token_sha256, **values, **times))


def find(connection: Connection, token_sha256: str, now_s: float) -> tuple[SignedIn, bool] | None:
    """Whom the token stands for, and whether `touch` is due. None where the session or the account ended."""
    row = next(iter(live(connection, [token_sha256], now_s)), None)
    if row is None:
        return None
    rights = rights_of(Role(row.role), grants.reach(connection, grants.of_user(connection, row.id)))
    return signed_in(row, rights), now_s - row.seen_at_s > _TOUCH_S


def live(connection: Connection, hashes: Collection[str], now_s: float) -> Sequence[Any]:
    """The sessions of these tokens that have not ended, with the accounts they are of; see `signed_in`."""
    account = (user_account.c.id, user_account.c.name, user_account.c.role, user_account.c.totp_sealed)
    query = (
        select(*account, session.c.token_sha256, session.c.seen_at_s, session.c.code_given)
        .join(user_account, user_account.c.id == session.c.user_id)
        .where(
            session.c.token_sha256.in_(hashes),
            session.c.expires_at_s > now_s,
            session.c.seen_at_s > now_s - IDLE_S,
            user_account.c.disabled_at_s.is_(None),
        )
    )
    return connection.execute(query).all()


def signed_in(row: Any, rights: Rights) -> SignedIn:
    """Who stands behind a row of `live`."""
    factor = (row.totp_sealed is not None, row.code_given)
    return SignedIn(row.id, row.name, Role(row.role), row.token_sha256, rights, *factor)


def of_user(connection: Connection, user_id: int, now_s: float) -> Sequence[Session]:
    """Where a person is signed in, the last used first."""
    live = (session.c.expires_at_s > now_s) & (session.c.seen_at_s > now_s - IDLE_S)
    query = select(session).where(session.c.user_id == user_id, live).order_by(session.c.seen_at_s.desc())
    return [
        Session(row.token_sha256[:KEY_LENGTH], row.browser, row.address, row.created_at_s, row.seen_at_s)
        for row in connection.execute(query)
    ]


def touch(connection: Connection, token_sha256: str, now_s: float) -> None:
    """Notes that the session is in use."""
    connection.execute(update(session).where(session.c.token_sha256 == token_sha256).values(seen_at_s=now_s))


def end(connection: Connection, token_sha256: str) -> None:
    """Ends the session."""
    connection.execute(delete(session).where(session.c.token_sha256 == token_sha256))


def end_of_user(connection: Connection, user_id: int, key: str) -> bool:
    """Ends the session of a person that `key` names; False where there is none."""
    mine = (session.c.user_id == user_id) & session.c.token_sha256.startswith(key, autoescape=True)
    return len(key) == KEY_LENGTH and connection.execute(delete(session).where(mine)).rowcount > 0


def end_others(connection: Connection, user_id: int, kept_sha256: str) -> int:
    """Ends all sessions of a person but one; returns how many."""
    others = (session.c.user_id == user_id) & (session.c.token_sha256 != kept_sha256)
    return connection.execute(delete(session).where(others)).rowcount
