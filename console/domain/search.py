"""What somebody looks for among alerts: a time, a place, what it was, how long, what became of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.local_clock import Daytime, Offset

_LENGTH = re.compile(r"(\d{1,5}(?:[.,]\d{1,2})?)\s*([^\W\d_]*)")
_UNITS_S = {
    **dict.fromkeys(("", "s", "sec", "giay", "giây"), 1.0),
    **dict.fromkeys(("m", "min", "p", "phut", "phút", "ph"), 60.0),
    **dict.fromkeys(("h", "g", "gio", "giờ"), 3600.0),
}
_CLOCK = re.compile(r"(\d{1,2})\s*(?:[:.hHgG]\s*(\d{2})?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Search:
    """All that must hold of an alert; what is None or empty is of no account. Times are UTC seconds.

    begin_s, end_s: when it opened. sites: ids. node_id, camera, zone: of one box. rule: or "camera_fault", all
    faults of cameras. state: or "open", all that are not closed. least_s, most_s: length of the stay.
    daytime: the window of the day in which it opened, by clocks that are ahead of UTC as `offsets` say.
    """

    begin_s: float
    end_s: float
    sites: frozenset[int] | None = None
    node_id: int | None = None
    camera: str = ""
    zone: str = ""
    rule: str = ""
    state: str = ""
    reason: str = ""
    least_s: float | None = None
    most_s: float | None = None
    daytime: Daytime | None = None
    offsets: Sequence[Offset] = ()


def read_length_s(text: str) -> float | None:
    """Seconds of a length as people write it: 90, 90 s, 5 min, 5 phút, 1.5 h; None of an empty text.

    Raises ValueError.
    """
    words = text.strip().casefold()
    if not words:
        return None
    found = _LENGTH.fullmatch(words)
    if not found or found[2] not in _UNITS_S:
        raise ValueError(f"{text!r} is no length of time")
    return float(found[1].replace(",", ".")) * _UNITS_S[found[2]]


def read_clock_s(text: str) -> int | None:
    """Seconds after midnight of a time of day as people write it: 2:14, 02.14, 2h14, 2 giờ is 2h; None of none.

    Raises ValueError.
    """
    words = text.strip()
    if not words:
        return None
    found = _CLOCK.fullmatch(words)
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (24, 0)
    if hour > 23 or minute > 59:
        raise ValueError(f"{text!r} is no time of day")
    return 3600 * hour + 60 * minute
