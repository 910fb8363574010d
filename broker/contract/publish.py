"""The contract as documents, generated from the messages: JSON Schema and AsyncAPI 3.0."""

import json
from pathlib import Path
from typing import Any

from broker.contract.topics import EXPIRES_AFTER_S, ROOT, TOPICS, Topic


def documents() -> dict[str, str]:
    """File name -> text of every document, the same at every call."""
    schemas = {topic.kind: topic.message.model_json_schema() for topic in TOPICS}
    texts = {f"{kind}.schema.json": _text(schema) for kind, schema in schemas.items()}
    texts["asyncapi.json"] = _text(_asyncapi())
    return texts


def write(folder: Path) -> list[Path]:
    """Writes every document into `folder`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
        paths.append(folder / name)
    return paths


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _asyncapi() -> dict[str, Any]:
    channels, operations, messages = {}, {}, {}
    for topic in TOPICS:
        messages[topic.kind] = {
            "name": f"gatehouse.{topic.kind}.v1",
            "summary": (topic.message.__doc__ or "").strip().split("\n")[0],
            "contentType": "application/cloudevents+json",
            "payload": {
                "type": "object",
                "required": ["specversion", "id", "source", "type", "time", "data"],
                "properties": {
                    "specversion": {"const": "1.0"},
                    "id": {"type": "string"},
                    "source": {"type": "string", "description": "name of the sender"},
                    "type": {"const": f"gatehouse.{topic.kind}.v1"},
                    "time": {"type": "string", "format": "date-time"},
                    "data": {"$ref": f"./{topic.kind}.schema.json"},
                    **(_numbers() if topic.numbered else {}),
                },
            },
        }
        channels[topic.kind] = {
            "address": f"{ROOT}/{{node}}/{topic.kind}",
            "parameters": {"node": {"description": "name of the node; the broker lets a node use its own only"}},
            "messages": {topic.kind: {"$ref": f"#/components/messages/{topic.kind}"}},
            "bindings": {"mqtt": {}},
        }
        operations[f"{topic.written_by}Sends{topic.kind.capitalize()}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{topic.kind}"},
            "bindings": {"mqtt": {"qos": topic.qos, "retain": topic.retained, **_expiry(topic)}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Gatehouse: what edge and console agree on", "version": "1.0.0"},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _expiry(topic: Topic) -> dict[str, Any]:
    return {"messageExpiryInterval": EXPIRES_AFTER_S} if topic.written_by == "node" else {}


def _numbers() -> dict[str, Any]:
    return {
        "outboxid": {"type": "string", "description": "which outbox the number belongs to; new after a lost disk"},
        "outboxsequence": {"type": "integer", "minimum": 1, "description": "grows by one; a gap is a missing message"},
    }
