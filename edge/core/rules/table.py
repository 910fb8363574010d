"""The rules there are. A new rule is one file and one line here."""

from dataclasses import dataclass
from typing import Protocol

from edge.core.rules.crowd import CrowdParams, CrowdRule
from edge.core.rules.intrusion import IntrusionParams, IntrusionRule
from edge.core.rules.line_crossing import LineCrossingParams, LineCrossingRule
from edge.core.rules.loitering import LoiteringParams, LoiteringRule
from edge.core.rules.repeated_presence import RepeatedPresenceParams, RepeatedPresenceRule
from edge.core.rules.signal import RuleKind, Signal
from edge.core.scene import Scene

RuleParams = LoiteringParams | RepeatedPresenceParams | IntrusionParams | CrowdParams | LineCrossingParams


class Rule(Protocol):
    """Judges one scene after the other. Holds its own state; one instance for each rule of each camera."""

    def update(self, scene: Scene, armed: bool) -> list[Signal]:
        """Signals after one frame; `armed` is whether the rule is armed at it."""
        ...


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One row: the kind's name in configuration and messages, its parameters, its rule."""

    kind: RuleKind
    params: type[RuleParams]
    rule: type[Rule]


RULES = (
    RuleEntry("loitering", LoiteringParams, LoiteringRule),
    RuleEntry("repeated_presence", RepeatedPresenceParams, RepeatedPresenceRule),
    RuleEntry("intrusion", IntrusionParams, IntrusionRule),
    RuleEntry("crowd", CrowdParams, CrowdRule),
    RuleEntry("line_crossing", LineCrossingParams, LineCrossingRule),
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
