"""What pages show of cameras and nodes: a camera of a node that is not heard sees nothing, whatever was last said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from console.domain.node_clock import WRONG_S
from console.domain.node_condition import CameraCondition, NodeCondition, camera_condition, node_condition
from console.store import blind_times, deliveries, nodes
from console.web.node_problem import NodeProblem, node_problems

_RANK = {CameraCondition.UNKNOWN: 0, CameraCondition.BLIND: 0, CameraCondition.IMPAIRED: 1, CameraCondition.SEES: 2}
_UNHEARD = {
    NodeCondition.OFFLINE: "node_offline",
    NodeCondition.SILENT: "node_silent",
    NodeCondition.NEVER_SEEN: "node_silent",
}


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A zone or line to draw. points: corners as fractions, as an SVG list.

    reason_code: why its rules see nothing, though the camera does: a word of the group "fault", empty while they see;
    since_at_s: since when, UTC seconds.
    """

    name: str
    points: str
    closed: bool
    reason_code: str = ""
    since_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera as it is now. reason_code: a word of the group "fault", empty while it sees."""

    camera: nodes.Camera
    condition: CameraCondition
    reason_code: str
    since_at_s: float | None
    zones: tuple[ZoneView, ...]
    unseen: tuple[blind_times.BlindTime, ...] = ()

    @property
    def of_lens(self) -> bool:
        """Whether pictures come, and it is they that are wrong."""
        return self.reason_code.startswith("camera_") and self.reason_code != "camera_error"

    def unseen_s(self, now_s: float) -> float:
        """Seconds of the days shown in which it saw nothing."""
        return sum((one.to_at_s or now_s) - one.from_at_s for one in self.unseen if not one.zone)

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
        return () if self.condition in _UNHEARD else node_problems(self.node.health)

    @property
    def clock_word(self) -> str:
        """A word of the group "clock" where the node's clock is so wrong that somebody must set it, else empty."""
        if self.condition in _UNHEARD or abs(self.node.clock_behind_s) < WRONG_S:
            return ""
        return "slow" if self.node.clock_behind_s > 0 else "fast"


@dataclass(frozen=True, slots=True)
class Watch:
    """All nodes and cameras; those that do not see first. heard: whether the console itself hears the nodes."""

    nodes: tuple[NodeView, ...]
    cameras: tuple[CameraView, ...]
    heard: bool

    def count(self, condition: str, node: str | None = None) -> int:
        """How many cameras are in that condition: of one node, or of all."""
        return sum(one.condition == condition and node in (None, one.camera.node) for one in self.cameras)

    @property
    def heard_at_s(self) -> float | None:
        """When a node was heard last, UTC seconds."""
        return max((one.node.last_seen_at_s for one in self.nodes if one.node.last_seen_at_s), default=None)

    def camera(self, node: str, name: str) -> CameraView | None:
        """The camera of that node."""
        return next((one for one in self.cameras if (one.camera.node, one.camera.name) == (node, name)), None)


def watch(connection: Connection, now_s: float, heard: bool) -> Watch:
    """How everything does at `now_s` (UTC seconds). heard: whether the console is connected to the broker."""
    boxes = tuple(
        NodeView(
            box,
            node_condition(box.status, box.health.get("state", ""), box.last_seen_at_s, now_s, heard),
            deliveries.absent(connection, box.id, box.health.get("outbox_id")),
        )
        for box in nodes.listing(connection)
    )
    cameras, unseen = nodes.cameras(connection), blind_times.since(connection, now_s - blind_times.SHOWN_S)
    return Watch(boxes, _cameras(cameras, {box.node.name: box for box in boxes}, unseen), heard)


def _cameras(
    found: Sequence[nodes.Camera],
    boxes: dict[str, NodeView],
    unseen: dict[tuple[str, str], Sequence[blind_times.BlindTime]],
) -> tuple[CameraView, ...]:
    views = [
        replace(_camera(camera, boxes[camera.node]), unseen=tuple(unseen.get((camera.node, camera.name), ())))
        for camera in found
    ]
    return tuple(sorted(views, key=lambda one: (_RANK[one.condition], one.camera.site, one.camera.label)))


def _camera(camera: nodes.Camera, box: NodeView) -> CameraView:
    zones = tuple(
        ZoneView(
            shape.get("label") or shape["zone"],
            " ".join(f"{x},{y}" for x, y in shape["polygon"]),
            len(shape["polygon"]) > 2,
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
