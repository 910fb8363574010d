"""Second factors of people: the secret that their phone shares, and codes for the day on which it is lost."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from console.store.sign_in_tables import recovery_code, session
from console.store.tables import user_account


def secret(connection: Connection, user_id: int) -> str | None:
    """The secret that a person's phone shares; None where there is no second factor."""
    query = select(user_account.c.totp_secret).where(user_account.c.id == user_id)
    return connection.execute(query).scalar()


def begin(connection: Connection, token_sha256: str, secret: str) -> None:
    """Keeps a secret with the session that was shown it, until a code proves that it was read."""
    mine = session.c.token_sha256 == token_sha256
    connection.execute(update(session).where(mine).values(new_totp_secret=secret))


def begun(connection: Connection, token_sha256: str) -> str | None:
    """The secret that a session was shown and has not confirmed."""
    query = select(session.c.new_totp_secret).where(session.c.token_sha256 == token_sha256)
    return connection.execute(query).scalar()


def use_step(connection: Connection, user_id: int, step: int) -> bool:
    """Notes the time step of a right code; False where it or a later one was used already: a code works once."""
    mine = (user_account.c.id == user_id) & (user_account.c.totp_step < step)
    return connection.execute(update(user_account).where(mine).values(totp_step=step)).rowcount == 1


def set_up(connection: Connection, user_id: int, secret: str, step: int, codes: Sequence[str], kept: str) -> None:
    """Gives a person a second factor.

    step: of the code that proved it. codes: for recovery. kept: hash of the token of the session that set it up and
    goes on; all others of this person end.
    """
    values = {"totp_secret": secret, "totp_step": step}
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(**values))
    connection.execute(delete(session).where(session.c.user_id == user_id, session.c.token_sha256 != kept))
    mine = session.c.token_sha256 == kept
    connection.execute(update(session).where(mine).values(code_given=True, new_totp_secret=None))
    renew_codes(connection, user_id, codes)


def take_away(connection: Connection, user_id: int) -> bool:
    """Takes a person's second factor away; False where there is none."""
    mine = (user_account.c.id == user_id) & user_account.c.totp_secret.is_not(None)
    connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    return connection.execute(update(user_account).where(mine).values(totp_secret=None)).rowcount == 1


def renew_codes(connection: Connection, user_id: int, codes: Sequence[str]) -> None:
    """Replaces a person's recovery codes."""
    connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    rows = [{"user_id": user_id, "code_sha256": _hash(code)} for code in codes]
    connection.execute(insert(recovery_code), rows)


def use_code(connection: Connection, user_id: int, code: str) -> bool:
    """Uses a recovery code up; False where it is none, or was used."""
    mine = (recovery_code.c.user_id == user_id) & (recovery_code.c.code_sha256 == _hash(code))
    return connection.execute(delete(recovery_code).where(mine)).rowcount == 1


def codes_left(connection: Connection, user_id: int) -> int:
    """How many recovery codes a person has not used."""
    query = select(func.count()).select_from(recovery_code).where(recovery_code.c.user_id == user_id)
    return int(connection.execute(query).scalar_one())


def _hash(code: str) -> str:
    """A plain hash is enough: codes are random, 80 bits each."""
    letters = "".join(one for one in code.upper() if one.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
