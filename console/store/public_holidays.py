"""The public holidays of Vietnam, the lunar new year among them, by the package that knows when they fall."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import holidays

_LANGUAGES = {"vi": "vi", "en": "en_US"}


@lru_cache(maxsize=64)
def _of_year(year: int, language: str) -> dict[date, str]:
    return dict(holidays.country_holidays("VN", years=year, language=_LANGUAGES.get(language, "vi")))


@lru_cache(maxsize=64)
def public_holidays(first_year: int, language: str = "vi") -> Mapping[date, str]:
    """Those of a year and the next one, by date their names; language: "vi" or "en"."""
    return MappingProxyType({**_of_year(first_year, language), **_of_year(first_year + 1, language)})
