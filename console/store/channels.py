"""Ways to tell people, and people who are told, each at a site and all below it."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from console.domain.channel import ChannelKind, lane, shown
from console.store.escalation_tables import channel, contact
from console.store.sealed import Seal

MOST_OF_SITE = 60  # ways, and people


@dataclass(frozen=True, slots=True)
class Channel:
    """A way. address_sealed: what opens it; shown: what may be read of it; lane: what of it may hang as one.

    failures: tries one after the other that failed; worked_at_s: when one last came through.
    """

    id: int
    site_id: int
    name: str
    kind: ChannelKind
    address_sealed: str
    shown: str
    lane: str
    failures: int
    reason: str
    worked_at_s: float | None


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody is reached by one way. to: number, mailbox or chat; empty where the way needs none."""

    channel_id: int
    to: str


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody who is told, in `language`."""

    id: int
    site_id: int
    name: str
    language: str
    addresses: tuple[Address, ...]


def listing(connection: Connection, site_ids: Collection[int]) -> Sequence[Channel]:
    """Ways of these sites, by name."""
    query = select(channel).where(channel.c.site_id.in_(site_ids)).order_by(channel.c.name, channel.c.id)
    return [_channel(row) for row in connection.execute(query)]


def find(connection: Connection, channel_id: int) -> Channel | None:
    """One way."""
    row = connection.execute(select(channel).where(channel.c.id == channel_id)).first()
    return _channel(row) if row else None


def add(connection: Connection, seal: Seal, site_id: int, name: str, kind: ChannelKind, address: str) -> int:
    """Adds a way, whose address was looked at; returns its id."""
    values = {"site_id": site_id, "name": name, "kind": kind}
    result = connection.execute(insert(channel).values(**values, **_sealed(seal, address)))
    return int((result.inserted_primary_key or (0,))[0])


def change(connection: Connection, seal: Seal, one: Channel, name: str, address: str) -> None:
    """Gives a way another name and, unless that is empty, another address."""
    values: dict[str, Any] = {"name": name}
    if address:
        values |= {**_sealed(seal, address), "failures": 0, "reason": ""}
    connection.execute(update(channel).where(channel.c.id == one.id).values(**values))


def remove(connection: Connection, channel_id: int) -> None:
    """Takes a way away; who was reached by it alone is reached by none."""
    connection.execute(delete(channel).where(channel.c.id == channel_id))


def note_result(connection: Connection, channel_id: int, reason: str, now_s: float) -> None:
    """What came of a try. reason: empty where it came through."""
    values = {"failures": 0, "reason": "", "worked_at_s": now_s}
    if reason:
        values = {"failures": channel.c.failures + 1, "reason": reason[:200]}
    connection.execute(update(channel).where(channel.c.id == channel_id).values(**values))


def contacts(connection: Connection, site_ids: Collection[int]) -> Sequence[Contact]:
    """People of these sites, by name."""
    query = select(contact).where(contact.c.site_id.in_(site_ids)).order_by(contact.c.name, contact.c.id)
    return [
        Contact(row.id, row.site_id, row.name, row.language, tuple(Address(**one) for one in _read(row)))
        for row in connection.execute(query)
    ]


def keep_contact(connection: Connection, one: Contact) -> int:
    """Writes somebody down: anew where their id is 0, else as they are now; returns their id."""
    addresses_json = json.dumps([asdict(address) for address in one.addresses])
    values = {"name": one.name, "language": one.language, "addresses_json": addresses_json}
    if one.id:
        mine = (contact.c.id == one.id) & (contact.c.site_id == one.site_id)
        connection.execute(update(contact).where(mine).values(**values))
        return one.id
    result = connection.execute(insert(contact).values(site_id=one.site_id, **values))
    return int((result.inserted_primary_key or (0,))[0])


def remove_contact(connection: Connection, site_id: int, contact_id: int) -> None:
    """Takes somebody away; steps that name them lose them."""
    connection.execute(delete(contact).where(contact.c.id == contact_id, contact.c.site_id == site_id))


def _sealed(seal: Seal, address: str) -> dict[str, str]:
    return {"address_sealed": seal.seal(address), "shown": shown(address)[:200], "lane": lane(address)[:200]}


def _read(row: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(row.addresses_json)
    return found


def _channel(row: Any) -> Channel:
    facts = (row.address_sealed, row.shown, row.lane, row.failures, row.reason, row.worked_at_s)
    return Channel(row.id, row.site_id, row.name, ChannelKind(row.kind), *facts)
