"""Which files prove an event, and which of them are here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from console.store import changes
from console.store.nodes import Node
from console.store.tables import evidence, evidence_file


@dataclass(frozen=True, slots=True)
class VideoGap:
    """A time of which a clip holds no picture."""

    from_at_s: float
    to_at_s: float


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file; `stored_at_s` is None while it is still on its way. gaps: oldest first, of a clip only."""

    event_id: str
    role: str
    name: str
    media_type: str
    bytes: int
    sha256: str
    begins_at_s: float
    ends_at_s: float
    gaps: tuple[VideoGap, ...]
    stored_at_s: float | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a clip could not be made. reason: as the node says it, in English; code: a word of the group "missing"."""

    reason: str
    code: str


def take(connection: Connection, owner: Node, message: dict[str, Any], now_s: float) -> bool:
    """Takes in an EvidenceMessage (as JSON); False where a newer or the same revision is here already."""
    event_id, revision = message["event_id"], message["revision"]
    known = connection.execute(
        select(evidence.c.revision, evidence.c.node_id).where(evidence.c.event_id == event_id).with_for_update()
    ).first()
    if known is not None and (known.revision >= revision or known.node_id != owner.id):
        return False
    why = {"missing": message.get("missing"), "missing_code": message.get("missing_code", "")}
    values = {"revision": revision, "received_at_s": now_s, **why}
    if known is not None:
        connection.execute(update(evidence).where(evidence.c.event_id == event_id).values(**values))
    else:
        connection.execute(insert(evidence).values(event_id=event_id, node_id=owner.id, **values))
    connection.execute(update(evidence_file).where(evidence_file.c.event_id == event_id).values(listed=False))
    for file in message.get("files", ()):
        same = (
            (evidence_file.c.event_id == event_id)
            & (evidence_file.c.name == file["name"])
            & (evidence_file.c.sha256 == file["sha256"])
        )
        now = {"listed": True, "gaps": json.dumps(file.get("gaps", []))}  # the same pictures can be owed for longer
        if connection.execute(update(evidence_file).where(same).values(now)).rowcount == 0:
            # Files are stored by their hash: one that this node brought for another event is here for this one too.
            here = {"stored_at_s": now_s if is_brought(connection, owner, file["sha256"]) else None}
            facts = {"event_id": event_id, "node_id": owner.id}
            connection.execute(insert(evidence_file).values(**facts, **here, **{**file, **now}))
    changes.append(connection, "alert", event_id, "evidence", now_s)
    return True


def files_of(connection: Connection, event_id: str) -> Sequence[EvidenceFile]:
    """The files of the newest revision."""
    return files_of_each(connection, [event_id])[event_id]


def files_of_each(connection: Connection, event_ids: Sequence[str]) -> dict[str, list[EvidenceFile]]:
    """The files of the newest revision of each event."""
    query = select(evidence_file).where(evidence_file.c.event_id.in_(event_ids), evidence_file.c.listed)
    found: dict[str, list[EvidenceFile]] = {event_id: [] for event_id in event_ids}
    for row in connection.execute(query.order_by(evidence_file.c.id)):
        found[row.event_id].append(_file(row))
    return found


def missing_reasons(connection: Connection, event_ids: Sequence[str]) -> dict[str, Missing]:
    """Why the node could make no clip of an event, where it said so."""
    columns = (evidence.c.event_id, evidence.c.missing, evidence.c.missing_code)
    query = select(*columns).where(evidence.c.event_id.in_(event_ids), evidence.c.missing.is_not(None))
    return {row.event_id: Missing(row.missing, row.missing_code) for row in connection.execute(query)}


def announced(connection: Connection, owner: Node, sha256: str) -> EvidenceFile | None:
    """A file of this hash that the node has announced; one that is not noted as stored before others."""
    query = select(evidence_file).where(evidence_file.c.sha256 == sha256, evidence_file.c.node_id == owner.id)
    row = connection.execute(query.order_by(evidence_file.c.stored_at_s.is_not(None), evidence_file.c.id)).first()
    return _file(row) if row else None


def stored(connection: Connection, owner: Node, sha256: str, now_s: float) -> None:
    """Notes for every event that names the file that it has come, whole and with the right hash."""
    awaited = (
        (evidence_file.c.sha256 == sha256)
        & (evidence_file.c.node_id == owner.id)
        & evidence_file.c.stored_at_s.is_(None)
    )
    events = connection.execute(select(evidence_file.c.event_id).where(awaited).distinct()).scalars().all()
    connection.execute(update(evidence_file).where(awaited).values(stored_at_s=now_s))
    for event_id in events:
        changes.append(connection, "alert", event_id, "file", now_s)


def note_same_files(connection: Connection) -> int:
    """Notes files as stored whose very bytes came for another event of their node; returns how many.

    Consoles before this one forgot to, and the nodes have deleted theirs since.
    """
    other = evidence_file.alias()
    same = (other.c.node_id == evidence_file.c.node_id) & (other.c.sha256 == evidence_file.c.sha256)
    came_at_s = select(func.min(other.c.stored_at_s)).where(same).scalar_subquery()
    late = evidence_file.c.stored_at_s.is_(None) & came_at_s.is_not(None)
    return connection.execute(update(evidence_file).where(late).values(stored_at_s=came_at_s)).rowcount


def is_brought(connection: Connection, owner: Node, sha256: str) -> bool:
    """Whether this very node has brought a file of this hash, whole. Another's is not its own to claim."""
    mine = (evidence_file.c.sha256 == sha256) & (evidence_file.c.node_id == owner.id)
    query = select(evidence_file.c.id).where(mine, evidence_file.c.stored_at_s.is_not(None))
    return connection.execute(query.limit(1)).first() is not None


def _file(row: Any) -> EvidenceFile:
    return EvidenceFile(
        row.event_id,
        row.role,
        row.name,
        row.media_type,
        row.bytes,
        row.sha256,
        row.begins_at_s,
        row.ends_at_s,
        tuple(VideoGap(**gap) for gap in json.loads(row.gaps)),
        row.stored_at_s,
    )
