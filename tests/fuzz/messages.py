"""MQTT messages into console and node."""

import json
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from inputs import TEXTS, as_json, damaged_bytes, damaged_documents
from target import Target, TryOne

from broker.contract import codec, topics
from broker.contract.holds import HeldMessage, HeldPart, Hold, HoldsMessage
from broker.contract.messages import (
    AcknowledgementMessage,
    CameraHealth,
    CommandMessage,
    EventMessage,
    EvidenceFile,
    EvidenceMessage,
    HealthMessage,
    NodeProblem,
    Refusal,
    StatusMessage,
    VideoGap,
    ZoneShape,
)
from console.app.factory import build
from console.app.settings import Settings
from console.domain.access import Role
from console.ingest.intake import Intake
from console.store import holds, nodes, users
from console.web import camera_view
from edge.adapters.holds import Holds
from edge.adapters.mqtt_publisher import BrokerAddress, MqttPublisher
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.hold_keeper import HoldKeeper

NOW_S = 1_792_000_000.0
EVENT_ID = "00000000-0000-4000-8000-000000000001"
HOLD_ID = "00000000-0000-4000-8000-000000000002"
_CLIP = EvidenceFile(
    role="clip",
    name="clip.mp4",
    media_type="video/mp4",
    bytes=3,
    sha256="a" * 64,
    begins_at_s=NOW_S - 9,
    ends_at_s=NOW_S,
    gaps=(VideoGap(from_at_s=NOW_S - 5, to_at_s=NOW_S - 4),),
)
_SHAPE = ZoneShape(zone="all", polygon=((0, 0), (1, 0), (1, 1)), rules=("loitering",), state="blind")
SOUND: dict[str, Any] = {
    "event": EventMessage(
        event_id=EVENT_ID, revision=1, state="open", rule="loitering", camera="gate", opened_at_s=NOW_S,
        captured_at_s=NOW_S, box=(0.1, 0.1, 0.2, 0.3), zone="all",
    ),
    "evidence": EvidenceMessage(event_id=EVENT_ID, revision=1, camera="gate", files=(_CLIP,)),
    "health": HealthMessage(
        at_s=NOW_S, started_at_s=NOW_S - 9, version="1", state="ok", outbox_id="box",
        cameras=(CameraHealth(camera="gate", state="blind", since_at_s=NOW_S, reason_code="stalled", zones=(_SHAPE,)),),
        node_problems=(NodeProblem(code="hot", severity="warning", since_at_s=NOW_S, figure=85.0),),
    ),
    "status": StatusMessage(status="online", at_s=NOW_S),
    "command": CommandMessage(command_id=EVENT_ID, command="send_still", camera="gate", at_s=NOW_S),
    "holds": HoldsMessage(
        holds=(Hold(hold_id=HOLD_ID, camera="gate", from_at_s=NOW_S - 9, to_at_s=NOW_S, event_id=EVENT_ID),),
        released=(EVENT_ID,),
    ),
    "held": HeldMessage(at_s=NOW_S, holds=(HeldPart(hold_id=HOLD_ID, recorded_s=8.5, bytes=3),)),
    "ack": AcknowledgementMessage(outbox_id="box", committed=(1,), refused=(Refusal(sequence=2, reason="no"),)),
}  # fmt: skip


def _encoded(kind: str) -> bytes:
    topic = next(topic for topic in topics.TOPICS if topic.kind == kind)
    number = ("box", 1) if topic.numbered else (None, None)
    return codec.encode(topic, "n1", SOUND[kind], NOW_S, *number)


@st.composite
def _messages(draw: st.DrawFn, kinds: list[str], node: str) -> tuple[str, bytes]:
    """A topic and a payload, both nearly right."""
    kind = draw(st.sampled_from(kinds))
    sound = _encoded(kind)
    if draw(st.booleans()):
        payload = draw(damaged_bytes([sound]))
    else:
        document = draw(damaged_documents([json.loads(sound)]))
        payload = as_json(document, ascii_only=draw(st.booleans()))
    if draw(st.integers(0, 9)) == 0:
        kind = draw(st.sampled_from([*kinds, "nothing"]) | TEXTS)
    return f"gatehouse/v1/nodes/{node}/{kind}" if draw(st.integers(0, 9)) else draw(TEXTS), payload


def _into_console(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    console = build(Settings(folder=folder), lambda: NOW_S)
    with console.database.write() as connection:
        nodes.add(connection, "n1", "Kim Đồng", "", NOW_S)
        box, user = nodes.find(connection, "n1"), users.add(connection, "police", "x", Role.POLICE, NOW_S)
        assert box is not None
        asked = holds.Asked(HOLD_ID, box.id, "gate", EVENT_ID, NOW_S - 9, NOW_S, 0.0, "case 12")
        holds.ask(connection, asked, user.id, NOW_S, 9)
    intake, numbers = Intake(console.database, lambda: NOW_S), iter(range(10**9))

    def take(message: tuple[str, bytes]) -> bool:
        topic, payload = message
        verdict = intake.take(topic, payload)
        if next(numbers) % 20 == 0:  # what was taken in can be shown
            with console.database.read() as connection:
                camera_view.watch(connection, NOW_S, heard=True)
                assert holds.find(connection, HOLD_ID) is not None
        return verdict is not None and verdict.refused_because is None

    return _messages(["event", "evidence", "health", "status", "held", "event"], "n1"), take


def _into_node(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    outbox, asked = SqliteOutbox(folder / "outbox.sqlite"), []
    (folder / "password").write_text("x")
    clock: Any = SimpleNamespace(wall_s=lambda: NOW_S, monotonic_s=lambda: 0.0)
    address = BrokerAddress("127.0.0.1", 1, "n1", folder / "password", tls=False)
    publisher = MqttPublisher("n1", address, outbox, clock, asked.append, "1")
    keeper = HoldKeeper(Holds(folder / "holds"), clock)
    object.__setattr__(outbox, "outbox_id", "box")
    put = iter(range(10**9))

    def hear(message: tuple[str, bytes]) -> bool:
        topic, payload = message
        if next(put) % 50 == 0:
            outbox.put_event(SOUND["event"].model_copy(update={"event_id": str(uuid.uuid4())}), NOW_S)
        before = len(asked)
        heard = SimpleNamespace(topic=topic, payload=payload, retain=False)
        publisher._on_message(None, None, heard)  # type: ignore[arg-type]
        if len(asked) > before and isinstance(asked[-1], HoldsMessage):
            keeper.take(asked[-1])
            keeper.turn()
            keeper.tell([])
        return bool(publisher._take_acknowledgements()) or len(asked) > before

    return _messages(["command", "ack", "holds", "ack"], "n1"), hear


def _decode(_folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    def decode(message: tuple[str, bytes]) -> bool:
        topic, payload = message
        codec.numbers_of(payload)
        try:
            codec.decode(topic, payload)
        except codec.DecodeError as error:
            assert str(error)
            return False
        return True

    return _messages(sorted(SOUND), "n1"), decode


TARGETS = [
    Target("mqtt-codec", _decode, guided=True),
    Target("mqtt-to-console", _into_console, guided=True),
    Target("mqtt-to-node", _into_node, guided=True),
]
