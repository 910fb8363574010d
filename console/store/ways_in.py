"""What goes on without the password of an account: a new one ends none of it unless somebody says so."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from console.store import api_tokens, one_time_links, provider_links, push_subscriptions


@dataclass(frozen=True, slots=True)
class WaysIn:
    """tokens: their names; is_linked: to an account of a provider of identities; browsers: that are shown alarms."""

    tokens: Sequence[str]
    is_linked: bool
    browsers: int

    def __bool__(self) -> bool:
        return bool(self.tokens or self.is_linked or self.browsers)


def of_user(connection: Connection, user_id: int, now_s: float) -> WaysIn:
    """Those of a person, without tokens past their end."""
    tokens = [one.name for one in api_tokens.of_user(connection, user_id) if one.ends_at_s > now_s]
    is_linked = provider_links.of_user(connection, user_id) is not None
    return WaysIn(tokens, is_linked, push_subscriptions.count(connection, user_id))


def end(connection: Connection, user_id: int) -> None:
    """Ends them all, and the unused invitations that the person gave: one of these may be a thief's."""
    api_tokens.end_all(connection, user_id)
    provider_links.take_away(connection, user_id)
    push_subscriptions.forget_all(connection, user_id)
    one_time_links.drop_made_by(connection, user_id)
