"""Vietnamese and English: one catalogue for pages and scripts, times and numbers as people write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

CODES = ("vi", "en")
DEFAULT = "vi"
_FIELDS = {"vi": "%d/%m/%Y %H:%M", "en": "%Y-%m-%d %H:%M"}
_SIZES = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
FOLDER = Path(__file__).parent / "translations"


@dataclass(frozen=True, slots=True)
class Language:
    """One language. Messages are keyed by their English text."""

    code: str
    words: Mapping[str, str]
    timezone: ZoneInfo

    def text(self, english: str, **values: object) -> str:
        """The text in this language, with `{name}` filled in from `values`."""
        return self.words.get(english, english).format(**values) if values else self.words.get(english, english)

    def time(self, at_s: float) -> str:
        """Hours, minutes and seconds of a UTC moment, in the site's zone."""
        return str(format_time(self._local(at_s).timetz(), "HH:mm:ss", locale=self.code))

    def hour(self, at_s: float, now_s: float) -> str:
        """As `when`, without seconds: for what people say to each other."""
        if self._local(at_s).date() == self._local(now_s).date():
            return str(format_time(self._local(at_s).timetz(), "HH:mm", locale=self.code))
        return str(format_datetime(self._local(at_s), "HH:mm EEE dd/MM", locale=self.code))

    def moment(self, at_s: float) -> str:
        """Date and time of a UTC moment, in the site's zone."""
        return str(format_datetime(self._local(at_s), "EEE dd/MM/y HH:mm:ss", locale=self.code))

    def day(self, day: date) -> str:
        """A date with its day of the week."""
        return str(format_date(day, "EEEE dd/MM", locale=self.code))

    def full_date(self, day: date) -> str:
        """A date with its year."""
        return str(format_date(day, "EEE dd/MM/y", locale=self.code))

    def minute(self, at_s: float) -> str:
        """As `moment`, without seconds."""
        return str(format_datetime(self._local(at_s), "HH:mm EEE dd/MM/y", locale=self.code))

    def sortable(self, at_s: float) -> str:
        """Date and time of a UTC moment in the site's zone, for spreadsheets."""
        return self._local(at_s).replace(tzinfo=None).isoformat(" ", "seconds")

    def field(self, at_s: float) -> str:
        """A UTC moment in the site's zone as people write it into a field, to the minute; see written_moment."""
        return f"{self._local(at_s):{_FIELDS[self.code]}}"

    def day_field(self, day: datetime) -> str:
        """A local day as people write it into a field."""
        return f"{day:{_FIELDS[self.code].split()[0]}}"

    def weekday(self, day: datetime) -> str:
        """A local day by its name, for a list of the last ones."""
        return str(format_datetime(day, "EEE dd/MM", locale=self.code))

    def month(self, day: datetime) -> str:
        """The month of a local day by its name, with the year."""
        return str(format_datetime(day, "LLLL y", locale=self.code))

    def when(self, at_s: float, now_s: float) -> str:
        """The time alone where the moment is of the same day as `now_s` at the site, else with its date."""
        same_day = self._local(at_s).date() == self._local(now_s).date()
        return self.time(at_s) if same_day else self.moment(at_s)

    def duration(self, seconds: float) -> str:
        """Seconds as people say them; none where two clocks would make it less than none."""
        whole = max(0, round(seconds))
        hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
        if hours:
            return self.text("{h} h {m} min", h=hours, m=minutes)
        if minutes:
            return self.text("{m} min {s} s", m=minutes, s=rest) if rest else self.text("{m} min", m=minutes)
        return self.text("{s} s", s=rest)

    def size(self, size_bytes: int) -> str:
        """The size of a file."""
        unit, name = next((unit, name) for unit, name in _SIZES if size_bytes >= unit or name == "kB")
        value = size_bytes / unit
        return f"{format_decimal(round(value, 0 if value >= 20 else 1), locale=self.code)} {name}"

    def number(self, value: float, digits: int = 0) -> str:
        """A number with at most `digits` digits behind its point."""
        return str(format_decimal(round(value, digits or None), locale=self.code))

    def share(self, value: float) -> str:
        """A share of one in percent, small ones with what makes them differ from none."""
        percent = 100 * value
        return f"{self.number(percent, 0 if percent >= 10 else 1)} %"

    def _local(self, at_s: float) -> datetime:
        return datetime.fromtimestamp(at_s, self.timezone)


class Languages:
    """All languages of the console."""

    def __init__(self, timezone: str) -> None:
        zone = ZoneInfo(timezone)
        self._languages = {code: Language(code, read_words(code), zone) for code in CODES}

    def choose(self, cookie: str | None, accept: str) -> Language:
        """The language that a person chose, else the first one that the browser names, else Vietnamese."""
        wanted = [cookie or "", *(part.split(";")[0].strip()[:2].lower() for part in accept.split(","))]
        return self._languages[next((code for code in wanted if code in self._languages), DEFAULT)]


def read_words(code: str) -> dict[str, str]:
    """The catalogue of a language; English needs none, its messages are the keys."""
    path = FOLDER / f"{code}.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
