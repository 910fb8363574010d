"""What people at the console ask a node to keep, and what the node says it keeps of that."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from broker.contract.messages import Count, EventId, Message, Moment, Seconds

MOST_HOLDS = 500  # of one node at a time: a message of them has half the bytes that one may have
CameraName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]


class Hold(Message):
    """A camera's recording from one moment to another, and all files of an event where one is named.

    The moments are by the node's own clock, as its recordings are.
    """

    hold_id: EventId
    camera: CameraName
    from_at_s: Moment
    to_at_s: Moment
    event_id: EventId | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Hold":
        if self.to_at_s < self.from_at_s:
            raise ValueError("the hold ends before it begins")
        return self


class HoldsMessage(Message):
    """Console to node, retained: what is to be kept, whatever the limits and however full the disk.

    A node lets go only of what `released` names, by its hold_id. What is not named any more stays, so that a console
    that was set up anew lets go of nothing; and what was held on the node by hand is not touched.
    """

    schema_version: Literal[1] = 1
    holds: tuple[Hold, ...] = Field((), max_length=MOST_HOLDS)
    released: tuple[EventId, ...] = Field((), max_length=MOST_HOLDS)


class HeldPart(Message):
    """What lies on the node of a hold. bytes: of the files, whole, that hold something of it."""

    hold_id: EventId
    recorded_s: Annotated[Seconds, Field(description="seconds of the asked time that are recorded")] = 0.0
    bytes: Count = 0


class HeldMessage(Message):
    """Node to console, retained: every hold of the console's that it keeps, after each change of what lies there."""

    schema_version: Literal[1] = 1
    at_s: Moment
    holds: tuple[HeldPart, ...] = Field((), max_length=2 * MOST_HOLDS)
