"""What pages show of alerts: where, how long and still counting or not, which files are here, and why it rang."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from broker.contract.messages import CAMERA_ALARMS
from console.domain.alert import IN_HAND, SEVERITY_ORDER, AlertState, Severity, of_lens
from console.domain.node_clock import WRONG_S
from console.domain.node_condition import CameraCondition
from console.domain.wall_watch import FAULT_SEVERITY
from console.store import alerts, evidence, wall_watch
from console.web import armed_view
from console.web.camera_view import CameraView, Watch, watch_for_wall
from console.web.i18n import Language
from console.web.words import WORDS, sentence

MOST_NEW, MOST_IN_HAND, MOST_CLOSED = 200, 60, 12  # alerts on the wall
MOST_LINES = 6  # of an incident's alerts on its card
FLOOD = 24  # cards


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
        return of_lens(self.alert.event["rule"])

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
class Card:
    """An incident on the wall, as one card. views: its alerts, what needs people most first; at least one."""

    incident_id: str
    views: tuple[AlertView, ...]

    @property
    def key(self) -> str:
        """What stands for the incident on a page: the alert that it began with, where that is here. Of another camera
        who looks may not know."""
        first = min(self.views, key=lambda one: (one.alert.opened_at_s, one.alert.event_id)).alert.event_id
        return self.incident_id if any(one.alert.event_id == self.incident_id for one in self.views) else first

    @property
    def lead(self) -> AlertView:
        """The alert whose picture and words stand for the incident."""
        return self.views[0]

    @property
    def others(self) -> tuple[AlertView, ...]:
        """The others of which the card has a line each."""
        return self.views[1 : 1 + MOST_LINES]

    @property
    def unlisted(self) -> int:
        """How many have no line."""
        return len(self.views) - 1 - len(self.others)

    @property
    def has_more(self) -> bool:
        """Whether there may be more than the card speaks of: they move up as these are handled."""
        return len(self.views) == alerts.MOST_EACH

    @property
    def new(self) -> tuple[str, ...]:
        """Ids of those that nobody has taken on."""
        return tuple(view.alert.event_id for view in self.views if view.alert.state == AlertState.NEW)

    @property
    def open(self) -> tuple[str, ...]:
        """Ids of those that nobody has closed."""
        return tuple(view.alert.event_id for view in self.views if view.alert.state != AlertState.CLOSED)

    @property
    def ringing(self) -> tuple[AlertView, ...]:
        """Those that ring: new ones that were told in time."""
        return tuple(one for one in self.views if one.alert.state == AlertState.NEW and not one.alert.late)

    def mine(self, name: str) -> tuple[str, ...]:
        """Ids of those that this person has taken on and not closed."""
        mine = (one.alert for one in self.views if one.alert.owner == name)
        return tuple(alert.event_id for alert in mine if alert.state != AlertState.CLOSED)


@dataclass(frozen=True, slots=True)
class Rings:
    """What rings, for pages other than the wall. loudest: a priority, "cut" where no box is heard, else empty."""

    number: int
    loudest: str


@dataclass(frozen=True, slots=True)
class Wall:
    """Everything on the wall: a card where an alert is new, else where one is in hand, else with those closed.

    new_in_all, more_new: new alerts, and those of them that have no room on it with their nodes; in_hand_in_all,
    more_in_hand: the same of alerts that somebody took on; rings: new ones that were told in time.
    """

    new: tuple[Card, ...]
    in_hand: tuple[Card, ...]
    closed: tuple[Card, ...]
    new_in_all: int
    in_hand_in_all: int
    more_new: tuple[tuple[alerts.NewOfNode, int], ...]
    more_in_hand: int
    rings: int
    watch: Watch
    armed: armed_view.Armed
    faults: tuple[wall_watch.Fault, ...] = ()  # of the watch itself; they ring, too, until somebody knows of them

    @property
    def more_new_in_all(self) -> int:
        """New ones that have no room, of all nodes."""
        return sum(number for _, number in self.more_new)

    @property
    def loudest(self) -> str:
        """The priority that rings; of more than the wall holds it holds the most urgent. Empty where nothing rings."""
        priorities = [Severity(view.alert.priority) for card in self.new for view in card.ringing]
        priorities += [FAULT_SEVERITY for fault in self.faults if fault.rings]
        return max(priorities, key=SEVERITY_ORDER.__getitem__, default="")

    @property
    def waits_since_s(self) -> float | None:
        """When the first of the new alerts on it rang, UTC seconds; None where nobody waits."""
        new = (view.alert for card in self.new for view in card.views if view.alert.state == AlertState.NEW)
        return min((alert.opened_at_s for alert in new), default=None)

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
    seen = camera is not None and _is_known(event["rule"], camera)
    zone = event.get("zone") or ""
    return AlertView(
        alert,
        camera.zone_label(zone) if camera is not None else zone,
        {file.role: file for file in files},
        missing,
        event["state"] != "closed" and seen and event["rule"] != "line_crossing",
    )


def _is_known(rule: str, camera: CameraView) -> bool:
    """Whether what an open alert is about can go on before the eyes of the box."""
    blind = camera.condition is CameraCondition.BLIND
    if camera.condition is CameraCondition.UNKNOWN:  # the box is not heard
        return False
    if rule == "camera_signal_lost":
        return blind
    return not blind or (rule in CAMERA_ALARMS and camera.of_lens)


def places_of(found: Iterable[alerts.Alert]) -> set[tuple[str, str]]:
    """Node and camera of each of these alerts."""
    return {(one.node, one.event["camera"]) for one in found}


def wall(
    connection: Connection, now_s: float, heard: bool, timezone: ZoneInfo, most_in_hand: int = MOST_IN_HAND
) -> Wall:
    """The newest incidents in the order in which people must see them. heard: see `watch`. timezone: of the sites."""
    closed_ones = (AlertState.CLOSED,)
    groups = (((AlertState.NEW,), MOST_NEW), (IN_HAND, most_in_hand), (closed_ones, MOST_CLOSED))
    names = (alerts.incident_ids(connection, states, most) for states, most in groups)
    incident_ids = list(dict.fromkeys(name for some in names for name in some))
    found = alerts.of_incidents(connection, incident_ids)
    watch = watch_for_wall(connection, now_s, heard, places_of(found))
    shown = _cards(incident_ids, alert_views(connection, found, watch))
    new, in_hand, closed = (
        tuple(card for card in shown if card.lead.alert.state in states)
        for states in ((AlertState.NEW,), IN_HAND, closed_ones)
    )
    counted = alerts.count_new(connection)
    states = Counter((view.alert.node, view.alert.state) for card in shown for view in card.views)
    faults = tuple(wall_watch.faults(connection))
    more_new = ((one, one.number - states[one.node, AlertState.NEW]) for one in counted)
    here_in_hand = sum(number for (_, state), number in states.items() if state in IN_HAND)
    return Wall(
        new,
        in_hand,
        closed,
        sum(one.number for one in counted),
        in_all := alerts.count_in_hand(connection),
        tuple((one, more) for one, more in more_new if more > 0),
        max(0, in_all - here_in_hand),
        sum(one.rings for one in counted) + sum(fault.rings for fault in faults),
        watch,
        armed_view.Desk(connection, watch.nodes, now_s, timezone).look(),
        faults,
    )


def rings(connection: Connection, heard: bool) -> Rings:
    """The same as the wall says. heard: see `watch`."""
    number, severity = alerts.ringing(connection)
    faults = sum(fault.rings for fault in wall_watch.faults(connection))
    loud = ([severity] if severity else []) + [FAULT_SEVERITY] * bool(faults)
    loudest = max(loud, key=SEVERITY_ORDER.__getitem__, default="")
    return Rings(number + faults, loudest if heard else "cut")


def _cards(incident_ids: Sequence[str], found: Sequence[AlertView]) -> tuple[Card, ...]:
    """A card for each of these incidents, in their order, with all of its alerts."""
    views: dict[str, list[AlertView]] = defaultdict(list)
    for view in found:
        views[view.alert.incident_id].append(view)
    return tuple(Card(one, tuple(views[one])) for one in incident_ids)


def why(language: Language, alert: alerts.Alert) -> str:
    """The rule and its figures as one sentence, and when by the school's calendar it rang, where the box tells."""
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
    period = event.get("period") or ""
    told = sentence(language, "why", code).format(**known)
    return f"{told} {sentence(language, 'rang_in', period)}" if period in WORDS["rang_in"] else told
