"""Browsers that show alarms though no page of the console is open: where each is reached by web push (RFC 8030)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from console.domain.access import Action, Place, Role, may, rights_of
from console.domain.account_name import folded
from console.store import grants, sites
from console.store.escalation_tables import push_subscription
from console.store.tables import user_account

MOST_OF_PERSON = 10  # the oldest goes


@dataclass(frozen=True, slots=True)
class Subscription:
    """One browser. endpoint: address at its maker's push service; p256dh, auth: what seals for it, base64url."""

    endpoint: str
    p256dh: str
    auth: str


def add(connection: Connection, user_id: int, one: Subscription, browser: str, now_s: float) -> None:
    """A browser of a person wants to be told."""
    key = _key(one.endpoint)
    connection.execute(delete(push_subscription).where(push_subscription.c.endpoint_sha256 == key))
    keys = {"keys_json": json.dumps({"p256dh": one.p256dh, "auth": one.auth}), "browser": browser[:200]}
    values = {"endpoint_sha256": key, "user_id": user_id, "endpoint": one.endpoint, "created_at_s": now_s}
    connection.execute(insert(push_subscription).values(**values, **keys))
    c = push_subscription.c
    newest = select(c.endpoint_sha256).where(c.user_id == user_id).order_by(c.created_at_s.desc()).limit(MOST_OF_PERSON)
    kept = list(connection.execute(newest).scalars())
    connection.execute(delete(push_subscription).where(c.user_id == user_id, c.endpoint_sha256.not_in(kept)))


def forget(connection: Connection, endpoint: str) -> None:
    """A browser is gone, as its push service says."""
    mine = push_subscription.c.endpoint_sha256 == _key(endpoint)
    connection.execute(delete(push_subscription).where(mine))


def forget_all(connection: Connection, user_id: int) -> None:
    """None of a person's browsers is told any more."""
    connection.execute(delete(push_subscription).where(push_subscription.c.user_id == user_id))


def count(connection: Connection, user_id: int) -> int:
    """How many browsers of a person are told."""
    mine = push_subscription.c.user_id == user_id
    return int(connection.execute(select(func.count()).select_from(push_subscription).where(mine)).scalar_one())


def of_name(connection: Connection, name: str, site_id: int, event_id: str | None = None) -> Sequence[Subscription]:
    """The browsers of whoever signs in with that name; none where they may not see alerts of that site now.

    event_id: of the alert that it is about: one of a single camera of theirs they may see.
    """
    query = select(user_account).where(
        user_account.c.name_folded == folded(name), user_account.c.disabled_at_s.is_(None)
    )
    user = connection.execute(query).first()
    if user is None:
        return ()
    rights = rights_of(Role(user.role), grants.reach(connection, grants.of_user(connection, user.id)))
    place = sites.place_of_alert(connection, event_id) if event_id else None
    if not may(rights, Action.SEE_ALERTS, place or Place(site_id)):
        return ()
    rows = connection.execute(select(push_subscription).where(push_subscription.c.user_id == user.id))
    return [Subscription(row.endpoint, **json.loads(row.keys_json)) for row in rows]


def _key(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()
