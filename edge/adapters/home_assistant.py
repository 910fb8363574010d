"""Home Assistant's MQTT discovery: a node and its cameras as one device, read from the node's own messages.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (Home Assistant 2024.11 or newer). Nothing is
told twice: the sensors are templates over the health message that the console reads.
"""

import json
from collections.abc import Mapping
from typing import Any

from broker.contract import topics

SILENT_AFTER_S = 60  # four reports that did not come


def discovery(node: str, version: str, cameras: Mapping[str, str]) -> bytes:
    """The retained message on `topics.home_assistant(node)`. cameras: name -> what people call it."""
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
        },
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
