"""Where a node keeps what it has, below its `state_dir`."""

from pathlib import Path

from edge.adapters.holds import Holds
from edge.config.schema import EdgeConfig


def outbox_path(config: EdgeConfig) -> Path:
    """The node's outbox."""
    return config.node.state_dir / "outbox.sqlite"


def workers_folder(config: EdgeConfig) -> Path:
    """Where a worker holds a file for each of its cameras while it lives."""
    return config.node.state_dir / "workers"


def recordings_folder(config: EdgeConfig, camera: str) -> Path:
    """The segments of a camera."""
    return config.node.state_dir / "recordings" / camera


def references_folder(config: EdgeConfig) -> Path:
    """The cameras' reference views."""
    return config.node.state_dir / "references"


def index_path(config: EdgeConfig) -> Path:
    """The index of the recordings."""
    return config.node.state_dir / "index.sqlite"


def leap_path(config: EdgeConfig) -> Path:
    """What is doubted about the node's clock."""
    return config.node.state_dir / "clock.json"


def announced_path(config: EdgeConfig) -> Path:
    """The cameras that Home Assistant has been told of."""
    return config.node.state_dir / "home-assistant.json"


def holds_of(config: EdgeConfig) -> Holds:
    """What people asked to keep on this node."""
    return Holds(config.node.state_dir / "holds")
