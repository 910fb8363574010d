"""Takes in what the console asks to keep: onto the disk, as files of holds; and tells it what lies here of that."""

import logging
import queue
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from broker.contract.holds import MOST_HOLDS, HeldMessage, HeldPart, Hold, HoldsMessage
from edge.adapters.holds import Held, Holds, console_name, held_of, span_name
from edge.core.ports import Clock
from edge.core.retention import Kept

log = logging.getLogger(__name__)

OVER_S = 660.0  # after its end all files of a time are closed, and a minute more: the console's clock is another


class HoldKeeper:
    """The console's holds on a node. `take` may be called in any thread, all else in that of the housekeeping."""

    def __init__(self, holds: Holds, clock: Clock, tell: Callable[[HeldMessage], None] = lambda _: None) -> None:
        """tell: brings the console what lies here of what it asked for."""
        self._holds, self._clock, self._tell = holds, clock, tell
        self._inbox: queue.SimpleQueue[HoldsMessage] = queue.SimpleQueue()
        self._unwritten: HoldsMessage | None = None
        # What was told last, and of which holds the time was over then. None: an answer is owed, whatever it is.
        self._told: tuple[list[HeldPart], set[str]] | None = [], set()
        self._fault = ""

    def take(self, message: HoldsMessage) -> None:
        """What the console has sent; the broker says it again with each connection."""
        self._inbox.put(message)

    @property
    def has_news(self) -> bool:
        """Whether something came since the last turn."""
        return not self._inbox.empty()

    def turn(self) -> None:
        """Takes in what has come, and writes it down."""
        while not self._inbox.empty():
            self._unwritten, self._told = self._inbox.get_nowait(), None
        self.write()

    def write(self) -> None:
        """Writes down what was taken in. What the disk can't take is held all the same, and tried again each time."""
        if self._unwritten is None:
            return
        try:
            self._write(self._unwritten)
            self._unwritten, self._fault = None, ""
        except OSError as error:
            fault = f"what the console asks to keep can't be written down ({error}); it is kept, and tried again"
            if fault != self._fault:
                log.error(fault)
            self._fault = fault

    def _write(self, message: HoldsMessage) -> None:
        """Raises OSError."""
        kept = {hold.hold_id for hold in message.holds}
        there = self._holds.of_console()
        for hold_id in (one for one in message.released if one not in kept):  # needs no room on the disk
            for name in there.get(hold_id, ()):
                self._holds.release(name)
                log.info("%s is let go of, as the console asks", name)
        for hold in message.holds:
            for name in _names(hold):
                if name not in there.get(hold.hold_id, ()):
                    self._holds.put(name, "asked for at the console", self._clock.wall_s())
                    log.info("%s is held, as the console asks", name)

    def with_unwritten(self, held: Held) -> Held:
        """What is held, with what the disk could not take yet."""
        if self._unwritten is None:
            return held
        asked = held_of(name for hold in self._unwritten.holds for name in _names(hold))
        spans = {camera: [*held.spans.get(camera, ()), *more] for camera, more in asked.spans.items()}
        return Held(held.events | asked.events, {**held.spans, **spans})

    def tell(self, kept: Sequence[Kept]) -> None:
        """Tells the console what lies here: where it asked since, that is another now, or a time is over.

        Raises OSError.

        kept: what is on the disk, with what is held marked as such.
        """
        asked = self._holds.of_console()
        held = [one for one in kept if one.held]
        found, over, now_s = list[HeldPart](), set[str](), self._clock.wall_s()
        for hold_id, names in sorted(asked.items())[: 2 * MOST_HOLDS]:
            what = held_of(names)
            found.append(_part(hold_id, what, held))
            if all(to_s + OVER_S < now_s for spans in what.spans.values() for _, to_s in spans):
                over.add(hold_id)
        if (found, over) != self._told:
            self._told = found, over
            self._tell(HeldMessage(at_s=now_s, holds=tuple(found)))


def _names(hold: Hold) -> list[str]:
    whats = [span_name(hold.camera, hold.from_at_s, hold.to_at_s), *filter(None, [hold.event_id])]
    return [console_name(hold.hold_id, what) for what in whats]


def _part(hold_id: str, asked: Held, kept: Iterable[Kept]) -> HeldPart:
    recorded_s, size = 0.0, 0
    for one in kept:
        if one.kind == "event":
            size += one.bytes if Path(one.name).name in asked.events else 0
            continue
        shared = (
            min(to_s, one.ends_at_s) - max(from_s, one.begins_at_s) for from_s, to_s in asked.spans.get(one.camera, ())
        )
        if (seconds := max(shared, default=0.0)) > 0:
            recorded_s, size = recorded_s + seconds, size + one.bytes
    return HeldPart(hold_id=hold_id, recorded_s=round(recorded_s, 1), bytes=size)
