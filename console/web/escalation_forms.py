"""The forms of the page of escalation."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from console.domain.alert import Severity
from console.domain.calendar import DayKind
from console.domain.channel import ChannelKind
from console.domain.escalation import MOST_WAIT_S, Hours

_MOST_ID = 2**31 - 1
_Id = Annotated[int, Field(ge=0, le=_MOST_ID)]
_At = Annotated[int, Field(ge=0, le=99)]
_Name = Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")]
_Text = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
_Seconds = Annotated[float, Field(ge=0, le=MOST_WAIT_S)]
_Version = Annotated[str, Field(max_length=12)]
_Clock = Annotated[str, Field(max_length=5)]
_Day = Annotated[str, Field(max_length=10)]
Do = Literal["keep", "add", "remove", "up", "off", "forget"]


class LadderForm(BaseModel):
    """A ladder. ladder: its number, 0 for a new one."""

    do: Do = "keep"
    ladder: _Id = 0
    severity: tuple[Severity, ...] = ()
    rounds: Annotated[int, Field(ge=1, le=99)] = 1
    again_s: _Seconds = 300.0
    hold_s: _Seconds = 900.0


class StepForm(BaseModel):
    """A step. at: its place, that behind the last one for a new one; version: of the ladder as it was seen."""

    do: Do = "keep"
    version: _Version = ""
    ladder: _Id = 0
    at: _At = 0
    name: _Name = ""
    wait_s: _Seconds = 60.0


class HoursForm(BaseModel):
    """Hours of a week. always: all of them, whatever else is said."""

    do: Do = "keep"
    always: bool = False
    day: tuple[Annotated[int, Field(ge=0, le=6)], ...] = ()
    begins: _Clock = ""
    ends: _Clock = ""
    first: _Day = ""
    last: _Day = ""
    day_kind: tuple[DayKind, ...] = ()


class DutyForm(HoursForm):
    """Somebody on a step. duty: the place of the one to take off it."""

    version: _Version = ""
    ladder: _Id = 0
    at: _At = 0
    duty: _At = 0
    person: _Id = 0


class PersonForm(BaseModel):
    """Somebody who is told. channel, to: ways and where, in the same order."""

    do: Do = "keep"
    person: _Id = 0
    name: _Name = ""
    language: Literal["vi", "en"] = "vi"
    channel: Annotated[tuple[_Id, ...], Field(max_length=20)] = ()
    to: Annotated[tuple[Annotated[str, Field(max_length=120)], ...], Field(max_length=20)] = ()


class ChannelForm(BaseModel):
    """A way. channel: its number, 0 for a new one; address: empty for one that stays as it is."""

    do: Do = "keep"
    channel: _Id = 0
    kind: ChannelKind = ChannelKind.EMAIL
    name: _Name = ""
    address: Annotated[str, Field(max_length=600)] = ""


class CardForm(BaseModel):
    """What is read out to the police."""

    address: _Text = ""
    gate: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    phone: Annotated[str, Field(max_length=40, pattern=r"^[0-9+ ().-]*$")] = ""


def hours_of(told: HoursForm) -> Hours | None:
    """The hours that a form says; None where they can't be."""
    try:
        first, last = (date.fromisoformat(day) if day.strip() else None for day in (told.first, told.last))
        begins, ends = (_minute(clock) for clock in (told.begins or "00:00", told.ends or "00:00"))
    except ValueError:
        return None
    kinds = frozenset(told.day_kind)
    if told.always:
        return Hours(first_day=first, last_day=last, kinds=kinds)
    if not told.day or (first and last and last < first):
        return None
    return Hours(frozenset(told.day), begins, ends % (24 * 60), first, last, kinds)


def _minute(clock: str) -> int:
    """Minutes since midnight of a "HH:MM". Raises ValueError."""
    hours, mark, minutes = clock.partition(":")
    value = int(hours) * 60 + int(minutes) if mark and clock.isascii() else -1
    if not 0 <= value <= 24 * 60 or not 0 <= int(minutes) < 60:
        raise ValueError(clock)
    return value
