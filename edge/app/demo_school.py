"""The school that the demo plays: what its four drawn gates show, and what is watched there."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SITE, NODE = "Trường Tiểu học Kim Đồng", "demo"
DWELL_S = 8.0
_LOITERING = {"kind": "loitering", "zone": "gate", "dwell_s": DWELL_S, "severity": "high"}
_CROWD = {"kind": "crowd", "zone": "gate", "people": 3, "hold_s": 5.0, "severity": "medium"}
_FORECOURT = [[0.34, 0.56], [0.63, 0.56], [0.69, 0.79], [0.29, 0.79]]  # of the drawn gates: where people wait
_WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


@dataclass(frozen=True, slots=True, eq=False)
class DemoCamera:
    """name: in addresses and settings. label: what people read. source: a video, a drawn scene, or an RTSP address."""

    name: str
    label: str
    source: str
    rule: dict[str, object]
    polygon: list[list[float]]


# Something happens somewhere every two and a half minutes, at each gate once in ten; in between people only pass by:
# five alerts in ten minutes, one of them because somebody comes back.
# The first one stays long enough for a slow machine to start meanwhile.
GATES = (
    DemoCamera("front-gate", "Cổng chính", "drawn:loiterer:day:3@0-90/600", _LOITERING, _FORECOURT),
    DemoCamera("side-gate", "Cổng phụ", "drawn:return:dusk:5@150-210/600", _LOITERING, _FORECOURT),
    DemoCamera("street", "Đường trước trường", "drawn:gathering:rain:7@300-345/600", _CROWD, _FORECOURT),
    DemoCamera("back-fence", "Hàng rào phía sau", "drawn:pole:night_ir:9@450-495/600", _LOITERING, _FORECOURT),
)


def own_camera(source: str) -> DemoCamera:
    """The user's own camera or video, watched all over."""
    return DemoCamera("camera", "Camera", source, _LOITERING, _WHOLE)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo's parts listen on this machine."""

    broker: int
    console: int
    rtsp: int


def write_config(
    folder: Path, ports: Ports, protocol: str, model: str, cameras: list[tuple[DemoCamera, str, dict[str, str]]]
) -> Path:
    """Writes the node's configuration. cameras: each with its address and how it is signed in to."""
    document: dict[str, Any] = {
        "node": {"name": NODE, "state_dir": "node"},
        "broker": {
            "port": ports.broker,
            "tls": False,
            "password_file": f"broker/secrets/{NODE}.password",
            "protocol": protocol,
        },
        "console": {"url": f"http://127.0.0.1:{ports.console}", "token_file": "node.token"},
        "detector": {"model": model},
        "metrics": {"port": 0},
        "cameras": [
            {
                "name": camera.name,
                "label": camera.label,
                "url": url,
                "recording": {"max_bytes": 200_000_000, "segment_s": 2, "pre_s": 5, "post_s": 5},
                "zones": [{"name": "gate", "label": "Trước cổng", "polygon": deepcopy(camera.polygon)}],
                "rules": [deepcopy(camera.rule)],  # YAML would write the same one as a reference
                **sign_in,
            }
            for camera, url, sign_in in cameras
        ],
    }
    path = folder / "edge.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
