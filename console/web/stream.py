"""Server-sent events: what changed, for live pages. One reader of the feed serves all browsers."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from console.domain.access import Action, may
from console.store import changes, sessions
from console.store.database import Database
from console.web.context import Context

router = APIRouter(prefix="/api")
POLL_S = 0.25
BEAT_S = 5.0
_KEEP = 2000
AGAIN = {"kind": "again", "key": "", "what": ""}  # more has changed than is remembered: look at everything again


class Feed:
    """The newest changes, in memory. `run` is the whole life of its thread."""

    def __init__(self, database: Database) -> None:
        """Begins at what is newest now, so that nothing falls between the first page and the first turn of `run`."""
        self._database = database
        self._recent: deque[changes.Change] = deque(maxlen=_KEEP)
        with database.read() as connection:
            self._begun_at = self.newest_id = changes.newest_id(connection)
        self.closed = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Reads the change feed until `stop`."""
        while not stop.wait(POLL_S):
            try:
                with self._database.read() as connection:
                    found = changes.after(connection, self.newest_id)
            except SQLAlchemyError:
                continue  # pages grow stale and say so; the next turn tries again
            for one in found:
                self._recent.append(one)
                self.newest_id = one.id
        self.closed.set()

    def reaches_back_to(self, last_id: int) -> bool:
        """Whether every change after `last_id` is still remembered."""
        full = len(self._recent) == _KEEP
        return last_id >= (self._recent[0].id - 1 if full else self._begun_at)

    def after(self, last_id: int) -> list[changes.Change]:
        """Changes after `last_id` that are still remembered."""
        return [one for one in list(self._recent) if one.id > last_id]


@router.get("/stream")
async def stream(request: Request) -> StreamingResponse:
    """Follows the feed; a browser that comes back goes on where it was."""
    feed: Feed = request.app.state.feed
    context: Context = request.app.state.context
    said = request.headers.get("Last-Event-ID", "")
    last_id = int(said) if said.isdigit() and len(said) < 18 else feed.newest_id
    person = request.state.person
    kinds = {"node", "camera"} | ({"alert"} if may(person.role, Action.SEE_ALERTS) else set())
    lines = _lines(feed, last_id, kinds, context.wall_s, lambda: _is_still(context, person))
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _is_still(context: Context, person: sessions.SignedIn) -> bool:
    """Whether the session goes on and its account is what it was as the stream began."""
    try:
        with context.database.read() as connection:
            found = sessions.find(connection, person.token_sha256, context.wall_s())
    except SQLAlchemyError:
        return False  # nobody can say; the browser comes back and is asked again
    return found is not None and found[0] == person


async def _lines(
    feed: Feed, last_id: int, kinds: set[str], wall_s: Callable[[], float], is_still: Callable[[], bool]
) -> AsyncIterator[str]:
    """What happens, and a beat where nothing does; before each word the right to hear it is looked up again."""
    quiet_s = BEAT_S  # a beat at once tells the page that it is connected
    if not feed.reaches_back_to(last_id):
        last_id = feed.newest_id
        yield f"id: {last_id}\nevent: change\ndata: {json.dumps(AGAIN)}\n\n"
    while not feed.closed.is_set():
        found = feed.after(last_id)
        if (found or quiet_s + POLL_S >= BEAT_S) and not await run_in_threadpool(is_still):
            return
        for one in found:
            last_id = one.id
            if one.kind not in kinds:
                continue
            data = json.dumps({"kind": one.kind, "key": one.key, "what": one.what})
            yield f"id: {one.id}\nevent: change\ndata: {data}\n\n"
        quiet_s = 0.0 if found else quiet_s + POLL_S
        if quiet_s >= BEAT_S:
            quiet_s = 0.0
            yield f"event: beat\ndata: {json.dumps({'at_s': wall_s()})}\n\n"
        await asyncio.sleep(POLL_S)
