"""The calendar of a site as a node gets it: written out, with moments in UTC, so that it works through any outage."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from broker.contract.messages import Message, Moment, Name, RuleKind, Severity


class RuleOrder(Message):
    """How rules of a kind are to be armed: all of the node's, or those of one camera, or of one zone (or line) of it.

    Of several for the same rule the narrowest counts, alone. What is left out stays as it is set on the node.
    """

    rule: RuleKind
    camera: Name | None = None
    zone: Name | None = None
    armed: bool | None = None
    seconds: Annotated[float | None, Field(ge=1, le=7200)] = None
    severity: Severity | None = None


class SchedulePlan(Message):
    """What is ordered while something goes on. name: of the period, for people who look into the file."""

    name: Annotated[str, Field(max_length=40)] = ""
    orders: tuple[RuleOrder, ...] = Field((), max_length=1000)


class ScheduleSpan(Message):
    """From this moment to the next span's a plan counts. plan: its number in the message, from 0."""

    from_at_s: Moment
    plan: Annotated[int, Field(ge=0, le=63)]


class ScheduleMessage(Message):
    """Console to node, retained: the calendar of its site, written out. The newest one counts.

    Outside of its spans, and where it has none, every rule is as it is set on the node.
    """

    schema_version: Literal[1] = 1
    revision: Annotated[str, Field(max_length=64, description="the same for the same content; empty: no calendar")]
    until_at_s: Annotated[Moment, Field(description="where the last span ends")]
    plans: tuple[SchedulePlan, ...] = Field((), max_length=64)
    spans: tuple[ScheduleSpan, ...] = Field((), max_length=4000)

    @model_validator(mode="after")
    def _sound(self) -> "ScheduleMessage":
        moments = [*(span.from_at_s for span in self.spans), *((self.until_at_s,) if self.spans else ())]
        if any(later <= earlier for earlier, later in pairwise(moments)):
            raise ValueError("the spans are not in the order of their time")
        if any(span.plan >= len(self.plans) for span in self.spans):
            raise ValueError("a span names a plan that is not there")
        return self
