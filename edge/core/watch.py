"""One camera's chain behind the tracker: tracks -> persons -> stays of each zone -> scene -> rules -> events. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.calendar import NO_CALENDAR, Calendar, CalendarDesk, WatchedRule
from edge.core.events import Closing, Event, EventBook
from edge.core.motion import Motion
from edge.core.person_keeper import PersonKeeper
from edge.core.person_link import LinkParams
from edge.core.rules.line_crossing import LineCrossingParams
from edge.core.rules.table import build
from edge.core.scene import Scene
from edge.core.stay import Stay, StayKeeper, StayParams
from edge.core.track import Track
from edge.core.zone import Zone

__all__ = ["CameraWatch", "WatchResult", "WatchedRule"]


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
        self._rules = [(build(rule.params), rule.place) for rule in rules]
        self._in_force = CalendarDesk(camera, rules)
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
        calendar: Calendar = NO_CALENDAR,
    ) -> WatchResult:
        """Take in one analysed frame.

        tracks: the tracker's after this frame. frame_size: width, height in pixels.
        media_s: must not run backwards. captured_at_s: UTC seconds.
        motion: what moved in the frame; None where nobody watched for it. Who has never moved is nobody yet.
        calendar: what the console ordered; it is no part of what is known of people, so it comes with each frame.
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
        stay_watched, period = False, calendar.name_at(captured_at_s)
        for number, now in enumerate(self._in_force.in_force(calendar, captured_at_s)):
            rule, place = self._rules[number]
            rule.params = now.params
            events += self._book.shape(number, rule.update(scene, now.armed), scene, now.severity, period)
            stay_watched |= now.armed and any(stay.zone == place for stay in scene.stays)
        return WatchResult(scene, tuple(events), stay_watched)

    def close(self, because: Closing, media_s: float, captured_at_s: float) -> list[Event]:
        """Close all open events, for a camera that is lost ("camera_lost") or a node that stops ("restart").

        "unwatched": nobody is looked for any more.
        """
        return self._book.close_all(because, media_s, captured_at_s)
