"""What pages show of alerts: where, how long and still counting or not, which files are here, and why it rang."""

from dataclasses import dataclass

from sqlalchemy import Connection

from console.domain.alert import AlertState
from console.domain.node_condition import CameraCondition
from console.store import alerts, evidence
from console.web.camera_view import Watch
from console.web.i18n import Language
from console.web.words import sentence

MOST = 60  # on the wall; new ones come first
MOST_CLOSED = 12


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with its files by role. ticks: whether the seconds go on, as far as anybody can know."""

    alert: alerts.Alert
    zone: str
    files: dict[str, evidence.EvidenceFile]
    missing: str | None
    ticks: bool

    @property
    def picture(self) -> evidence.EvidenceFile | None:
        """The picture to show small, once it is here."""
        return self.stored("snapshot_boxes") or self.stored("snapshot")

    @property
    def clip(self) -> evidence.EvidenceFile | None:
        """The clip, once it is here."""
        return self.stored("clip")

    @property
    def clip_state(self) -> str:
        """A word of the group "clip"."""
        if self.clip is not None:
            return "here"
        return "missing" if self.missing else "coming"

    def stored(self, role: str) -> evidence.EvidenceFile | None:
        """The file of that role, once it is here."""
        file = self.files.get(role)
        return file if file is not None and file.stored_at_s is not None else None


@dataclass(frozen=True, slots=True)
class Wall:
    """Everything on the wall. rings: how many new alerts nobody has taken on; late ones are shown but don't ring."""

    new: tuple[AlertView, ...]
    in_hand: tuple[AlertView, ...]
    closed: tuple[AlertView, ...]
    rings: int
    watch: Watch


def alert_view(connection: Connection, alert: alerts.Alert, watch: Watch) -> AlertView:
    """One alert with what belongs to it."""
    event = alert.event
    camera = watch.camera(alert.node, event["camera"])
    seen = camera is not None and camera.condition != CameraCondition.BLIND
    zone = event.get("zone") or ""
    return AlertView(
        alert,
        camera.zone_label(zone) if camera is not None else zone,
        {file.role: file for file in evidence.files_of(connection, alert.event_id)},
        evidence.missing_reason(connection, alert.event_id),
        event["state"] != "closed" and seen and event["rule"] != "line_crossing",
    )


def wall(connection: Connection, watch: Watch) -> Wall:
    """The newest alerts in the order in which people must see them."""
    views = [alert_view(connection, one, watch) for one in alerts.listing(connection, limit=MOST)]
    of_state = {state: tuple(one for one in views if one.alert.state == state) for state in AlertState}
    new, closed = of_state[AlertState.NEW], of_state[AlertState.CLOSED][:MOST_CLOSED]
    rings = sum(1 for one in new if not one.alert.late)
    return Wall(new, of_state[AlertState.ACKNOWLEDGED], closed, rings, watch)


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
    code = event["rule"] + direction + ("" if limit_s or event["rule"] in ("intrusion", "line_crossing") else "_free")
    return sentence(language, "why", code).format(**known)
