"""Tries to sign in, counted in the database: for all processes, and past a restart."""

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from console.domain.throttle import WINDOW_S, wait_s
from console.store.database import lock
from console.store.sign_in_tables import known_browser, sign_in_try

_LOCK = 7_203_118
LIFETIME_S = 365 * 86400.0


def begin(connection: Connection, keys: Mapping[str, str], now_s: float) -> float:
    """Counts a try under each of its keys (kind -> key) before the password is looked at, so that many at the same
    moment can't slip by. Returns 0.0, or the seconds to wait: then it was not counted and must not be made.
    """
    lock(connection, _LOCK)
    connection.execute(delete(sign_in_try).where(sign_in_try.c.at_s <= now_s - WINDOW_S))
    hashed = {kind: _hash(kind, key) for kind, key in keys.items()}
    for kind, digest in hashed.items():
        mine = select(sign_in_try.c.at_s).where(sign_in_try.c.key_sha256 == digest).order_by(sign_in_try.c.at_s)
        longest_s = wait_s(kind, list(connection.execute(mine).scalars()), now_s)
        if longest_s > 0:
            return longest_s
    for digest in hashed.values():
        connection.execute(insert(sign_in_try).values(key_sha256=digest, at_s=now_s))
    return 0.0


def succeeded(connection: Connection, keys: Mapping[str, str], now_s: float) -> None:
    """Takes back the try that `begin` counted at `now_s`: it was no guess."""
    for kind, key in keys.items():
        mine = (sign_in_try.c.key_sha256 == _hash(kind, key)) & (sign_in_try.c.at_s == now_s)
        one = connection.execute(select(sign_in_try.c.id).where(mine).limit(1)).scalar()
        connection.execute(delete(sign_in_try).where(sign_in_try.c.id == one))


def know_browser(connection: Connection, token_sha256: str, user_id: int, now_s: float) -> None:
    """Remembers that a person has signed in with this browser; forgets those long out of use."""
    connection.execute(delete(known_browser).where(known_browser.c.at_s < now_s - LIFETIME_S))
    mine = (known_browser.c.token_sha256 == token_sha256) & (known_browser.c.user_id == user_id)
    connection.execute(delete(known_browser).where(mine))
    connection.execute(insert(known_browser).values(token_sha256=token_sha256, user_id=user_id, at_s=now_s))


def people_of_browser(connection: Connection, token_sha256: str) -> set[int]:
    """Who has signed in with this browser before: user ids. On a guards' desk they are several."""
    query = select(known_browser.c.user_id).where(known_browser.c.token_sha256 == token_sha256)
    return set(connection.execute(query).scalars())


def _hash(kind: str, key: str) -> str:
    """Hashed, because people also type their password where the name belongs."""
    return hashlib.sha256(f"{kind}:{key}".encode()).hexdigest()
