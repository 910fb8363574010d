"""The rules there are. A new rule is one file and one line here."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from edge.core.rules.crowd import CrowdParams, CrowdRule
from edge.core.rules.intrusion import IntrusionParams, IntrusionRule
from edge.core.rules.line_crossing import LineCrossingParams, LineCrossingRule
from edge.core.rules.loitering import LoiteringParams, LoiteringRule
from edge.core.rules.repeated_presence import RepeatedPresenceParams, RepeatedPresenceRule
from edge.core.rules.signal import RuleKind, Signal
from edge.core.scene import Scene

RuleParams = LoiteringParams | RepeatedPresenceParams | IntrusionParams | CrowdParams | LineCrossingParams


class Rule(Protocol):
    """Judges one scene after the other. Holds its own state; one instance for each rule of each camera.

    params: the `RuleParams` of its kind by which the next scene is judged. Its seconds may be others than for the
    last one; what was counted so far counts on.
    """

    params: Any

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame; `armed` is whether the rule is armed at it."""
        ...


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One row: the kind's name in configuration and messages, its parameters, its rule.

    seconds: the parameter that says for how long something must go on before it fires; empty where none does.
    """

    kind: RuleKind
    params: type[RuleParams]
    rule: type[Rule]
    seconds: str


RULES = (
    RuleEntry("loitering", LoiteringParams, LoiteringRule, "dwell_s"),
    RuleEntry("repeated_presence", RepeatedPresenceParams, RepeatedPresenceRule, "dwell_s"),
    RuleEntry("intrusion", IntrusionParams, IntrusionRule, "confirm_s"),
    RuleEntry("crowd", CrowdParams, CrowdRule, "hold_s"),
    RuleEntry("line_crossing", LineCrossingParams, LineCrossingRule, ""),
)


def entry_for(params: RuleParams) -> RuleEntry:
    """The row that `params` belongs to. Raises KeyError for a type that is not in the table."""
    for entry in RULES:
        if type(params) is entry.params:
            return entry
    raise KeyError(f"no rule takes {type(params).__name__}; add a line to edge/core/rules/table.py")


def build(params: RuleParams) -> Rule:
    """A fresh rule for `params`."""
    make = entry_for(params).rule
    return make(params)  # type: ignore[call-arg]  # each row's rule takes that row's params; a test holds it


def seconds_of(params: RuleParams) -> float | None:
    """For how long something must go on before the rule fires; None where it fires at once."""
    name = entry_for(params).seconds
    return getattr(params, name) if name else None


def with_seconds(params: RuleParams, seconds: float) -> RuleParams:
    """The same with other seconds; as they were where there are none."""
    name = entry_for(params).seconds
    if not name:
        return params
    if isinstance(params, RepeatedPresenceParams):  # visits never add up to more than their window
        return replace(params, dwell_s=seconds, window_s=max(params.window_s, seconds))
    return replace(params, **{name: seconds})  # type: ignore[arg-type]  # the table's names are seconds
