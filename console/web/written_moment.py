"""Times that people write: the same fields in every browser, whose own ones follow its language and not the page's."""

import re
from datetime import datetime

from console.web.i18n import Language

_YEARS = range(2020, 2100)
_DAY_FIRST = re.compile(
    r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})"
    r"(?:[ ,T]+(\d{1,2})[:.hH](\d{2})(?::(\d{2}))?)?",
    re.ASCII,
)


def read_moment(language: Language, text: str, *, last: bool = False) -> float:
    """UTC seconds of a local time: 24/11/2026 02:10 or 2026-11-24 02:10, in either language; the day alone begins it.

    Where clocks go forward or back a time may be two moments: the earlier one, or the later one (last).
    Raises ValueError where it is none, or lies outside of any Gatehouse's years.
    """
    words = text.strip()
    if found := _DAY_FIRST.fullmatch(words):
        day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
        local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 its zone comes below
    else:
        local = datetime.fromisoformat(words)
    if local.tzinfo is not None or local.year not in _YEARS:
        raise ValueError(f"{text!r} is no local time of these years")
    moments = (local.replace(tzinfo=language.timezone, fold=fold).timestamp() for fold in (0, 1))
    return max(moments) if last else min(moments)
