"""Home Assistant's MQTT discovery: a node and its cameras as one device, read from the node's own messages.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (Home Assistant 2024.11 or newer). Nothing is
told twice: the sensors are templates over the health message that the console reads.
"""

import json
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from broker.contract import topics
from edge.adapters.durable import put_in_place

log = logging.getLogger(__name__)

SILENT_AFTER_S = 60  # four reports that did not come
MOST_GONE = 200  # cameras whose sensors are taken back, the last that went


def with_gone_cameras(file: Path, cameras: Collection[str]) -> list[str]:
    """Cameras that were announced at an earlier start and are no longer there; remembers in `file` what is now.

    They are taken back for ever: nobody knows when Home Assistant has heard it. A file that can't be read or written
    is told, and takes nothing back.
    """
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        told = [name for name in known if isinstance(name, str)] if isinstance(known, list) else []
        gone = [name for name in told if name not in cameras][-MOST_GONE:]
        now = [*gone, *cameras]
        if now != known:
            part = file.with_suffix(".part")
            part.write_text(json.dumps(now), encoding="utf-8")
            put_in_place(part, file)
    except (OSError, ValueError) as error:
        log.warning("%s can't be used (%s): cameras that were taken out stay in Home Assistant", file, error)
        return []
    return gone


def discovery(node: str, version: str, cameras: Mapping[str, str], gone: Collection[str] = ()) -> bytes:
    """The retained message on `topics.home_assistant(node)`.

    cameras: name -> what people call it. gone: names of former ones, whose sensors Home Assistant removes.
    """
    sensors = {
        "problem": _problem("{{ 'ON' if value_json.data.state == 'degraded' else 'OFF' }}"),
        "temperature": _sensor("temperature", "°C", "value_json.data.machine.temperature_c"),
        "disk_free": _sensor("data_size", "B", "value_json.data.disk_free_bytes") | {"name": "Disk free"},
        "memory_available": _sensor("data_size", "B", "value_json.data.machine.memory_available_bytes")
        | {"name": "Memory available"},
        "waiting": {
            "platform": "sensor",
            "name": "Messages waiting",
            "state_class": "measurement",
            "value_template": "{{ value_json.data.outbox_rows }}",
        },
    }
    for name, label in cameras.items():
        state = f"value_json.data.cameras | selectattr('camera', 'eq', '{name}') | map(attribute='state') | list"
        template = "{{ 'OFF' if (" + state + ") == ['sees'] else 'ON' }}"
        sensors[f"camera_{name}"] = _problem(template) | {"name": label or name}
    identity = f"gatehouse_{node}"
    message = {
        "device": {
            "identifiers": [identity],
            "name": f"Gatehouse {node}",
            "manufacturer": "Gatehouse",
            "sw_version": version,
        },
        "origin": {"name": "Gatehouse", "sw_version": version},
        "components": {
            key: {**sensor, "unique_id": f"{identity}_{key}", "expire_after": SILENT_AFTER_S}
            for key, sensor in sensors.items()
        }
        | {f"camera_{name}": {"platform": "binary_sensor"} for name in gone},  # with nothing else it is removed
        "state_topic": topics.HEALTH.of(node),
        "availability_topic": topics.STATUS.of(node),
        "availability_template": "{{ value_json.data.status }}",
        "qos": topics.HEALTH.qos,
    }
    return json.dumps(message, ensure_ascii=False).encode()


def _problem(template: str) -> dict[str, Any]:
    return {"platform": "binary_sensor", "device_class": "problem", "value_template": template}


def _sensor(device_class: str, unit: str, value: str) -> dict[str, Any]:
    """A figure that a machine may not tell: None is Home Assistant's word for unknown."""
    return {
        "platform": "sensor",
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
        "value_template": "{{ " + value + " | default(none) }}",
    }
