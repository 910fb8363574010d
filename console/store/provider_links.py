"""Which account of a provider of identities stands for which person; nobody is found by a name that it tells."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from console.store.sign_in_tables import user_oidc
from console.store.tables import user_account


class SubjectTakenError(ValueError):
    """This account of the provider stands for somebody else already."""


@dataclass(frozen=True, slots=True)
class ProviderLink:
    """A person's account at a provider. issuer: the provider's address; subject: its name for the account, no secret.

    Times are UTC seconds; used_at_s: of the last sign-in, None where there was none.
    """

    issuer: str
    subject: str
    linked_at_s: float
    used_at_s: float | None


def link(connection: Connection, user_id: int, issuer: str, subject: str, now_s: float) -> None:
    """Lets an account of a provider stand for a person, in place of the one before. Raises SubjectTakenError."""
    take_away(connection, user_id)
    row = {"user_id": user_id, "issuer": issuer, "subject": subject, "linked_at_s": now_s}
    try:
        connection.execute(insert(user_oidc).values(**row))
    except IntegrityError as error:
        raise SubjectTakenError("this account of the provider stands for somebody else; take that link away") from error


def of_user(connection: Connection, user_id: int) -> ProviderLink | None:
    """What stands for a person."""
    row = connection.execute(select(user_oidc).where(user_oidc.c.user_id == user_id)).first()
    return ProviderLink(row.issuer, row.subject, row.linked_at_s, row.used_at_s) if row else None


def take_away(connection: Connection, user_id: int) -> bool:
    """Takes a person's link away; False where there is none."""
    return connection.execute(delete(user_oidc).where(user_oidc.c.user_id == user_id)).rowcount == 1


def sign_in(connection: Connection, issuer: str, subject: str, now_s: float) -> tuple[int, str] | None:
    """Id and name of the person for whom an account of a provider stands, and who may sign in; notes its use."""
    mine = (user_oidc.c.issuer == issuer) & (user_oidc.c.subject == subject)
    query = select(user_account.c.id, user_account.c.name).join(user_oidc, user_oidc.c.user_id == user_account.c.id)
    row = connection.execute(query.where(mine, user_account.c.disabled_at_s.is_(None))).first()
    if row is None:
        return None
    connection.execute(update(user_oidc).where(mine).values(used_at_s=now_s))
    return row.id, row.name
