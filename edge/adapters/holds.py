"""What people asked to keep: a file for each hold, whose name alone says what is held.

`<event>.json` holds an event, `<camera>.<begin>-<end>.json` a camera's recording; the numbers are UTC milliseconds.
So no damage to a file's content, nor to any database, lets go of what is held. Only `release` does.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from edge.adapters.durable import put_in_place, sync

_SPAN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9_-]{0,62})\.(\d{1,15})-(\d{1,15})$")


@dataclass(frozen=True, slots=True)
class Held:
    """All holds at a moment. events: ids. spans: of each camera, UTC seconds (from, to)."""

    events: frozenset[str] = frozenset()
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def covers(self, camera: str, from_s: float, to_s: float) -> bool:
        """Whether some of [from_s, to_s] of `camera` is held."""
        return any(begin_s <= to_s and from_s <= end_s for begin_s, end_s in self.spans.get(camera, ()))


class Holds:
    """The folder of holds. Any process may read it; the command `hold` writes."""

    def __init__(self, folder: Path) -> None:
        """folder: is made with the first hold."""
        self._folder = folder

    def read(self) -> Held:
        """What is held now. Raises OSError where the folder can't be read: then nobody may delete anything."""
        events: set[str] = set()
        spans: dict[str, list[tuple[float, float]]] = {}
        for name in self.names():
            match = _SPAN.match(name)
            if match:
                spans.setdefault(match[1], []).append((int(match[2]) / 1000, int(match[3]) / 1000))
            else:
                events.add(name)
        return Held(frozenset(events), spans)

    def names(self) -> list[str]:
        """The names of all holds. Raises OSError."""
        try:
            return sorted(path.stem for path in self._folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return []

    def put(self, name: str, reason: str, at_s: float) -> None:
        """Holds what `name` says; it is on the disk when this returns. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{name}.part"
        part.write_text(json.dumps({"reason": reason, "at_s": at_s}, ensure_ascii=False), encoding="utf-8")
        put_in_place(part, self._folder / f"{name}.json")

    def release(self, name: str) -> bool:
        """Lets go; False where it was not held. Raises OSError."""
        try:
            (self._folder / f"{name}.json").unlink()
        except FileNotFoundError:
            return False
        sync(self._folder)
        return True


def span_name(camera: str, from_s: float, to_s: float) -> str:
    """The name of a hold on a camera's recording; UTC seconds."""
    return f"{camera}.{round(from_s * 1000)}-{round(to_s * 1000)}"
