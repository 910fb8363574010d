"""Server-sent events: what changed, for live pages. One reader of the feed serves all browsers."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError

from console.domain.access import Action, may
from console.store import changes
from console.store.database import Database
from console.web.context import Context

router = APIRouter(prefix="/api")
POLL_S = 0.25
BEAT_S = 5.0
_KEEP = 2000


class Feed:
    """The newest changes, in memory. `run` is the whole life of its thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: deque[changes.Change] = deque(maxlen=_KEEP)
        self.newest_id = 0
        self.closed = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Reads the change feed until `stop`."""
        known = False
        while not stop.wait(POLL_S):
            try:
                with self._database.read() as connection:
                    if not known:
                        self.newest_id, known = changes.newest_id(connection), True
                    found = changes.after(connection, self.newest_id)
            except SQLAlchemyError:
                continue  # pages grow stale and say so; the next turn tries again
            for one in found:
                self._recent.append(one)
                self.newest_id = one.id
        self.closed.set()

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
    kinds = {"node", "camera"} | ({"alert"} if may(request.state.person.role, Action.SEE_ALERTS) else set())
    lines = _lines(feed, last_id, kinds, context.wall_s)
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _lines(feed: Feed, last_id: int, kinds: set[str], wall_s: Callable[[], float]) -> AsyncIterator[str]:
    quiet_s = BEAT_S  # a beat at once tells the page that it is connected
    while not feed.closed.is_set():
        found = feed.after(last_id)
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
