"""People who sign in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from console.domain.access import Role
from console.store.tables import session, user_account


class NameTakenError(ValueError):
    """Somebody has this name already."""


@dataclass(frozen=True, slots=True)
class User:
    """One person. The password's hash stays out of repr by living elsewhere."""

    id: int
    name: str
    role: Role
    created_at_s: float
    disabled_at_s: float | None


def add(connection: Connection, name: str, password_hash: str, role: Role, at_s: float) -> User:
    """Adds a person. Raises NameTakenError where the name, whatever its capitals, is in use."""
    folded = name.casefold()
    if connection.execute(select(user_account.c.id).where(user_account.c.name_folded == folded)).first():
        raise NameTakenError(f"{name!r} is taken; choose another name")
    values = {"name": name, "name_folded": folded, "password_hash": password_hash, "role": role, "created_at_s": at_s}
    try:
        result = connection.execute(insert(user_account).values(**values))
    except IntegrityError as error:  # somebody else took it in between
        raise NameTakenError(f"{name!r} is taken; choose another name") from error
    return User(int((result.inserted_primary_key or (0,))[0]), name, role, at_s, None)


def credentials(connection: Connection, name: str) -> tuple[User, str] | None:
    """The person of this name who may sign in, with the password's hash."""
    query = select(user_account).where(
        user_account.c.name_folded == name.casefold(), user_account.c.disabled_at_s.is_(None)
    )
    row = connection.execute(query).first()
    return (_user(row), row.password_hash) if row else None


def listing(connection: Connection) -> Sequence[User]:
    """Everybody, by name."""
    return [_user(row) for row in connection.execute(select(user_account).order_by(user_account.c.name_folded))]


def count(connection: Connection) -> int:
    """How many people have an account."""
    return int(connection.execute(select(func.count()).select_from(user_account)).scalar_one())


def set_password_hash(connection: Connection, user_id: int, password_hash: str) -> None:
    """Replaces the hash, for example by one with stronger settings."""
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(password_hash=password_hash))


def set_role(connection: Connection, user_id: int, role: Role) -> None:
    """Gives another role; it counts from the person's next request on."""
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(role=role))


def disable(connection: Connection, user_id: int, at_s: float) -> None:
    """Takes away the right to sign in, and ends the person's sessions."""
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(disabled_at_s=at_s))
    connection.execute(session.delete().where(session.c.user_id == user_id))


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.id, row.name, Role(row.role), row.created_at_s, row.disabled_at_s)
