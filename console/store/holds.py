"""What people have boxes keep of their recordings: who asked for it and why, who let go, what the box has of it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select, update

from console.domain.access import EVERYWHERE, Place
from console.domain.hold import Answer, HoldState, hold_state
from console.store import changes
from console.store.database import lock
from console.store.narrowing import seeing
from console.store.tables import camera, event, hold, node, site, user_account

_LOCK = 7_203_140
SAME_S = 60.0  # forms tell minutes
_LAST_S = 4e9  # the latest moment that a message can hold


class TooManyHoldsError(ValueError):
    """A box can't keep any more at a time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants kept. Times in UTC seconds by the console's clock; event_id: with all files of this event.

    id: drawn by the page, so that a form that is sent twice asks once.
    clock_behind_s: of the box at that time, to take off for the same by its clock.
    """

    id: str
    node_id: int
    camera: str
    event_id: str | None
    from_at_s: float
    to_at_s: float
    clock_behind_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """One, as pages show it. rule: of its alert; answer: what the box said of it last."""

    id: str
    site: str
    node: str
    node_status: str
    camera: str
    camera_label: str
    event_id: str | None
    rule: str
    from_at_s: float
    to_at_s: float
    reason: str
    asked_by: str
    asked_at_s: float
    released_by: str | None
    released_at_s: float | None
    release_reason: str
    answer: Answer | None

    @property
    def length_s(self) -> float:
        """Of the time that is held."""
        return self.to_at_s - self.from_at_s

    @property
    def state(self) -> HoldState:
        """How it stands."""
        return hold_state(self.to_at_s, self.released_at_s, self.answer)


@dataclass(frozen=True, slots=True)
class Order:
    """What a box is to keep; times in UTC seconds by its own clock."""

    id: str
    camera: str
    event_id: str | None
    from_at_s: float
    to_at_s: float


@dataclass(frozen=True, slots=True)
class Orders:
    """All that a box is to keep now. released: ids of what it is to let go of, and has not said that it did."""

    holds: tuple[Order, ...]
    released: tuple[str, ...]


def ask(connection: Connection, asked: Asked, user_id: int, at_s: float, most: int) -> bool:
    """Writes down what is to be kept; False where this form has come before, with the same in it.

    most: holds of a box at a time. Raises TooManyHoldsError.
    """
    lock(connection, _LOCK)
    values = {name: getattr(asked, name) for name in Asked.__slots__}
    of_box = select(func.count()).select_from(hold).where(hold.c.node_id == asked.node_id, _holds())
    with seeing(EVERYWHERE):
        known = connection.execute(select(hold).where(hold.c.id == asked.id)).first()
        if known is not None and _same(known, asked):
            return False
        if known is not None:  # a browser's way back led to the form, and something else was written into it
            values["id"] = str(uuid.uuid4())
        if connection.execute(of_box).scalar_one() >= most:
            raise TooManyHoldsError
    connection.execute(insert(hold).values(**values, asked_by=user_id, asked_at_s=at_s))
    return True


def release(connection: Connection, hold_id: str, user_id: int, reason: str, at_s: float) -> bool:
    """Lets go; False where somebody has done so already."""
    values = {"released_by": user_id, "released_at_s": at_s, "release_reason": reason}
    held = (hold.c.id == hold_id) & hold.c.released_at_s.is_(None)
    return connection.execute(update(hold).where(held).values(**values)).rowcount == 1


def place(connection: Connection, hold_id: str) -> Place | None:
    """Where a hold is; None where there is none, or the asker may not know of it."""
    query = select(node.c.site_id, hold.c.node_id, hold.c.camera).join(node, node.c.id == hold.c.node_id)
    row = connection.execute(query.where(hold.c.id == hold_id)).first()
    return Place(row.site_id, row.node_id, row.camera) if row else None


def find(connection: Connection, hold_id: str) -> Hold | None:
    """One hold."""
    return next(iter(_found(connection, _shown().where(hold.c.id == hold_id))), None)


def of_alert(connection: Connection, event_id: str) -> Sequence[Hold]:
    """The holds of an alert, the latest first."""
    return _found(connection, _shown().where(hold.c.event_id == event_id))


def listing(connection: Connection, limit: int, older: tuple[float, str] | None = None) -> Sequence[Hold]:
    """Holds, the latest first. older: moment and id of the last one that is known already."""
    query = _shown()
    if older is not None:
        asked_at_s, hold_id = older
        same = and_(hold.c.asked_at_s == asked_at_s, hold.c.id < hold_id)
        query = query.where(or_(hold.c.asked_at_s < asked_at_s, same))
    return _found(connection, query.limit(limit))


def to_tell(connection: Connection) -> dict[str, Orders]:
    """By the name of a box what it is to be told; nothing of boxes of which nothing is held and nothing let go of."""
    query = select(hold, node.c.name).join(node, node.c.id == hold.c.node_id).where(or_(_holds(), _unsettled()))
    rows: dict[str, list[Any]] = {}
    for row in connection.execute(query.order_by(hold.c.asked_at_s.desc(), hold.c.id)):
        rows.setdefault(row.name, []).append(row)
    return {
        name: Orders(
            tuple(_order(row) for row in of_box if row.released_at_s is None),
            tuple(row.id for row in of_box if row.released_at_s is not None),
        )
        for name, of_box in rows.items()
    }


def note_told(connection: Connection, node_id: int, told: Mapping[str, tuple[float, int]], now_s: float) -> None:
    """Takes in what a box says that it keeps, all of it: by hold the seconds recorded and the bytes.

    Also of what was let go of long ago, where it keeps that: then it has not heard of it.
    """
    of_box = (hold.c.node_id == node_id) & or_(_holds(), _unsettled(), hold.c.id.in_(told))
    for row in connection.execute(select(hold.c.id, hold.c.event_id).where(of_box)).all():
        seconds, size = told.get(row.id, (0.0, 0))
        values = {"told_at_s": now_s, "kept": row.id in told, "recorded_s": seconds, "bytes": size}
        connection.execute(update(hold).where(hold.c.id == row.id).values(**values))
        if row.event_id:
            changes.append(connection, "alert", row.event_id, "held", now_s)


def _same(known: Any, asked: Asked) -> bool:
    """Whether two forms ask for the same; of an alert that is open, "until now" is another moment each time."""
    what = (known.node_id, known.camera, known.event_id) == (asked.node_id, asked.camera, asked.event_id)
    apart = abs(known.from_at_s - asked.from_at_s), abs(known.to_at_s - asked.to_at_s)
    return what and max(apart) < SAME_S


def _holds() -> ColumnElement[bool]:
    return hold.c.released_at_s.is_(None)


def _unsettled() -> ColumnElement[bool]:
    """Let go of, and the box has not said so."""
    return or_(hold.c.told_at_s.is_(None), hold.c.told_at_s < hold.c.released_at_s, hold.c.kept)


def _order(row: Any) -> Order:
    begin_s, end_s = (min(max(0.0, at_s - row.clock_behind_s), _LAST_S) for at_s in (row.from_at_s, row.to_at_s))
    return Order(row.id, row.camera, row.event_id, begin_s, end_s)


def _shown() -> Select[Any]:
    asker, releaser = user_account.alias("asker"), user_account.alias("releaser")
    same_camera = (camera.c.node_id == hold.c.node_id) & (camera.c.name == hold.c.camera)
    return (
        select(hold, node.c.name.label("node_name"), node.c.status, site.c.name.label("site_name"), camera.c.label)
        .add_columns(asker.c.name.label("asker_name"), releaser.c.name.label("releaser_name"), event.c.rule)
        .join_from(hold, node, node.c.id == hold.c.node_id)
        .join(site, site.c.id == node.c.site_id)
        .join(asker, asker.c.id == hold.c.asked_by)
        .outerjoin(releaser, releaser.c.id == hold.c.released_by)
        .outerjoin(camera, same_camera)
        .outerjoin(event, event.c.event_id == hold.c.event_id)
        .order_by(hold.c.asked_at_s.desc(), hold.c.id.desc())
    )


def _found(connection: Connection, query: Select[Any]) -> Sequence[Hold]:
    return [
        Hold(
            row.id,
            row.site_name,
            row.node_name,
            row.status,
            row.camera,
            row.label or row.camera,
            row.event_id,
            row.rule or "",
            row.from_at_s,
            row.to_at_s,
            row.reason,
            row.asker_name,
            row.asked_at_s,
            row.releaser_name,
            row.released_at_s,
            row.release_reason,
            None if row.told_at_s is None else Answer(row.told_at_s, row.kept, row.recorded_s, row.bytes),
        )
        for row in connection.execute(query)
    ]
