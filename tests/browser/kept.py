"""What boxes are asked to keep, in every state, for the browser."""

import uuid

from school import NODE, School, full

from broker.contract import topics
from broker.contract.holds import HeldMessage, HeldPart
from broker.contract.messages import EventMessage
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.store import holds, nodes, users

_HOUR_S = 3600.0
_ASKED = (
    ("gate", 55.0, "Công an phường Bến Nghé, vụ trộm xe máy tối thứ Ba, hồ sơ 12/2026", (1741.0, 412_000_000)),
    ("street", 300.0, "Phụ huynh em Minh Anh, va chạm xe trước cổng", (0.0, 0)),
    ("fence", 30.0, "Hiệu trưởng, hàng rào bị cắt", None),
    ("yard", 80.0, "Công an quận, xác minh người lạ", (1800.0, 530_000_000)),
)


def kept(school: School) -> EventMessage:
    """A busy night with holds: kept, gone before, not answered yet, let go of, and one of the alert returned."""
    urgent, _ = full(school)
    school.sign_in("Trần Văn Hùng", Role.POLICE)
    parts = []
    with school.console.database.write() as connection:
        node = nodes.find(connection, NODE)
        police = next(one for one in users.listing(connection) if one.name == "Trần Văn Hùng")
        assert node is not None
        asked = [(camera, None, wall_s() - hours * _HOUR_S, why, found) for camera, hours, why, found in _ASKED]
        asked.append(("gate", urgent.event_id, urgent.opened_at_s - 900, "Công an phường, đang làm rõ", (920.0, 9e7)))
        for camera, event_id, from_at_s, why, found in asked:
            hold_id, begin_s = str(uuid.uuid4()), from_at_s // 60 * 60
            one = holds.Asked(hold_id, node.id, camera, event_id, begin_s, begin_s + 1800, 0.0, why)
            holds.ask(connection, one, police.id, wall_s() - 600 + len(parts), 500)
            if found:
                parts.append(HeldPart(hold_id=hold_id, recorded_s=found[0], bytes=int(found[1])))
    school.tell(topics.HELD, HeldMessage(at_s=wall_s(), holds=tuple(parts)))
    with school.console.database.write() as connection:
        gone = next(one for one in holds.listing(connection, 9) if one.camera == "yard")
        holds.release(connection, gone.id, police.id, "Đã xác minh xong, không liên quan", wall_s())
    rest = tuple(part for part in parts if part.hold_id != gone.id)
    school.tell(topics.HELD, HeldMessage(at_s=wall_s(), holds=rest))
    return urgent
