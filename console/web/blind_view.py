"""What the page of blind times shows: places to choose, a time, what was watched in it, and each time without sight."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from console.domain.watched import Sighted, Stretch, stretches, watched
from console.store import blind_times, known_cameras
from console.store.blind_times import BlindTime, Span, Total
from console.web.blind_places import MOST_CHOICES, Place, key_of
from console.web.camera_view import CameraView, Watch, watch
from console.web.find_places import folded
from console.web.i18n import Language
from console.web.words import sentence
from console.web.written_moment import read_moment

MOST = 50  # times on a page
MOST_LINES = 100  # cameras on a page
MOST_SPANS = 4  # in one sentence
DAY_S = 86_400.0
_CURSOR = re.compile(r"[0-9]{1,12}\.[0-9]{1,12}_[0-9]{1,18}", re.ASCII)


class TimeRangeError(ValueError):
    """A time that can't be; the text is a word of the group "time_problem"."""


@dataclass(frozen=True, slots=True)
class Line:
    """A camera, or a zone of it with what hides all of the camera, and how long it did not see.

    unknown_s: seconds of which nothing is known. now: how the camera is, None where its box no longer names it.
    """

    place: Place
    total: Total
    watched_s: float
    unknown_s: float
    now: CameraView | None


@dataclass(frozen=True)
class Question:
    """What is asked for. places: all that could be, by key. older: empty for the newest times, else where to go on.

    watch: all nodes. find, page: which cameras of a place of many are shown, by a part of a name, from 1 on.
    """

    places: Mapping[str, Place]
    place: Place
    span: Span
    older: str
    now_s: float
    watch: Watch
    find: str = ""
    page: int = 1

    def known(self, place: Place) -> tuple[float, float]:
        """From when to when, within the time asked for, anything is known of a camera, or of a zone of it.

        Raises ValueError where it is a place of many cameras.
        """
        camera = place.camera
        if camera is None:
            raise ValueError("each camera is known from another moment on")
        first_s = self.now_s if camera.first_at_s is None else camera.first_at_s
        if place.zone and place.zone.first_at_s is not None:
            first_s = max(first_s, place.zone.first_at_s)
        begin_s, end_s = self.span.from_at_s, self.span.to_at_s
        known_s = min(end_s, max(begin_s, first_s, self.now_s - blind_times.KEPT_S))
        return known_s, max(known_s, min(end_s, self.unheard_since_s.get(camera.node_id, end_s)))

    @cached_property
    def unheard_since_s(self) -> Mapping[int, float]:
        """By the id of each node that is not heard now when its last report was made, UTC seconds."""
        return self.watch.unheard_since_s()

    @cached_property
    def of_many_sites(self) -> bool:
        """Whether the site must be told with a camera."""
        return len({one.camera.site_id for one in self.places.values() if one.camera}) > 1

    @cached_property
    def many(self) -> bool:
        """Whether there are too many cameras to choose from a list."""
        return sum(1 for one in self.places.values() if one.camera and not one.zone) > MOST_CHOICES

    def camera(self, time: BlindTime) -> known_cameras.KnownCamera | None:
        """The camera of a time, where it is still known."""
        found = self.places.get(key_of(time.node, time.camera))
        return found.camera if found else None

    def label(self, time: BlindTime) -> str:
        """What people call the camera of a time."""
        found = self.camera(time)
        return found.label if found else time.camera

    def zone(self, time: BlindTime) -> known_cameras.Zone | None:
        """The zone of a time, without label and rules where the camera has it no more; None for the whole camera."""
        camera = self.camera(time)
        zones = camera.zones if camera else ()
        found = (one for one in zones if one.name == time.zone)
        return next(found, known_cameras.Zone(time.zone, time.zone, ())) if time.zone else None

    def within_s(self, time: BlindTime) -> float:
        """Seconds of a time that lie in what is asked for; of what lasts, until its box was heard last."""
        told_until_s = self.told_until_s(time)
        end_s = self.span.to_at_s if told_until_s is None else min(told_until_s, self.span.to_at_s)
        return max(0.0, end_s - max(time.from_at_s, self.span.from_at_s))

    def told_until_s(self, time: BlindTime) -> float | None:
        """When a time ended, or when its box was last heard while it lasted; None where it lasts now."""
        camera = self.camera(time)
        if time.to_at_s is not None or camera is None or camera.node_id not in self.unheard_since_s:
            return time.to_at_s
        return max(time.from_at_s, self.unheard_since_s[camera.node_id])

    def unknown(self) -> Iterable[tuple[known_cameras.KnownCamera, Stretch]]:
        """Of each camera of the place the times of which nothing is known: no time without sight tells nothing there.

        A zone that was chosen is known no longer than its camera, and may be known since later.
        """
        chosen = self.place if self.place.camera else None
        cameras = (one for one in self.places.values() if one.camera and not one.zone)
        of_site = self.place.scope.site_id
        for place in (chosen,) if chosen else cameras:
            if place.camera and of_site in (None, place.camera.site_id):
                for one in stretches(self.span.from_at_s, self.span.to_at_s, self.known(place), ()):
                    if one.sighted != Sighted.WATCHED:
                        yield place.camera, one


@dataclass(frozen=True, slots=True)
class BlindView:
    """All of the page. older: where to go on reading. told: sentences. strip: empty where there are too many times.

    found: how many cameras there are, on all pages of them.
    """

    asked: Question
    lines: tuple[Line, ...]
    found: int
    times: tuple[BlindTime, ...]
    older: str
    told: tuple[str, ...]
    strip: tuple[Stretch, ...]


def span_of(language: Language, begin: str, end: str, days: int, now_s: float) -> Span:
    """The time asked for, as two local times such as 2026-11-24 02:10; empty: `days` ago, now. It ends now at last.

    Raises TimeRangeError.
    """
    end_s = min(_moment(language, end), now_s) if end else now_s
    begin_s = _moment(language, begin) if begin else end_s - days * DAY_S
    if begin_s >= end_s:
        raise TimeRangeError("order")
    return Span(begin_s, end_s)


def cursor_of(text: str) -> tuple[float, int] | None:
    """Where a page goes on, as `older` of the page before it says; None where nothing does."""
    begin, _, number = text.partition("_")
    return (float(begin), int(number)) if _CURSOR.fullmatch(text) else None


def times_of(connection: Connection, place: Place, span: Span, older: str) -> Sequence[BlindTime]:
    """Those of one page, and the first one of the next."""
    return blind_times.listing(connection, place.scope, span, MOST + 1, cursor_of(older))


def view(connection: Connection, language: Language, asked: Question, found: Sequence[BlindTime]) -> BlindView:
    """found: as `times_of` gives them. Reads no more of times and cameras than it shows; sums are the database's."""
    before, times = cursor_of(asked.older), tuple(found[:MOST])
    sums, number = _sums(connection, asked)
    shown = {place.camera.node_id for place, _ in sums if place.camera} | {asked.place.scope.node_id or 0}
    near = watch(connection, asked.now_s, asked.watch.heard, shown)
    now = {(one.camera.node, one.camera.name): one for one in near.cameras}
    lines = tuple(_line(asked, place, total, now) for place, total in sums)
    told: Iterable[str] = ()
    strip: Sequence[Stretch] = ()
    if asked.place.camera is not None:
        whole = times if before is None and len(found) <= MOST else None
        window = asked.known(asked.place)
        strip = _stretches(asked, window, whole)
        own = next(line for line in lines if line.place == asked.place)
        say = _Sayer(language)
        told = [
            *_told(say, own, asked.span, window, strip),
            *_missing(say, asked, near),
        ]
    goes_on = f"{times[-1].from_at_s!r}_{times[-1].id}" if len(found) > MOST else ""
    return BlindView(asked, lines, number, times, goes_on, tuple(told), tuple(strip))


def _sums(connection: Connection, asked: Question) -> tuple[Sequence[tuple[Place, Total]], int]:
    """Of a camera that was chosen the whole of it and each zone; else those cameras that belong on the page, those that
    saw least first, and how many there are in all.
    """
    mine = asked.place.camera
    if mine is None:
        found = sorted(_of_cameras(connection, asked), key=lambda one: (-one[1].blind_s, -one[1].impaired_s))
        first = MOST_LINES * (min(asked.page, -(-len(found) // MOST_LINES) or 1) - 1)
        return found[first : first + MOST_LINES], len(found)
    sums = []
    for one in asked.places.values():
        if one.camera is mine:
            known = Span(*asked.known(one))
            totals = blind_times.totals(connection, one.scope, known, asked.unheard_since_s)
            sums.append((one, totals.get((mine.node_id, mine.name), Total())))
    return sums, len(sums)


def _of_cameras(connection: Connection, asked: Question) -> Iterable[tuple[Place, Total]]:
    totals = blind_times.totals(connection, asked.place.scope, asked.span, asked.unheard_since_s)
    wanted, of_site = folded(asked.find), asked.place.scope.site_id
    for one in asked.places.values():
        camera = one.camera
        if camera is None or one.zone or of_site not in (None, camera.site_id):
            continue
        names = (camera.site, camera.label, camera.name, camera.node)
        total = totals.get((camera.node_id, camera.name), Total())
        if wanted not in folded(" ".join(names)):
            continue
        if camera.listed or _watched_s(asked, one, total):  # else it is gone for longer than this
            yield one, total


def _watched_s(asked: Question, place: Place, total: Total) -> float:
    begin_s, end_s = asked.known(place)
    return max(0.0, end_s - begin_s - total.blind_s)


def _line(asked: Question, place: Place, total: Total, now: Mapping[tuple[str, str], CameraView]) -> Line:
    assert place.camera is not None
    begin_s, end_s = asked.known(place)
    unknown_s = asked.span.to_at_s - asked.span.from_at_s - (end_s - begin_s)
    seen = now.get((place.camera.node, place.camera.name))
    return Line(place, total, _watched_s(asked, place, total), unknown_s, seen)


def _stretches(asked: Question, window: tuple[float, float], times: Sequence[BlindTime] | None) -> Sequence[Stretch]:
    """What is known second by second; none where `times` is not all of them."""
    if times is None:
        return ()
    begin_s, end_s = asked.span.from_at_s, asked.span.to_at_s
    mine = [one for one in times if one.zone in ("", asked.place.scope.zone)]

    def of(sighted: Sighted) -> Iterable[Stretch]:
        return (
            Stretch(one.from_at_s, end_s if one.to_at_s is None else one.to_at_s, sighted, one.reason_code)
            for one in mine
            if one.state == sighted
        )

    return stretches(begin_s, end_s, window, of(Sighted.BLIND), of(Sighted.IMPAIRED))


def _told(
    say: "_Sayer", line: Line, span: Span, window: tuple[float, float], strip: Sequence[Stretch]
) -> Iterable[str]:
    """What 'no alert' means here, in sentences."""
    total = line.total
    where = line.place.camera.label if line.place.camera else ""
    where = f"{where}, {line.place.label}" if line.place.zone else where
    unseen = [one for one in strip if one.sighted == Sighted.BLIND]
    seen = watched(strip)
    begin_s, end_s = window
    if begin_s >= end_s:
        pass
    elif not total.blind_s or (strip and not unseen):
        yield say("all", place=where, begin=begin_s, end=end_s)
        yield say("all_means" if window == (span.from_at_s, span.to_at_s) else "known_means")
    elif strip and not seen:
        yield say("none", place=where, begin=begin_s, end=end_s, why=say.why(unseen[0].code))
        yield say("none_means")
    elif strip and max(len(seen), len(unseen)) <= MOST_SPANS:
        yield say("partly", place=where, seen=say.spans(seen), unseen=say.spans(unseen))
        yield say("partly_means")
    else:
        spent = {"seen": say.long(line.watched_s), "unseen": say.long(total.blind_s)}
        yield say("often", place=where, begin=begin_s, end=end_s, **spent)
        yield say("partly_means")
    partly = [one for one in strip if one.sighted == Sighted.IMPAIRED]
    if partly and len(partly) <= MOST_SPANS:
        yield say("impaired", spans=say.spans(partly))
    elif partly or (total.impaired_s and not strip):
        yield say("impaired_often", total=say.long(total.impaired_s))
    if begin_s > span.from_at_s:
        yield say("unrecorded", begin=begin_s)
    if end_s < span.to_at_s:
        yield say("unheard", begin=end_s)


def _missing(say: "_Sayer", asked: Question, near: Watch) -> Iterable[str]:
    """An alert may be among the messages that have not come."""
    for box in near.nodes:
        absent, since_s = box.absent, box.absent.since_at_s
        if box.node.id == asked.place.scope.node_id and since_s is not None and since_s < asked.span.to_at_s:
            yield say("missing", begin=since_s, n=str(absent.missing))


class _Sayer:
    """Sentences of the group "watched". A moment has its date where it is another one than the moment before."""

    def __init__(self, language: Language) -> None:
        self._language, self._last_s = language, 0.0

    def __call__(self, code: str, **values: str | float) -> str:
        shown = {name: value if isinstance(value, str) else self._at(value) for name, value in values.items()}
        return sentence(self._language, "watched", code).format(**shown)

    def long(self, seconds: float) -> str:
        return self._language.duration(seconds)

    def why(self, code: str) -> str:
        return sentence(self._language, "fault", code)

    def spans(self, found: Sequence[Stretch]) -> str:
        told = [
            self("because", begin=one.begin_s, end=one.end_s, why=self.why(one.code))
            if one.sighted in (Sighted.BLIND, Sighted.IMPAIRED)
            else self("span", begin=one.begin_s, end=one.end_s)
            for one in found
        ]
        return self("and", first=", ".join(told[:-1]), last=told[-1]) if len(told) > 1 else told[0]

    def _at(self, at_s: float) -> str:
        shown, self._last_s = self._language.when(at_s, self._last_s), at_s
        return shown


def _moment(language: Language, text: str) -> float:
    try:
        return read_moment(language, text)
    except ValueError:
        raise TimeRangeError("malformed") from None
