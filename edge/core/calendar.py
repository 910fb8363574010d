"""What the console's calendar makes of the rules of a camera: which are armed now, with which seconds, how grave. Pure.

The calendar is written out in moments (UTC), so nothing of days, holidays or time zones is known here. Outside of its
spans, and where it orders nothing, a rule is as it is configured.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.core.events import Severity
from edge.core.rules.line_crossing import LineCrossingParams
from edge.core.rules.loitering import LoiteringParams
from edge.core.rules.signal import RuleKind
from edge.core.rules.table import RuleParams, entry_for, with_seconds
from edge.core.schedule import WeeklySchedule


@dataclass(frozen=True, slots=True)
class WatchedRule:
    """A rule as configured: what, how grave, when; and whether a calendar may change any of that."""

    params: RuleParams
    severity: Severity = "medium"
    schedule: WeeklySchedule = WeeklySchedule()  # noqa: RUF009  # frozen, so sharing it is safe
    follows_calendar: bool = True

    @property
    def kind(self) -> RuleKind:
        """The rule's kind."""
        return entry_for(self.params).kind

    @property
    def place(self) -> str:
        """Name of the zone or line that it watches."""
        return self.params.name if isinstance(self.params, LineCrossingParams) else self.params.zone


@dataclass(frozen=True, slots=True)
class Order:
    """How rules of a kind are to be armed: all, those of one camera, or those of one zone or line of it.

    What is None stays as it is configured.
    """

    rule: RuleKind
    camera: str | None = None
    place: str | None = None
    armed: bool | None = None
    seconds: float | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which orders count when. spans: UTC seconds, growing, and the number of the plan from then on; names: of plans.

    The last span ends at `until_at_s`. revision: names this content; empty where there is no calendar.
    clock_wrong: the box is known not to know what time it is; then no hours, its own neither, leave a rule off.
    """

    revision: str = ""
    until_at_s: float = 0.0
    spans: tuple[tuple[float, int], ...] = ()
    plans: tuple[tuple[Order, ...], ...] = ()
    clock_wrong: bool = False
    names: tuple[str, ...] = ()

    def plan_at(self, at_s: float) -> int | None:
        """Number of the plan that counts at `at_s` (UTC seconds); None where none does."""
        number = bisect_right(self.spans, at_s, key=lambda span: span[0]) - 1
        return self.spans[number][1] if number >= 0 and at_s < self.until_at_s else None

    def name_at(self, at_s: float) -> str:
        """What goes on at `at_s` (UTC seconds), by the name of its plan; "clock_wrong" where nobody can tell."""
        number = self.plan_at(at_s)
        return CLOCK_WRONG if self.clock_wrong else "" if number is None else "".join(self.names[number : number + 1])


CLOCK_WRONG = "clock_wrong"
NO_CALENDAR = Calendar()


@dataclass(frozen=True, slots=True)
class InForce:
    """How a rule is to be judged by at one moment."""

    armed: bool
    params: RuleParams
    severity: Severity


class CalendarDesk:
    """Says of the rules of one camera what is in force. Remembers the orders of the last plan that it looked up."""

    def __init__(self, camera: str, rules: Sequence[WatchedRule]) -> None:
        self._camera, self._rules = camera, tuple(rules)
        self._known: tuple[str, int | None] = ("", None)
        self._orders: tuple[Order | None, ...] = (None,) * len(self._rules)

    def in_force(self, calendar: Calendar, at_s: float) -> list[InForce]:
        """Of each rule, in their order, at `at_s` (UTC seconds). A clock that is wrong silences none."""
        if calendar.clock_wrong:
            return [InForce(True, rule.params, rule.severity) for rule in self._rules]
        key = calendar.revision, calendar.plan_at(at_s)
        if key != self._known:
            plan = () if key[1] is None else calendar.plans[key[1]]
            self._orders = tuple(_order_for(plan, self._camera, rule) for rule in self._rules)
            self._known = key
        own = [rule.schedule.is_on(at_s) for rule in self._rules]
        return [self._one(number, own) for number in range(len(self._rules))]

    def _one(self, number: int, own: list[bool]) -> InForce:
        rule, order = self._rules[number], self._orders[number]
        if order is None:
            return InForce(own[number], rule.params, rule.severity)
        armed = own[number] if order.armed is None else order.armed
        if armed and (order.armed or order.seconds is not None):
            armed = self._is_the_one(number, own, alone=order.seconds is not None)
        params = rule.params if order.seconds is None else with_seconds(rule.params, order.seconds)
        return InForce(armed, params, order.severity or rule.severity)

    def _is_the_one(self, number: int, own: list[bool], *, alone: bool) -> bool:
        """Of rules that differ in their hours and seconds alone, one is armed, or each alert would come twice.

        It is the one whose own hours say so, else the first. alone: they have the same seconds now, so that even of
        those whose own hours say so only the first counts.
        """
        mine = _without_seconds(self._rules[number])
        twins = [
            other
            for other, rule in enumerate(self._rules)
            if self._orders[other] is not None and _without_seconds(rule) == mine
        ]
        on = [other for other in twins if own[other]]
        return number in ((on[:1] if alone else on) or twins[:1])


def _without_seconds(rule: WatchedRule) -> RuleParams:
    params = rule.params
    if isinstance(params, LoiteringParams):
        params = replace(params, second_stage_at=1.0)
    return with_seconds(params, 1.0)


def _order_for(plan: Sequence[Order], camera: str, rule: WatchedRule) -> Order | None:
    """The narrowest order for a rule; None: it is as it is configured."""
    if not rule.follows_calendar:
        return None
    fitting = [
        order
        for order in plan
        if order.rule == rule.kind and order.camera in (None, camera) and order.place in (None, rule.place)
    ]
    return max(fitting, key=lambda order: (order.place is not None, order.camera is not None), default=None)
