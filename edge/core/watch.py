"""One camera's chain behind the tracker: tracks -> persons -> stays of each zone -> scene -> rules -> events. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.events import Closing, Event, EventBook, Severity
from edge.core.motion import Motion
from edge.core.person_keeper import PersonKeeper
from edge.core.person_link import LinkParams
from edge.core.rules.line_crossing import LineCrossingParams
from edge.core.rules.signal import RuleKind
from edge.core.rules.table import RuleParams, build, entry_for
from edge.core.scene import Scene
from edge.core.schedule import WeeklySchedule
from edge.core.stay import Stay, StayKeeper, StayParams
from edge.core.track import Track
from edge.core.zone import Zone


@dataclass(frozen=True, slots=True)
class WatchedRule:
    """A rule as configured: what, how grave, when."""

    params: RuleParams
    severity: Severity = "medium"
    schedule: WeeklySchedule = WeeklySchedule()  # noqa: RUF009  # frozen, so sharing it is safe

    @property
    def kind(self) -> RuleKind:
        """The rule's kind."""
        return entry_for(self.params).kind

    @property
    def place(self) -> str:
        """Name of the zone or line that it watches."""
        return self.params.name if isinstance(self.params, LineCrossingParams) else self.params.zone


@dataclass(frozen=True, slots=True, eq=False)
class WatchResult:
    """What one frame led to; stay_watched: somebody is in a zone that a rule is armed for."""

    scene: Scene
    events: tuple[Event, ...]
    stay_watched: bool


class CameraWatch:
    """Everything behind the tracker for one camera."""

    def __init__(
        self,
        node: str,
        camera: str,
        zones: Sequence[Zone],
        rules: Sequence[WatchedRule],
        link: LinkParams | None = None,
        stay: StayParams | None = None,
    ) -> None:
        """Raises ValueError where a rule names a zone that is not among `zones`."""
        names = {zone.name for zone in zones}
        for rule in rules:
            if not isinstance(rule.params, LineCrossingParams) and rule.place not in names:
                raise ValueError(f"camera {camera}: rule {rule.kind} names zone {rule.place!r}, which is not defined")
        self._camera = camera
        self._persons = PersonKeeper(link)
        self._stays = [StayKeeper(zone, stay) for zone in zones]
        self._rules = [(build(rule.params), rule.schedule, rule.place) for rule in rules]
        self._book = EventBook(node, camera, [rule.severity for rule in rules])

    @property
    def open_events(self) -> tuple[Event, ...]:
        """The last told revision of each open event."""
        return self._book.open_events

    def update(
        self,
        tracks: Sequence[Track],
        frame_size: tuple[int, int],
        media_s: float,
        captured_at_s: float,
        motion: Motion | None = None,
    ) -> WatchResult:
        """Take in one analysed frame.

        tracks: the tracker's after this frame. frame_size: width, height in pixels.
        media_s: must not run backwards. captured_at_s: UTC seconds.
        motion: what moved in the frame; None where nobody watched for it. Who has never moved is nobody yet.
        """
        known = self._persons.update(tracks, frame_size, media_s, motion)
        persons = [person for person in known if person.believed]
        stays: list[Stay] = []
        for keeper in self._stays:
            stays += keeper.update(persons, frame_size, media_s)
        scene = Scene(
            camera=self._camera,
            media_s=media_s,
            captured_at_s=captured_at_s,
            tracks=tuple(tracks),
            persons=tuple(person for person in persons if person.ended_because is None),
            stays=tuple(stay for stay in stays if stay.ended_because is None),
            ended=tuple(stay for stay in stays if stay.ended_because is not None),
            frame_size=frame_size,
        )
        events: list[Event] = []
        stay_watched = False
        for number, (rule, schedule, place) in enumerate(self._rules):
            armed = schedule.is_on(captured_at_s)
            events += self._book.shape(number, rule.update(scene, armed), scene)
            stay_watched |= armed and any(stay.zone == place for stay in scene.stays)
        return WatchResult(scene, tuple(events), stay_watched)

    def close(self, because: Closing, media_s: float, captured_at_s: float) -> list[Event]:
        """Close all open events, for a camera that is lost ("camera_lost") or a node that stops ("restart")."""
        return self._book.close_all(because, media_s, captured_at_s)
