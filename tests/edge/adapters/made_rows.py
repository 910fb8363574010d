"""Rows for outboxes, made of a number."""

import uuid

from broker.contract.messages import EventMessage, EvidenceFile


def event(number: int, revision: int = 1, state: str = "open", camera: str = "gate") -> EventMessage:
    return EventMessage(
        event_id=str(uuid.UUID(int=number)),
        revision=revision,
        state=state,
        rule="loitering",
        camera=camera,
        opened_at_s=100.0,
        captured_at_s=100.0 + revision,
    )


def picture(name: str, sha: str) -> EvidenceFile:
    facts = {"role": "snapshot", "name": name, "media_type": "image/jpeg", "bytes": 3}
    return EvidenceFile(**facts, sha256=sha * 64, begins_at_s=1.0, ends_at_s=1.0)


def clip(sha: str, size: int = 3) -> EvidenceFile:
    facts = {"role": "clip", "name": "clip.mp4", "media_type": "video/mp4", "bytes": size}
    return EvidenceFile(**facts, sha256=sha * 64, begins_at_s=1.0, ends_at_s=1.0)
