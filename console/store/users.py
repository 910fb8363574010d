"""People who sign in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from console.domain.access import Role
from console.domain.account_name import folded
from console.domain.site_tree import WHOLE_TREE, Grants
from console.store import grants, one_time_links, ways_in
from console.store.database import lock
from console.store.sign_in_tables import session
from console.store.tables import user_account


class NameTakenError(ValueError):
    """Somebody has this name already."""


class LastAdministratorError(ValueError):
    """A step after which nobody could look after the console."""


_LOCK = 7_203_119


@dataclass(frozen=True, slots=True)
class User:
    """One person. The password's hash stays out of repr by living elsewhere."""

    id: int
    name: str
    role: Role
    created_at_s: float
    disabled_at_s: float | None
    has_totp: bool = False


def add(
    connection: Connection, name: str, password_hash: str, role: Role, at_s: float, granted: Grants = WHOLE_TREE
) -> User:
    """Adds a person. Raises NameTakenError where the name, however it is spelled, is in use."""
    if find(connection, name) is not None:
        raise NameTakenError(f"{name!r} is taken; choose another name")
    values = {"name": name, "name_folded": folded(name), "password_hash": password_hash}
    try:
        result = connection.execute(insert(user_account).values(**values, role=role, created_at_s=at_s))
    except IntegrityError as error:  # somebody else took it in between
        raise NameTakenError(f"{name!r} is taken; choose another name") from error
    user_id = int((result.inserted_primary_key or (0,))[0])
    grants.give(connection, user_id, granted)
    return User(user_id, name, role, at_s, None)


def credentials(connection: Connection, name: str) -> tuple[User, str] | None:
    """The person of this name who may sign in, with the password's hash."""
    row = _named(connection, name)
    return (_user(row), row.password_hash) if row and row.disabled_at_s is None else None


def find(connection: Connection, name: str) -> User | None:
    """The person of this name, whether they may sign in or not."""
    row = _named(connection, name)
    return _user(row) if row else None


def find_by_id(connection: Connection, user_id: int) -> User | None:
    """The person of this number, whether they may sign in or not."""
    row = connection.execute(select(user_account).where(user_account.c.id == user_id)).first()
    return _user(row) if row else None


def _named(connection: Connection, name: str) -> Row[tuple[object, ...]] | None:
    """The account of a name. Two made before all spellings were one are told apart by the form they were made in."""
    made_so = user_account.c.name_folded == name.casefold()
    query = select(user_account).where(made_so | (user_account.c.name_folded == folded(name))).order_by(made_so.desc())
    return connection.execute(query).first()


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
    """Gives another role; it counts from the person's next request on, and for streams that are open."""
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(role=role))


def renew(connection: Connection, user_id: int, password_hash: str, role: Role, granted: Grants) -> None:
    """Gives a person another password, a role and places, ends their sessions, and lets them sign in again.

    Raises LastAdministratorError where that would leave no administrator.
    """
    if role != Role.ADMINISTRATOR or not granted.everywhere:
        keep_an_administrator(connection, user_id)
    values = {"password_hash": password_hash, "role": role, "disabled_at_s": None}
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(**values))
    connection.execute(session.delete().where(session.c.user_id == user_id))
    one_time_links.drop_made_by(connection, user_id)
    grants.give(connection, user_id, granted)


def disable(connection: Connection, user_id: int, at_s: float) -> None:
    """Takes away the right to sign in, and ends the person's sessions and all ways in without a password.

    Raises LastAdministratorError.
    """
    keep_an_administrator(connection, user_id)
    ways_in.end(connection, user_id)
    connection.execute(update(user_account).where(user_account.c.id == user_id).values(disabled_at_s=at_s))
    connection.execute(session.delete().where(session.c.user_id == user_id))


def keep_an_administrator(connection: Connection, user_id: int) -> None:
    """Raises LastAdministratorError where nobody but this person can look after the whole console."""
    lock(connection, _LOCK)  # two administrators who are taken away at the same moment
    query = select(user_account.c.id).where(
        user_account.c.role == Role.ADMINISTRATOR, user_account.c.everywhere, user_account.c.disabled_at_s.is_(None)
    )
    if set(connection.execute(query).scalars()) == {user_id}:
        raise LastAdministratorError(
            "this is the last administrator; first make another one, who must have signed in:"
            " gatehouse console add-user NAME --role administrator"
        )


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.id, row.name, Role(row.role), row.created_at_s, row.disabled_at_s, row.totp_sealed is not None)
