"""Tokens with which programs act in a person's name. Only a token's hash is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from console.domain.access import Role, lent, rights_of
from console.domain.site_tree import Grants, common
from console.store import grants
from console.store.sessions import SignedIn
from console.store.sign_in_tables import api_token
from console.store.tables import site, user_account

PREFIX = "ght_"  # tells a token of people from one of boxes, and secret scanners what they found
MOST = 50  # of a person
_TOUCH_S = 60.0


class TooManyTokensError(ValueError):
    """A person has as many tokens as there may be."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token. site_id: with what is below it; None: wherever its owner may. used_at_s: None where it never was."""

    id: int
    user_id: int
    name: str
    role: Role
    reads_only: bool
    site_id: int | None
    site: str | None
    created_at_s: float
    ends_at_s: float
    used_at_s: float | None


def add(connection: Connection, token_sha256: str, wanted: ApiToken) -> int:
    """Writes a token down; returns its id. `wanted` says all but that. Raises TooManyTokensError."""
    mine = select(func.count()).select_from(api_token).where(api_token.c.user_id == wanted.user_id)
    if connection.execute(mine).scalar_one() >= MOST:
        raise TooManyTokensError("end one of the tokens first")
    values = {"user_id": wanted.user_id, "name": wanted.name, "role": wanted.role, "reads_only": wanted.reads_only}
    times = {"created_at_s": wanted.created_at_s, "ends_at_s": wanted.ends_at_s}
    row = insert(api_token).values(token_sha256=token_sha256, site_id=wanted.site_id, **values, **times)
    return int((connection.execute(row).inserted_primary_key or (0,))[0])


def find(connection: Connection, token_sha256: str, now_s: float) -> tuple[SignedIn, bool] | None:
    """In whose name the token speaks, with what rights, and whether `touch` is due. None where either ended."""
    owner = (user_account.c.name.label("owner_name"), user_account.c.role.label("owner_role"))
    query = (
        select(api_token, *owner)
        .join(user_account, user_account.c.id == api_token.c.user_id)
        .where(api_token.c.token_sha256 == token_sha256, api_token.c.ends_at_s > now_s)
        .where(user_account.c.disabled_at_s.is_(None))
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    rights = rights_of(Role(row.owner_role), grants.reach(connection, grants.of_user(connection, row.user_id)))
    reach = rights.reach
    if row.site_id is not None:
        asked = grants.reach(connection, Grants(sites=frozenset({row.site_id})))
        reach = common(reach, asked, grants.sites_of_cameras(connection, (reach,)))
    role = Role(row.role)
    limited = lent(rights, role, reach, reads_only=row.reads_only)
    due = row.used_at_s is None or now_s - row.used_at_s > _TOUCH_S
    return SignedIn(row.user_id, row.owner_name, role, token_sha256, limited, token_name=row.name), due


def touch(connection: Connection, token_sha256: str, now_s: float) -> None:
    """Notes that the token is in use."""
    connection.execute(update(api_token).where(api_token.c.token_sha256 == token_sha256).values(used_at_s=now_s))


def of_user(connection: Connection, user_id: int) -> Sequence[ApiToken]:
    """A person's tokens, also those past their end, the newest first."""
    query = (
        select(api_token, site.c.name.label("site_name"))
        .outerjoin(site, site.c.id == api_token.c.site_id)
        .where(api_token.c.user_id == user_id)
        .order_by(api_token.c.id.desc())
    )
    return [
        ApiToken(
            row.id,
            row.user_id,
            row.name,
            Role(row.role),
            row.reads_only,
            row.site_id,
            row.site_name,
            row.created_at_s,
            row.ends_at_s,
            row.used_at_s,
        )
        for row in connection.execute(query)
    ]


def end(connection: Connection, user_id: int, token_id: int) -> str | None:
    """Ends a token of a person; returns its name, None where there is none."""
    mine = (api_token.c.user_id == user_id) & (api_token.c.id == token_id)
    name = connection.execute(select(api_token.c.name).where(mine)).scalar()
    connection.execute(delete(api_token).where(mine))
    return name


def end_all(connection: Connection, user_id: int) -> None:
    """Ends all tokens of a person."""
    connection.execute(delete(api_token).where(api_token.c.user_id == user_id))
