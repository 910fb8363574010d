"""Tells each box what it is to keep, and what it may let go of again: with each connection, and with each change."""

import threading
from collections.abc import Callable

from broker.contract import codec, topics
from broker.contract.holds import MOST_HOLDS, Hold, HoldsMessage
from console.ingest.retold import tell_until
from console.store import holds
from console.store.database import Database

POLL_S = 2.0  # how soon a hold that was asked for goes out

Publish = Callable[[str, bytes], bool]


def holds_message(orders: holds.Orders) -> HoldsMessage:
    """What one box is told."""
    return HoldsMessage(
        holds=tuple(
            Hold(
                hold_id=one.id,
                camera=one.camera,
                from_at_s=one.from_at_s,
                to_at_s=one.to_at_s,
                event_id=one.event_id,
            )
            for one in orders.holds
        ),
        released=orders.released[:MOST_HOLDS],
    )


class HoldSender:
    """`run` is the whole life of its thread."""

    def __init__(
        self, database: Database, wall_s: Callable[[], float], publish: Publish, connections: Callable[[], int]
    ) -> None:
        """publish: leaves a box a payload with the broker; False where that is away.

        connections: how often the broker was reached so far: one that was set up anew has lost what was sent before.
        """
        self._database, self._wall_s = database, wall_s
        self._publish, self._connections = publish, connections
        self._sent: dict[str, tuple[int, HoldsMessage]] = {}

    def run(self, stop: threading.Event) -> None:
        """Sends until `stop`."""
        tell_until(stop, POLL_S, self.turn, "what boxes are to keep")

    def turn(self) -> None:
        """Sends what has not been sent over this connection. Raises SQLAlchemyError."""
        number = self._connections()
        if not number:
            return
        with self._database.read() as connection:
            every = holds.to_tell(connection)
        for node, orders in every.items():
            message = holds_message(orders)
            if self._sent.get(node) != (number, message):
                payload = codec.encode(topics.HOLDS, "console", message, self._wall_s())
                if self._publish(node, payload):
                    self._sent[node] = number, message
