"""What is read out on the phone to the police: where the school is, and which gate."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from console.store.tables import site


@dataclass(frozen=True, slots=True)
class CallCard:
    """Of a school: its name, address, the gate to drive to, the number to call back. Empty: nobody wrote it down."""

    name: str
    address: str
    gate: str
    phone: str


def of_site(connection: Connection, site_id: int) -> CallCard:
    """The card of a site that is there."""
    row = connection.execute(select(site).where(site.c.id == site_id)).one()
    return CallCard(row.name, row.address, row.gate, row.phone)


def keep(connection: Connection, site_id: int, address: str, gate: str, phone: str) -> None:
    """Writes down what is to be read out."""
    connection.execute(update(site).where(site.c.id == site_id).values(address=address, gate=gate, phone=phone))
