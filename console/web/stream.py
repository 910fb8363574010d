"""Server-sent events: what changed, for live pages. One reader of the feed serves all browsers."""

import asyncio
import json
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from console.domain.access import Place, Rights, may
from console.store import api_tokens, changes, sites
from console.store.database import Database
from console.store.sessions import SignedIn
from console.store.standings import Standings
from console.web.context import Context
from console.web.identity import is_still
from console.web.route_table import STREAM

router = APIRouter(prefix="/api")
POLL_S = 0.25
BEAT_S = 5.0
COME_BACK_MS = 2000
_KEEP = 2000
_AT_ONCE = 500  # changes in one reading
AGAIN = {"kind": "again", "key": "", "what": ""}  # more has changed than is remembered: look at everything again
_AGAIN = f"event: change\ndata: {json.dumps(AGAIN)}\n\n"


@dataclass(frozen=True, slots=True)
class News:
    """A change, where it happened (None where that is not known any more), and how it is told."""

    id: int
    kind: str
    key: str
    what: str
    place: Place | None
    told: str


@dataclass(eq=False, slots=True)
class Follower:
    """Somebody who hears the stream. gone: is not any more who began to hear it, or may not what that one might."""

    who: SignedIn
    gone: bool = False


def may_hear(rights: Rights, news: News) -> bool:
    """Whether somebody may be told; of what can't be placed only who may see everything. A box also tells of itself
    to those who see a camera of it."""
    action = STREAM.get(news.kind)
    if action is None or not may(rights, action):
        return False
    if news.place is None:
        return rights.reach.everywhere
    if news.kind == "node" and rights.reach.touches(news.place):
        return True
    return may(rights, action, news.place)


class Feed:
    """The newest changes, in memory, and who hears them. `run` is the whole life of its thread."""

    def __init__(self, database: Database, wall_s: Callable[[], float]) -> None:
        """Begins at what is newest now, so that nothing falls between the first page and the first turn of `run`."""
        self._database, self._wall_s = database, wall_s
        self._recent: deque[News] = deque(maxlen=_KEEP)
        self._followers: set[Follower] = set()
        self._standings = Standings()
        self._unasked_s = 0.0
        with database.read() as connection:
            self._begun_at = self.newest_id = changes.newest_id(connection)
        self.closed = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Reads the change feed until `stop`; without a pause while there is more of it."""
        pause_s = POLL_S
        while not stop.wait(pause_s):
            try:
                with self._database.read() as connection:
                    found = _placed(connection, changes.after(connection, self.newest_id, _AT_ONCE))
                    if found or self._unasked_s >= BEAT_S:
                        self._ask(connection)  # after the changes were read: who lost the right before them is gone
            except SQLAlchemyError:
                found = []  # pages grow stale and say so; the next turn tries again
                self._end_unasked()
            for one in found:
                self._recent.append(one)
                self.newest_id = one.id
            self._unasked_s += POLL_S
            pause_s = 0.0 if len(found) == _AT_ONCE else POLL_S
        self.closed.set()

    @contextmanager
    def followed(self, follower: Follower) -> Iterator[None]:
        """Within it a follower is asked about with all others, before anything new is there to be heard."""
        self._followers.add(follower)
        try:
            yield
        finally:
            self._followers.discard(follower)

    def reaches_back_to(self, last_id: int) -> bool:
        """Whether every change after `last_id` is still remembered."""
        # A place that is not there yet is of another database: of what it tells next nothing would be told for long.
        return self.newest_id >= last_id >= self._begun_at and not self.has_forgotten(last_id)

    def has_forgotten(self, last_id: int) -> bool:
        """Whether some change after `last_id` had to make room for newer ones."""
        return len(self._recent) == _KEEP and last_id < self._recent[0].id - 1

    def after(self, last_id: int) -> list[News]:
        """Changes after `last_id` that are still remembered."""
        return [one for one in list(self._recent) if one.id > last_id]

    def _ask(self, connection: Connection) -> None:
        followers, now_s = list(self._followers), self._wall_s()
        people = {one.who.token_sha256 for one in followers if not one.who.token_name}
        found = self._standings.of_sessions(connection, people, now_s) if people else {}
        for one in followers:
            if one.who.token_name:
                program = api_tokens.find(connection, one.who.token_sha256, now_s)
                one.gone |= program is None or program[0] != one.who
            else:
                one.gone |= found.get(one.who.token_sha256) != one.who
        self._unasked_s = 0.0

    def _end_unasked(self) -> None:
        """Nobody can say who may hear on; browsers come back and are asked again."""
        if self._unasked_s >= BEAT_S:
            for one in list(self._followers):
                one.gone = True


def _placed(connection: Connection, found: Sequence[changes.Change]) -> list[News]:
    """Changes with their places, looked up once for all who follow."""
    rang = {one.key for one in found if one.kind == "alert"}
    alerts = sites.places_of_alerts(connection, rang) if rang else {}
    names = {one.key.partition("/")[0] for one in found if one.kind in ("node", "camera")}
    boxes = sites.places_of_nodes(connection, names) if names else {}
    news = []
    for one in found:
        name, _, camera = one.key.partition("/")
        place = alerts.get(one.key) if one.kind == "alert" else boxes.get(name)
        if one.kind == "watch":
            place = Place(int(one.key)) if one.key.isdecimal() else None
        elif place is not None and one.kind == "camera":
            place = replace(place, camera=camera)
        data = json.dumps({"kind": one.kind, "key": one.key, "what": one.what})
        told = f"id: {one.id}\nevent: change\ndata: {data}\n\n"
        news.append(News(one.id, one.kind, one.key, one.what, place, told))
    return news


@router.get("/stream")
async def stream(request: Request, after: str = "") -> StreamingResponse:
    """Follows the feed; a browser that comes back goes on where it was. after: that place, where it opens it anew."""
    feed: Feed = request.app.state.feed
    context: Context = request.app.state.context
    said = request.headers.get("Last-Event-ID", after)
    last_id = int(said) if said.isdigit() and len(said) < 18 else feed.newest_id
    person = request.state.person
    lines = _lines(feed, last_id, Follower(person), context.wall_s, lambda: _is_still(context, person))
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _is_still(context: Context, person: SignedIn) -> bool:
    """Whether the session goes on and its account is what it was as the stream began."""
    try:
        return is_still(context, person)
    except SQLAlchemyError:
        return False  # nobody can say; the browser comes back and is asked again


async def _lines(
    feed: Feed, last_id: int, follower: Follower, wall_s: Callable[[], float], is_still: Callable[[], bool]
) -> AsyncIterator[str]:
    """What happens, and a beat where nothing does; who may not hear on as they began is told to look anew.

    is_still: asked once, of what was there before the feed knew of this follower.
    """
    if not feed.reaches_back_to(last_id):
        last_id = feed.newest_id
        yield f"id: {last_id}\n{_AGAIN}"
    comes_back_ms = COME_BACK_MS + secrets.randbelow(COME_BACK_MS)  # not all at once, after a cut that all had
    yield f"{_beat(last_id, wall_s())}retry: {comes_back_ms}\n\n"  # at once: the page learns that it is connected
    quiet_s = 0.0
    with feed.followed(follower):
        follower.gone |= not await run_in_threadpool(is_still)
        while not feed.closed.is_set():
            found = feed.after(last_id)
            # Both are looked at last: whom the feed found gone it marked before it told of anything, and what it
            # forgets until now is not among what was found.
            forgotten = feed.has_forgotten(last_id)
            if follower.gone:
                yield _AGAIN  # an open page asks anew what it may show
                return
            if found:
                last_id = found[-1].id
                told = "".join(one.told for one in found if may_hear(follower.who.rights, one))
                if told or forgotten:  # one piece: each of them costs as much as a hundred changes in it
                    yield f"id: {last_id}\n{_AGAIN}" if forgotten else told
            quiet_s = 0.0 if found else quiet_s + POLL_S
            if quiet_s >= BEAT_S:
                quiet_s = 0.0
                yield _beat(last_id, wall_s())
            await asyncio.sleep(POLL_S)


def _beat(last_id: int, at_s: float) -> str:
    """The console's time, and the place in the feed: who is cut off before the first change goes on there, too."""
    return f"event: beat\nid: {last_id}\ndata: {json.dumps({'at_s': at_s})}\n\n"
