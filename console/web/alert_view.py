"""What pages show of alerts: where, how long and still counting or not, which files are here, and why it rang."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from broker.contract.messages import CAMERA_ALARMS
from console.domain.alert import OF_A_CAMERA, OF_PEOPLE, AlertState, CloseReason
from console.domain.node_clock import WRONG_S
from console.domain.node_condition import CameraCondition
from console.store import alerts, evidence
from console.web.camera_view import Watch
from console.web.i18n import Language
from console.web.words import sentence

MOST = {AlertState.NEW: 200, AlertState.ACKNOWLEDGED: 60, AlertState.CLOSED: 12}  # on the wall
FLOOD = 24


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with its files by role. ticks: whether the seconds go on, as far as anybody can know."""

    alert: alerts.Alert
    zone: str
    files: dict[str, evidence.EvidenceFile]
    missing: evidence.Missing | None
    ticks: bool

    def at_s(self, node_at_s: float) -> float:
        """A time by the node's clock as the console's has it, UTC seconds."""
        return node_at_s + self.alert.clock_behind_s

    @property
    def clock_word(self) -> str:
        """A word of the group "clock" where the node's clock was so wrong that people must know, else empty."""
        if abs(self.alert.clock_behind_s) < WRONG_S:
            return ""
        return "slow" if self.alert.clock_behind_s > 0 else "fast"

    @property
    def of_lens(self) -> bool:
        """Whether it is about what the camera sees, not about people."""
        return self.alert.event["rule"] in CAMERA_ALARMS

    @property
    def reasons(self) -> tuple[CloseReason, ...]:
        """What it can have been."""
        return OF_A_CAMERA if self.of_lens else OF_PEOPLE

    @property
    def picture(self) -> evidence.EvidenceFile | None:
        """The picture to show small, once it is here."""
        return self.stored("snapshot_boxes") or self.stored("snapshot")

    @property
    def picture_state(self) -> str:
        """A word of the group "picture"."""
        return "missing" if (self.missing or self.files) and "snapshot" not in self.files else "coming"

    @property
    def clip(self) -> evidence.EvidenceFile | None:
        """The clip, once it is here and so are the boxes to draw over it."""
        boxes_wait = "track" in self.files and self.stored("track") is None
        return None if boxes_wait else self.stored("clip")

    @property
    def clip_state(self) -> str:
        """A word of the group "clip"."""
        if self.clip is not None:
            return "here"
        return "missing" if self.missing and "clip" not in self.files else "coming"

    def stored(self, role: str) -> evidence.EvidenceFile | None:
        """The file of that role, once it is here."""
        file = self.files.get(role)
        return file if file is not None and file.stored_at_s is not None else None


@dataclass(frozen=True, slots=True)
class Wall:
    """Everything on the wall.

    more_new: new ones that have no room on it, and of which nodes; more_in_hand: the same of those that somebody took
    on; rings: new ones that were told in time.
    """

    new: tuple[AlertView, ...]
    in_hand: tuple[AlertView, ...]
    closed: tuple[AlertView, ...]
    more_new: tuple[tuple[alerts.NewOfNode, int], ...]
    more_in_hand: int
    rings: int
    watch: Watch

    @property
    def more_new_in_all(self) -> int:
        """New ones that have no room, of all nodes."""
        return sum(number for _, number in self.more_new)

    @property
    def flood(self) -> bool:
        """Whether so many ring that an overview helps more than pictures."""
        return len(self.new) > FLOOD


def alert_views(connection: Connection, found: Sequence[alerts.Alert], watch: Watch) -> tuple[AlertView, ...]:
    """Alerts with what belongs to them."""
    event_ids = [one.event_id for one in found]
    files, missing = evidence.files_of_each(connection, event_ids), evidence.missing_reasons(connection, event_ids)
    return tuple(_view(one, files[one.event_id], missing.get(one.event_id), watch) for one in found)


def _view(
    alert: alerts.Alert, files: Sequence[evidence.EvidenceFile], missing: evidence.Missing | None, watch: Watch
) -> AlertView:
    event = alert.event
    camera = watch.camera(alert.node, event["camera"])
    seen = camera is not None and camera.condition not in (CameraCondition.BLIND, CameraCondition.UNKNOWN)
    if event["rule"] in CAMERA_ALARMS:
        seen = camera is not None and camera.of_lens  # of a box that is heard
    zone = event.get("zone") or ""
    return AlertView(
        alert,
        camera.zone_label(zone) if camera is not None else zone,
        {file.role: file for file in files},
        missing,
        event["state"] != "closed" and seen and event["rule"] != "line_crossing",
    )


def wall(connection: Connection, watch: Watch, most_in_hand: int = MOST[AlertState.ACKNOWLEDGED]) -> Wall:
    """The newest alerts in the order in which people must see them."""
    most = {**MOST, AlertState.ACKNOWLEDGED: most_in_hand}
    new, in_hand, closed = (
        alert_views(connection, alerts.of_state(connection, state, limit), watch) for state, limit in most.items()
    )
    counted, shown = alerts.count_new(connection), Counter(view.alert.node for view in new)
    more_new = tuple((one, one.number - shown[one.node]) for one in counted if one.number > shown[one.node])
    more_in_hand = alerts.count_in_hand(connection) - len(in_hand)
    return Wall(new, in_hand, closed, more_new, more_in_hand, sum(one.rings for one in counted), watch)


def why(language: Language, alert: alerts.Alert) -> str:
    """The rule and its figures as one sentence."""
    event = alert.event
    direction = f"_{event['direction']}" if event.get("direction") else ""
    limit_s = event.get("threshold_s")
    known = {
        "dwell": language.duration(event["dwell_s"]),
        "limit": language.duration(limit_s) if limit_s else "",
        "people": language.number(event["people"]),
        "visits": language.number(event["visits"]),
    }
    plain = bool(limit_s) or event["rule"] in ("intrusion", "line_crossing", *CAMERA_ALARMS)
    code = event["rule"] + direction + ("" if plain else "_free")
    return sentence(language, "why", code).format(**known)
