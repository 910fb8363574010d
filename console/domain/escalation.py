"""Who is told of an alert, one after the other, until somebody takes it on. Time comes in.

A ladder has steps; each waits some seconds after the one before it and has people, each with the hours in which they
are on duty. A step with nobody on duty costs no time: the next one is told in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from console.domain.alert import AlertState
from console.domain.calendar import DayKind

MOST_WAIT_S = 3600.0  # between two steps, and before a ladder begins again
MOST_ROUNDS = 5
MOST_STEPS = 8
DAY_MINUTES = 24 * 60
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at a site. local: by its clock; kinds: what kind of day today and yesterday are there."""

    local: datetime
    kinds: Mapping[date, DayKind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours that come again each week. days: 0 is Monday. begins, ends: minutes since midnight, local time.

    Where it ends no later than it begins, it ends on the day after: the days are those on which it begins.
    first_day, last_day: both among it; None: no such limit. kinds: of days by the site's calendar; none: any.
    """

    days: frozenset[int] = EVERY_DAY
    begins: int = 0
    ends: int = 0
    first_day: date | None = None
    last_day: date | None = None
    kinds: frozenset[DayKind] = frozenset()

    def cover(self, moment: Moment) -> bool:
        """Whether a moment is one of them."""
        minute, today = moment.local.hour * 60 + moment.local.minute, moment.local.date()
        if self.begins < self.ends:
            return self._begin_on(today, moment) and self.begins <= minute < self.ends
        if minute >= self.begins:
            return self._begin_on(today, moment)
        return minute < self.ends and self._begin_on(today - timedelta(days=1), moment)

    def _begin_on(self, day: date, moment: Moment) -> bool:
        if self.kinds and moment.kinds.get(day) not in self.kinds:
            return False
        since = self.first_day is None or self.first_day <= day
        return since and (self.last_day is None or day <= self.last_day) and day.weekday() in self.days


ALWAYS = Hours()


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody on a step, and when. person: their number."""

    person: int
    hours: Hours = ALWAYS


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One step. name: what people call it; wait_s: seconds after the step before it, or after the alert."""

    name: str
    wait_s: float
    duties: tuple[Duty, ...] = ()


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of a site for some priorities.

    rounds: how often it is gone through, `again_s` seconds after its last step, as long as nobody takes the alert on.
    hold_s: an alert on hold for so long goes through it once more; 0: never.
    """

    steps: tuple[LadderStep, ...]
    rounds: int = 1
    again_s: float = 300.0
    hold_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Run:
    """How far it has gone. told: steps behind it, over all rounds; base_at_s: since when it waits for the next one."""

    told: int
    base_at_s: float


@dataclass(frozen=True, slots=True)
class Told:
    """A step that has come due. number: among all of a run, from 0; people: who is told, none where nobody is there."""

    number: int
    step: LadderStep
    people: tuple[int, ...]


def on_duty(ladder: Ladder, step: LadderStep, moment: Moment) -> tuple[int, ...]:
    """People of a step who are on duty; where nobody of the whole ladder is, all of them: silence would be worse."""
    found = _there(step, moment)
    if not found and not any(_there(one, moment) for one in ladder.steps):
        found = tuple(duty.person for duty in step.duties)
    return tuple(dict.fromkeys(found))


def _there(step: LadderStep, moment: Moment) -> tuple[int, ...]:
    return tuple(duty.person for duty in step.duties if duty.hours.cover(moment))


def advance(ladder: Ladder, run: Run, now_s: float, moment: Moment) -> tuple[Run, Sequence[Told]]:
    """What has come due, in order, and how far the run is then.

    At most one step with people in it: after a time in which nothing ran they are told one after the other all the
    same, each after its seconds. A clock that goes back costs at most the seconds of one step once more.
    """
    told: list[Told] = []
    base_at_s, passed = min(run.base_at_s, now_s), False
    for number in range(run.told, len(ladder.steps) * ladder.rounds):
        step = ladder.steps[number % len(ladder.steps)]
        if now_s - base_at_s < _wait_s(ladder, number, passed=passed):
            break
        people = on_duty(ladder, step, moment)
        told.append(Told(number, step, people))
        passed = not people
        if people:
            base_at_s = now_s
            break
    return Run(run.told + len(told), base_at_s), told


def _wait_s(ladder: Ladder, number: int, *, passed: bool) -> float:
    """Seconds before a step. passed: whether nobody was there on the one before it, whose time has just run out."""
    begins_again = number > 0 and number % len(ladder.steps) == 0
    if passed and not begins_again:
        return 0.0
    return ladder.steps[number % len(ladder.steps)].wait_s + (ladder.again_s if begins_again else 0.0)


def is_over(ladder: Ladder, run: Run) -> bool:
    """Whether everybody has been told."""
    return run.told >= len(ladder.steps) * ladder.rounds


def next_at_s(ladder: Ladder, run: Run) -> float | None:
    """When to look again; None where nothing more comes."""
    return None if is_over(ladder, run) else run.base_at_s + _wait_s(ladder, run.told, passed=False)


def begins(state: AlertState, since_at_s: float, hold_s: float) -> float | None:
    """From when on an alert that came into `state` at `since_at_s` calls people; None: somebody has it in hand."""
    if state == AlertState.NEW:
        return since_at_s
    return since_at_s + hold_s if state == AlertState.ON_HOLD and hold_s > 0 else None


def quickened(ladder: Ladder, wait_s: float) -> Ladder:
    """The same people one after the other in short steps, once: what a test goes through."""
    steps = tuple(replace(step, wait_s=wait_s if at else 0.0) for at, step in enumerate(ladder.steps))
    return replace(ladder, steps=steps, rounds=1)
