"""Events as boxes tell them, put into a console's database without a message."""

from sqlalchemy import Connection

from broker.contract.messages import EventMessage
from console.store.events import Events
from console.store.nodes import Node


def open_event(connection: Connection, owner: Node, event: EventMessage, now_s: float) -> None:
    """As a transaction of the console's takes it in."""
    events = Events(connection, {event.event_id})
    events.take(owner, event.model_dump(mode="json"), now_s)
    events.write(now_s)
