"""What people asked to keep: a file for each hold, whose name alone says what is held.

`<event>.json` holds an event, `<camera>.<begin>-<end>.json` a camera's recording; the numbers are UTC milliseconds.
What the console asks for has `console.<hold>.` before it, so that nobody lets go of what others hold. So no damage to
a file's content, nor to any database, lets go of what is held. Only `release` does.
"""

import errno
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edge.adapters.durable import put_in_place, sync

_SPAN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9_-]{0,62})\.(\d{1,15})-(\d{1,15})$")
_OF_CONSOLE = re.compile(r"^console\.([0-9a-f-]{36})\.(.+)$")


@dataclass(frozen=True, slots=True)
class Held:
    """All holds at a moment. events: ids. spans: of each camera, UTC seconds (from, to)."""

    events: frozenset[str] = frozenset()
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def covers(self, camera: str, from_s: float, to_s: float) -> bool:
        """Whether some of [from_s, to_s] of `camera` is held."""
        return any(begin_s <= to_s and from_s <= end_s for begin_s, end_s in self.spans.get(camera, ()))


class Holds:
    """The folder of holds. Any process may read it; the command `hold` and whoever hears the console write."""

    def __init__(self, folder: Path) -> None:
        """folder: is made with the first hold."""
        self._folder = folder

    def read(self) -> Held:
        """What is held now. Raises OSError where the folder can't be read: then nobody may delete anything."""
        return held_of(self.names())

    def names(self) -> list[str]:
        """The names of all holds. Raises OSError."""
        try:
            return sorted(path.stem for path in self._folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return []

    def of_console(self) -> dict[str, list[str]]:
        """The names of what the console asked to keep, by its number of the hold. Raises OSError."""
        found: dict[str, list[str]] = {}
        for name in self.names():
            if match := _OF_CONSOLE.match(name):
                found.setdefault(match[1], []).append(name)
        return found

    def put(self, name: str, reason: str, at_s: float) -> None:
        """Holds what `name` says; it is on the disk when this returns. Raises OSError.

        On a full disk without the reason: recorders make room, and they know of what is on the disk alone.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{name}.part"
        try:
            part.write_text(json.dumps({"reason": reason, "at_s": at_s}, ensure_ascii=False), encoding="utf-8")
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            part.write_bytes(b"")
        put_in_place(part, self._folder / f"{name}.json")

    def release(self, name: str) -> bool:
        """Lets go; False where it was not held. Raises OSError."""
        try:
            (self._folder / f"{name}.json").unlink()
        except FileNotFoundError:
            return False
        sync(self._folder)
        return True


def held_of(names: Iterable[str]) -> Held:
    """What holds of these names keep."""
    events: set[str] = set()
    spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for name in names:
        asked = _OF_CONSOLE.match(name)
        what = asked[2] if asked else name
        if match := _SPAN.match(what):
            spans[match[1]].append((int(match[2]) / 1000, int(match[3]) / 1000))
        else:
            events.add(what)
    return Held(frozenset(events), dict(spans))


def span_name(camera: str, from_s: float, to_s: float) -> str:
    """The name of a hold on a camera's recording; UTC seconds."""
    return f"{camera}.{round(from_s * 1000)}-{round(to_s * 1000)}"


def console_name(hold_id: str, what: str) -> str:
    """The name of what the console asked to keep. what: an event's id, or a `span_name`."""
    return f"console.{hold_id}.{what}"
