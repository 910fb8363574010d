"""Takes notifications out of the outbox and tells people. What hangs holds up its own lane and no other.

One thread reads and writes the database; each try has a thread of its own, of which a lane (a service, or somebody's
own server) has at most `LANE_MOST` at once, and a single one while its tries fail.
"""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from console.domain.channel import PLACE, ChannelKind, filled
from console.domain.delivery import TRY_S, Result, Text
from console.notify.apprise_sender import AppriseSender, TryFailedError
from console.notify.siren import SirenSender
from console.notify.web_push import WebPushSender
from console.store import escalations, notifications
from console.store.database import Database
from console.store.notifications import Due, Try
from console.store.sealed import Seal, SealError

POLL_S = 0.25
LANE_MOST = 4
_BATCHES = 8
_MOST = 128  # tries at once, of all lanes
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Flight:
    """A try on its way. hangs: that it takes too long is written down; its thread may live on."""

    due: Due
    taken_at_s: float
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class Senders:
    """Who does what a way needs."""

    seal: Seal
    by_apprise: AppriseSender
    siren: SirenSender
    push: WebPushSender

    def send(self, due: Due, text: Text) -> None:
        """One try. Raises TryFailedError."""
        if due.address_sealed is None:
            raise TryFailedError("way_gone")
        try:
            address = self.seal.open(due.address_sealed)
        except SealError:
            raise TryFailedError("other_key") from None
        if due.kind == ChannelKind.SIREN:
            name = address.partition("://")[2].rstrip("/")
            self.siren.send(name, is_test=due.purpose == escalations.TEST, is_end=due.is_end)
            return
        if due.kind == ChannelKind.PUSH:
            self.push.send(due.recipient, due.site_id, due.event_id, text)
            return
        self.by_apprise.send(filled(address, due.recipient), text.title, text.body)

    def is_known(self, kind: ChannelKind, address: str) -> bool:
        """Whether an address whose shape is right can be used at all."""
        sample = "a@example.org" if kind == ChannelKind.EMAIL else "84901234567"
        return kind in (ChannelKind.SIREN, ChannelKind.PUSH) or self.by_apprise.is_known(address.replace(PLACE, sample))


class Dispatcher:
    """`run` is the whole life of its thread."""

    def __init__(
        self,
        database: Database,
        senders: Senders,
        compose: Callable[[Connection, Due], Text],
        wall_s: Callable[[], float],
        local_of: Callable[[float], datetime],
    ) -> None:
        """compose: writes what somebody is told. local_of: the time at the sites."""
        self._database, self._senders, self._compose = database, senders, compose
        self._wall_s, self._local_of = wall_s, local_of
        self._flights: dict[int, _Flight] = {}
        self._ended: queue.SimpleQueue[tuple[int, _Flight, Try]] = queue.SimpleQueue()
        self._unwritten: list[tuple[_Flight, Try]] = []
        self._failing: set[str] = set()  # lanes whose last try failed
        self._fault = ""

    def run(self, stop: threading.Event) -> None:
        """Tells people until `stop`. What it could not write down then is tried again by the next console."""
        while not stop.wait(POLL_S):
            try:
                self.turn()
                self._fault = ""
            except SQLAlchemyError as error:
                if self._fault != type(error).__name__:
                    log.error("people can't be told while the database is away: %s", type(error).__name__)
                self._fault = type(error).__name__

    def turn(self) -> None:
        """One look at what is due. Raises SQLAlchemyError: then the next turn does it."""
        now_s = self._wall_s()
        self._advance(now_s)
        self._write_ended()
        self._note_hanging(now_s)
        self._start(now_s)

    def is_idle(self) -> bool:
        """Whether no try is on its way."""
        return not self._flights and self._ended.empty()

    def _advance(self, now_s: float) -> None:
        with self._database.read() as connection:
            if not escalations.is_any_due(connection, now_s):
                return
        for _ in range(_BATCHES):  # a flood waits for the next turn, between which people are told
            with self._database.write() as connection:
                if escalations.advance_due(connection, now_s, self._local_of) < escalations.BATCH:
                    return

    def _start(self, now_s: float) -> None:
        busy = Counter(flight.due.lane for flight in self._flights.values())
        full = {lane for lane, number in busy.items() if number >= self._most(lane)}
        free = _MOST - sum(not flight.hangs for flight in self._flights.values())
        if free <= 0:
            return
        with self._database.read() as connection:
            found = notifications.due(connection, now_s, full, free)
        for due in found:
            if busy[due.lane] >= self._most(due.lane) or due.id in self._flights:
                continue
            with self._database.write() as connection:
                taken = notifications.take(connection, due.id, now_s)
                text = self._compose(connection, due) if taken else None
            if text is not None:
                busy[due.lane] += 1
                flight = self._flights[due.id] = _Flight(due, now_s)
                name = f"notify {due.id}"
                threading.Thread(target=self._try, args=(flight, text), name=name, daemon=True).start()

    def _most(self, lane: str) -> int:
        return 1 if lane in self._failing else LANE_MOST

    def _try(self, flight: _Flight, text: Text) -> None:
        """A thread of its own."""
        begun_s = self._wall_s()
        result, reason = Result.SENT, ""
        try:
            self._senders.send(flight.due, text)
        except TryFailedError as error:
            result, reason = Result.REFUSED, str(error)
        except Exception as error:  # a fault in a service's plugin must not look as if somebody had been told
            log.error("a way to tell people failed inside: %s", type(error).__name__)
            result, reason = Result.REFUSED, f"inside {type(error).__name__}"
        took_s = max(0.0, self._wall_s() - begun_s)
        self._ended.put((flight.due.id, flight, Try(begun_s, took_s, result, reason)))

    def _write_ended(self) -> None:
        while not self._ended.empty():
            key, flight, one = self._ended.get()
            if self._flights.get(key) is flight:
                del self._flights[key]
            lane = flight.due.lane
            (self._failing.discard if one.result == Result.SENT else self._failing.add)(lane)
            if not flight.hangs or one.result == Result.SENT:  # that it hung is written down already
                self._unwritten.append((flight, one))
        self._write()

    def _note_hanging(self, now_s: float) -> None:
        for flight in self._flights.values():
            if not flight.hangs and abs(now_s - flight.taken_at_s) >= TRY_S:
                flight.hangs = True
                self._failing.add(flight.due.lane)
                self._unwritten.append((flight, Try(flight.taken_at_s, TRY_S, Result.NO_ANSWER, "")))
        self._write()
        with self._database.read() as connection:
            late = notifications.is_any_late(connection, now_s)
        if late:
            with self._database.write() as connection:
                notifications.give_up_late(connection, now_s)

    def _write(self) -> None:
        while self._unwritten:
            flight, one = self._unwritten[0]
            with self._database.write() as connection:
                notifications.finish(connection, flight.due.id, flight.taken_at_s, one, self._wall_s())
            self._unwritten.pop(0)
