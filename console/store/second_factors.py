"""Second factors of people: the secret that their phone shares, sealed, and codes for the day on which it is lost."""

import hashlib
import re
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from console.store.sealed import Seal, SealError
from console.store.sign_in_tables import recovery_code, session
from console.store.tables import user_account

_BARE = re.compile("[A-Z2-7]+=*")  # base32, as no sealed text is
_MOST_NAMED = 5


def seal_all(connection: Connection, seal: Seal) -> None:
    """Seals secrets of a version that kept them as they are. Raises SealError, naming whose can't be opened."""
    query = select(user_account.c.id, user_account.c.name, user_account.c.totp_sealed)
    lost = []
    for row in connection.execute(query.where(user_account.c.totp_sealed.is_not(None))):
        if _BARE.fullmatch(row.totp_sealed):
            sealed = {"totp_sealed": seal.seal(row.totp_sealed)}
            connection.execute(update(user_account).where(user_account.c.id == row.id).values(**sealed))
        elif not seal.fits(row.totp_sealed):
            lost.append(row.name)
    if lost:
        names = ", ".join(lost[:_MOST_NAMED]) + (", ..." if lost[_MOST_NAMED:] else "")
        raise SealError(
            f"{seal.path} is not the key with which the second factors of {len(lost)} account(s) are sealed ({names}): "
            "bring the right one back from your backup, or from the other console of this database; where it is lost, "
            "take each of them away: gatehouse console reset-second-factor NAME"
        )


def any_sealed(connection: Connection) -> bool:
    """Whether there is a secret that only the right key opens."""
    secrets = connection.execute(select(user_account.c.totp_sealed).where(user_account.c.totp_sealed.is_not(None)))
    return not all(_BARE.fullmatch(one) for one in secrets.scalars())


def secret(connection: Connection, user_id: int) -> str | None:
    """The secret that a person's phone shares, sealed; None where there is no second factor."""
    query = select(user_account.c.totp_sealed).where(user_account.c.id == user_id)
    return connection.execute(query).scalar()


def begin(connection: Connection, token_sha256: str, secret: str) -> None:
    """Keeps a sealed secret with the session that was shown it, until a code proves that it was read."""
    mine = session.c.token_sha256 == token_sha256
    connection.execute(update(session).where(mine).values(new_totp_sealed=secret))


def begun(connection: Connection, token_sha256: str) -> str | None:
    """The secret, sealed, that a session was shown and has not confirmed."""
    query = select(session.c.new_totp_sealed).where(session.c.token_sha256 == token_sha256)
    return connection.execute(query).scalar()


def use_step(connection: Connection, user_id: int, step: int) -> bool:
    """Notes the time step of a right code; False where it or a later one was used already: a code works once."""
    mine = (user_account.c.id == user_id) & (user_account.c.totp_step < step)
    return connection.execute(update(user_account).where(mine).values(totp_step=step)).rowcount == 1


def set_up(connection: Connection, user_id: int, secret: str, step: int, codes: Sequence[str], kept: str) -> None:
    """Gives a person a second factor.

    secret: sealed. step: of the code that proved it. codes: for recovery. kept: hash of the token of the session that
    set it up and goes on; all others of this person end.
    """
    values = {"totp_sealed": secret, "totp_step": step}
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(**values))
    connection.execute(delete(session).where(session.c.user_id == user_id, session.c.token_sha256 != kept))
    mine = session.c.token_sha256 == kept
    connection.execute(update(session).where(mine).values(code_given=True, new_totp_sealed=None))
    renew_codes(connection, user_id, codes)


def take_away(connection: Connection, user_id: int) -> bool:
    """Takes a person's second factor away; False where there is none."""
    mine = (user_account.c.id == user_id) & user_account.c.totp_sealed.is_not(None)
    connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    return connection.execute(update(user_account).where(mine).values(totp_sealed=None)).rowcount == 1


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
