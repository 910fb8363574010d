"""What pages show of cameras and nodes: a camera of a node that is not heard sees nothing, whatever was last said."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import Connection

from console.domain.node_clock import WRONG_S
from console.domain.node_condition import (
    SILENT_AFTER_S,
    CameraCondition,
    NodeCondition,
    camera_condition,
    node_condition,
)
from console.store import blind_times, cameras, deliveries, nodes
from console.web.node_problem import NodeProblem, gone_links, node_problems

_RANK = {CameraCondition.UNKNOWN: 0, CameraCondition.BLIND: 0, CameraCondition.IMPAIRED: 1, CameraCondition.SEES: 2}
SHOWN_S = 7 * 86_400.0
MOST_NAMED = 60  # cameras that the wall names because they do not see; the page of cameras has all
_NOT_ASKED = deliveries.Absent(0, 0, 0)
_UNHEARD = {
    NodeCondition.OFFLINE: "node_offline",
    NodeCondition.SILENT: "node_silent",
    NodeCondition.NEVER_SEEN: "node_silent",
}


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A zone or line to draw. points: corners as fractions, as an SVG list.

    reason_code: why its rules see nothing, though the camera does: a word of the group "fault", empty while they see;
    since_at_s: since when, UTC seconds. key: its name in the configuration; name: what people call it.
    """

    key: str
    name: str
    points: str
    closed: bool
    state: str
    reason_code: str = ""
    since_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera as it is now. reason_code: a word of the group "fault", empty while it sees.

    unseen_s: seconds of the last days in which it saw nothing, where they were asked for.
    """

    camera: cameras.Camera
    condition: CameraCondition
    reason_code: str
    since_at_s: float | None
    zones: tuple[ZoneView, ...]
    unseen_s: float = 0.0

    @property
    def of_lens(self) -> bool:
        """Whether pictures come, and it is they that are wrong."""
        return self.reason_code.startswith("camera_") and self.reason_code != "camera_error"

    def sight(self, zone: str) -> tuple[str, str, float | None]:
        """How the rules of a zone see, empty for the whole camera: condition, why, and since when."""
        own = next((one for one in self.zones if one.key == zone), None)
        if own is None or self.condition in (CameraCondition.BLIND, CameraCondition.UNKNOWN):
            return self.condition, self.reason_code, self.since_at_s
        if own.state == "sees" and not self.reason_code.startswith("zone_"):  # that is another zone's trouble
            return self.condition, self.reason_code, self.since_at_s
        return own.state, own.reason_code, own.since_at_s

    def zone_label(self, zone: str) -> str:
        """What people call a zone of this camera."""
        labels = {shape["zone"]: shape.get("label") for shape in self.camera.health.get("zones", ())}
        return labels.get(zone) or zone


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as it is now, and its messages that are not here."""

    node: nodes.Node
    condition: NodeCondition
    absent: deliveries.Absent

    @property
    def problems(self) -> tuple[NodeProblem, ...]:
        """What is wrong with the node itself, critical ones first. Nothing is known of one that is not heard."""
        known = (*gone_links(self.node.links), *node_problems(self.node.health))
        return () if self.condition in _UNHEARD else known

    @property
    def clock_word(self) -> str:
        """A word of the group "clock" where the node's clock is so wrong that somebody must set it, else empty."""
        return "" if self.condition in _UNHEARD or abs(self.node.clock_behind_s) < WRONG_S else self.clock_now

    @property
    def clock_now(self) -> str:
        """A word of the group "clock_now", as of the last report."""
        behind_s = self.node.clock_behind_s
        return ("slow" if behind_s > 0 else "fast") if behind_s else "same"

    @property
    def unheard(self) -> bool:
        """Whether nothing is heard of it now."""
        return self.condition in _UNHEARD or self.condition == NodeCondition.UNKNOWN

    @property
    def asks(self) -> bool:
        """Whether the node can be asked for what is missing."""
        return self.condition in (NodeCondition.OK, NodeCondition.DEGRADED)


@dataclass(frozen=True)
class Watch:
    """All nodes and cameras; those that do not see first. heard: whether the console itself hears the nodes.

    numbers: how many cameras are in each condition, where `cameras` are not all of them.
    """

    nodes: tuple[NodeView, ...]
    cameras: tuple[CameraView, ...]
    heard: bool
    numbers: Mapping[str, int] | None = None

    def count(self, condition: str, node: str | None = None) -> int:
        """How many cameras are in that condition: of one node, or of all."""
        if self.numbers is not None and node is None:
            return self.numbers.get(condition, 0)
        return sum(one.condition == condition and node in (None, one.camera.node) for one in self.cameras)

    @property
    def in_all(self) -> int:
        """How many cameras there are."""
        return len(self.cameras) if self.numbers is None else sum(self.numbers.values())

    @property
    def heard_at_s(self) -> float | None:
        """When a node was heard last, UTC seconds."""
        return max((one.node.last_seen_at_s for one in self.nodes if one.node.last_seen_at_s), default=None)

    def unheard_since_s(self) -> dict[int, float]:
        """By the id of each node that is not heard now when its last report was made, UTC seconds."""
        unheard = (one.node for one in self.nodes if one.condition in (*_UNHEARD, NodeCondition.UNKNOWN))
        return {node.id: node.clock.told_at_s for node in unheard if node.clock is not None}

    def camera(self, node: str, name: str) -> CameraView | None:
        """The camera of that node."""
        return self._by_name.get((node, name))

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], CameraView]:
        return {(one.camera.node, one.camera.name): one for one in self.cameras}


def watch(
    connection: Connection, now_s: float, heard: bool, of: Collection[int] | None = None, *, others: bool = True
) -> Watch:
    """How everything does at `now_s` (UTC seconds). heard: whether the console is connected to the broker.

    of: ids of the nodes whose cameras and missing messages are wanted; None for all. others: whether the other nodes
    are wanted without these: a province has a thousand.
    """
    boxes = nodes.listing(connection, brief=of is not None and not of, of=None if others else of)
    found = cameras.listing(connection, of)
    wanted = [box for box in boxes if of is None or box.id in of]
    absent = deliveries.absent_of_each(connection, {box.id: box.health.get("outbox_id") for box in wanted})
    seen = {(one.node, one.name) for one in found}
    views = tuple(_node(_within_sight(box, seen), absent.get(box.id, _NOT_ASKED), now_s, heard) for box in boxes)
    return Watch(views, _cameras(found, views), heard)


def unheard_since_s(connection: Connection, now_s: float, heard: bool) -> dict[int, float]:
    """As `Watch.unheard_since_s`, for who needs nothing else."""
    boxes = nodes.listing(connection, brief=True, unheard_since_s=now_s - SILENT_AFTER_S if heard else None)
    return Watch(tuple(_node(box, _NOT_ASKED, now_s, heard) for box in boxes), (), heard).unheard_since_s()


def watch_for_alerts(connection: Connection, now_s: float, heard: bool, named: Collection[tuple[str, str]]) -> Watch:
    """As `watch`, with no more cameras than these (node, name): what one alert asks for, of however many boxes."""
    names = {node for node, _ in named}
    boxes = [box for box in nodes.listing(connection, brief=True) if box.name in names]
    views = tuple(_node(box, _NOT_ASKED, now_s, heard) for box in boxes)
    return Watch(views, _cameras(cameras.named(connection, named), views), heard)


def watch_for_wall(connection: Connection, now_s: float, heard: bool, named: Collection[tuple[str, str]]) -> Watch:
    """As `watch`, with all boxes and how many cameras do not see, at most `MOST_NAMED` of them by name, and `named`.

    A wall of a thousand boxes is drawn at each change: it reads no report of a camera that it does not show.
    """
    numbers = cameras.numbers(connection)
    boxes = _all_within_sight(connection, nodes.listing(connection, brief=True), numbers)
    absent = deliveries.absent_of_each(connection, {box.id: box.health.get("outbox_id") for box in boxes})
    views = tuple(_node(box, absent.get(box.id, _NOT_ASKED), now_s, heard) for box in boxes)
    conditions = {one.node.id: one.condition for one in views}
    counted: Counter[str] = Counter()
    for node_id, state, number in numbers:
        counted[camera_condition(state, conditions[node_id])] += number
    unheard = [one.node.id for one in views if one.condition in _UNHEARD] if heard else []
    troubled = cameras.unseeing(connection, unheard, MOST_NAMED) if heard else ()
    shown = {(one.node, one.name): one for one in (*troubled, *cameras.named(connection, named))}
    return Watch(views, _cameras(list(shown.values()), views), heard, counted)


def boxes_in_sight(connection: Connection, now_s: float, heard: bool) -> tuple[NodeView, ...]:
    """All boxes, with no more of their cameras than may be seen; what is missing of them is not asked for."""
    numbers = cameras.numbers(connection)
    boxes = _all_within_sight(connection, nodes.listing(connection, brief=True), numbers)
    return tuple(_node(box, _NOT_ASKED, now_s, heard) for box in boxes)


def _node(box: nodes.Node, absent: deliveries.Absent, now_s: float, heard: bool) -> NodeView:
    condition = node_condition(box.status, box.health.get("state", ""), box.last_seen_at_s, now_s, heard)
    return NodeView(box, condition, absent)


def _cameras(found: Sequence[cameras.Camera], boxes: Sequence[NodeView]) -> tuple[CameraView, ...]:
    by_name = {box.node.name: box for box in boxes}
    views = [_camera(camera, by_name[camera.node]) for camera in found]
    return tuple(sorted(views, key=lambda one: (_RANK[one.condition], one.camera.site, one.camera.label)))


def _all_within_sight(
    connection: Connection, boxes: Sequence[nodes.Node], numbers: Sequence[tuple[int, str, int]]
) -> Sequence[nodes.Node]:
    """As `_within_sight`; looks at names only where a box tells of more cameras than are to be seen of it."""
    in_sight: Counter[int] = Counter()
    for node_id, _, number in numbers:
        in_sight[node_id] += number
    partly = {box.id for box in boxes if len(box.health.get("cameras", ())) > in_sight[box.id]}
    seen = cameras.names(connection, partly)
    return [_within_sight(box, seen) if box.id in partly else box for box in boxes]


def _within_sight(box: nodes.Node, seen: Set[tuple[str, str]]) -> nodes.Node:
    """The box without what it tells of cameras that whoever asks may not see."""
    reports = box.health.get("cameras", ())
    hidden = {one["camera"] for one in reports if (box.name, one["camera"]) not in seen}
    if not hidden:
        return box
    kept = [one for one in reports if one["camera"] not in hidden]
    problems = [one for one in box.health.get("node_problems") or () if one.get("subject") not in hidden]
    return replace(box, health={**box.health, "cameras": kept, "node_problems": problems})


def with_blind_totals(connection: Connection, seen: Watch, now_s: float) -> Watch:
    """`seen` with how long each camera saw nothing in the last days: more work than a wall may do at each change."""
    span = blind_times.Span(now_s - SHOWN_S, now_s)
    totals = blind_times.totals(connection, blind_times.Scope(), span, seen.unheard_since_s())
    ids = {box.node.name: box.node.id for box in seen.nodes}
    blind_s = {key: total.blind_s for key, total in totals.items()}
    views = (replace(one, unseen_s=blind_s.get((ids[one.camera.node], one.camera.name), 0.0)) for one in seen.cameras)
    return replace(seen, cameras=tuple(views))


def _camera(camera: cameras.Camera, box: NodeView) -> CameraView:
    zones = tuple(
        ZoneView(
            shape["zone"],
            shape.get("label") or shape["zone"],
            " ".join(f"{x},{y}" for x, y in shape["polygon"]),
            len(shape["polygon"]) > 2,
            shape.get("state", "sees"),
            shape.get("reason_code", ""),
            None if shape.get("since_at_s") is None else shape["since_at_s"] + box.node.clock_behind_s,
        )
        for shape in camera.health.get("zones", ())
    )
    condition = camera_condition(camera.state, box.condition)
    if condition == CameraCondition.UNKNOWN:
        return CameraView(camera, condition, "", None, zones)
    if box.condition in _UNHEARD:
        return CameraView(camera, condition, _UNHEARD[box.condition], box.node.last_seen_at_s, zones)
    since_at_s = None if camera.since_at_s is None else camera.since_at_s + box.node.clock_behind_s
    return CameraView(camera, condition, camera.reason_code, since_at_s, zones)
