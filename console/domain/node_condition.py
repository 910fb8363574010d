"""How a node and its cameras do, judged from what it last said and when."""

from enum import StrEnum

SILENT_AFTER_S = 60.0  # a node reports every 15 s; four missed reports are no accident


class NodeCondition(StrEnum):
    """What people are shown about a node."""

    OK = "ok"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    SILENT = "silent"  # connected as far as we know, but nothing is heard
    NEVER_SEEN = "never_seen"
    UNKNOWN = "unknown"  # the console itself hears nobody


def node_condition(
    status: str, health: str, last_seen_at_s: float | None, now_s: float, console_hears: bool = True
) -> NodeCondition:
    """Condition of a node.

    status: "online", "offline" or "" as last said by the node or, on its behalf, the broker.
    health: "ok", "degraded" or "".
    last_seen_at_s, now_s: UTC seconds.
    console_hears: whether the console has its own connection; without it no node is to blame for silence.
    """
    if not console_hears:
        return NodeCondition.UNKNOWN
    if last_seen_at_s is None:
        return NodeCondition.NEVER_SEEN
    if status == "offline":
        return NodeCondition.OFFLINE
    if now_s - last_seen_at_s > SILENT_AFTER_S:
        return NodeCondition.SILENT
    return NodeCondition.DEGRADED if health == "degraded" else NodeCondition.OK


class CameraCondition(StrEnum):
    """What people are shown about a camera."""

    SEES = "sees"
    IMPAIRED = "impaired"
    BLIND = "blind"
    UNKNOWN = "unknown"


def camera_condition(said: str, node: NodeCondition) -> CameraCondition:
    """Condition of a camera: what its node `said` of it counts only while the node itself is heard."""
    if node == NodeCondition.UNKNOWN:
        return CameraCondition.UNKNOWN
    if node in (NodeCondition.OFFLINE, NodeCondition.SILENT, NodeCondition.NEVER_SEEN):
        return CameraCondition.BLIND
    return CameraCondition(said)
