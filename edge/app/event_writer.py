"""Stop 11 of the house: what a frame led to is written down so that no death of the process doubles or loses it.

First the checkpoint, with the frame's events in it, then the outbox in one transaction, which counts such frames. A
process that finds a checkpoint one step ahead of the outbox writes its events; one that finds it level goes on; one
that finds it behind, or none, begins anew and closes what was open. An outbox that knows of no step has been lost: its
last events are written again. Where the disk takes nothing, events wait in the checkpoint, and watching goes on.
"""

import logging
import sqlite3
from collections.abc import Sequence

from broker.contract.messages import EventMessage
from edge.adapters.checkpoint_file import CheckpointFile
from edge.adapters.outbox_rows import is_damage
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.clip_desk import clip_for
from edge.app.orphans import end_stays
from edge.config.schema import RecordingSection
from edge.core.checkpoint import Checkpoint
from edge.core.events import Closing, Event
from edge.core.ports import Clock
from edge.pipeline.camera_pipeline import CameraPipeline
from edge.pipeline.wire import event_message

log = logging.getLogger(__name__)

RETRY_S = 1.0  # media seconds, after the disk took nothing
BUSY_S, IDLE_S = 1.0, 10.0  # media seconds between two checkpoints while somebody is there, and while nobody is


class EventWriter:
    """Writes down the events of one camera, and resumes those of its predecessor. Used by the vision thread alone."""

    def __init__(
        self,
        camera: str,
        pipeline: CameraPipeline,
        outbox: SqliteOutbox,
        checkpoints: CheckpointFile,
        recording: RecordingSection,
        clock: Clock,
        model: str,
    ) -> None:
        """model: name of the network that finds the people."""
        self._camera, self._pipeline, self._outbox, self._checkpoints = camera, pipeline, outbox, checkpoints
        self._recording, self._clock, self._model = recording, clock, model
        self._life = int(clock.wall_s() * 1000)
        self._step = 0
        self._events: tuple[Event, ...] = ()
        self._at: tuple[float, float] | None = None
        self._saved_s = float("-inf")
        self._untold, self._orphaned = False, False  # what the disk has not taken yet
        self._retry_s = float("-inf")

    def resume(self, longest_s: float) -> int:
        """Goes on where the last process stood if that is at most `longest_s` ago, else closes what it left open.

        Returns the life in which people are numbered from now on.
        """
        told = self._outbox.step(self._camera)
        kept = self._checkpoints.load(self._clock, longest_s)
        # An outbox that was begun anew may know of no step: then the checkpoint tells all it knows.
        if kept is not None and (told is None or kept.step in (told, told + 1)):
            self._life, self._step, self._events = kept.life, kept.step, kept.events
            self._at = (kept.media_s, kept.captured_at_s)
            self._pipeline.resume(kept.tracker, kept.watch)
            self._untold = told is None or kept.step > told
            log.info("camera %s: goes on after %.1f s", self._camera, self._clock.monotonic_s() - kept.media_s)
        else:
            self._step = told or 0
        self._orphaned = True
        self._catch_up(self._clock.monotonic_s())
        return self._life

    def _close_orphans(self) -> None:
        resumed = {event.event_id for event in self._pipeline.open_events}
        end_stays(self._outbox, self._camera, self._clock.wall_s(), resumed)

    def _catch_up(self, media_s: float) -> list[EventMessage]:
        """Tells what is not told yet; where the disk takes nothing, that is logged once and tried again later.

        Raises sqlite3.Error where the outbox itself is at fault.
        """
        waited, messages = self._retry_s > float("-inf"), list[EventMessage]()
        try:
            if self._untold:
                messages = self._tell()
                self._untold = False
            if self._orphaned:
                self._close_orphans()
                self._orphaned = False
        except sqlite3.OperationalError as error:
            if is_damage(error):
                raise
            if not waited:
                log.error("camera %s: events can't be written down: %s; they are tried again", self._camera, error)
            self._retry_s = media_s + RETRY_S
            return messages
        if waited:
            log.warning("camera %s: events are written down again", self._camera)
        self._retry_s = float("-inf")
        return messages

    def goes_on_with(self, media_s: float) -> bool:
        """Whether a frame is not older than the last one: after a resume many cameras send what was seen before."""
        return self._at is None or media_s >= self._at[0]

    def write(
        self, events: Sequence[Event], media_s: float, captured_at_s: float, *, busy: bool = True
    ) -> list[EventMessage]:
        """Writes down what a frame led to; busy: somebody is in the picture."""
        self._at = (media_s, captured_at_s)
        if events:
            self._step += not self._untold  # with what the disk has not taken yet they are one step
            self._events = (*(self._events if self._untold else ()), *events)
            self._untold = True
        if events or not 0 <= media_s - self._saved_s < (BUSY_S if busy else IDLE_S):
            tracker, watch = self._pipeline.state
            kept = Checkpoint(self._life, self._step, self._events, media_s, captured_at_s, tracker, watch)
            self._checkpoints.save(kept)
            self._saved_s = media_s
        return self._catch_up(media_s) if (self._untold or self._orphaned) and media_s >= self._retry_s else []

    def close(self, because: Closing) -> None:
        """Closes what is open, at the last frame."""
        if self._at is not None:
            self.write(self._pipeline.close(because, *self._at), *self._at)

    def end(self) -> None:
        """Closes what is open, for a node that is stopped in good order."""
        self.close("restart")
        if self._untold and self._at is not None:
            self._catch_up(self._at[0])
        if not self._untold:  # else whoever starts soon may still tell it
            self._checkpoints.forget()

    def _tell(self) -> list[EventMessage]:
        messages = [event_message(event, self._model) for event in self._events]
        clips = [clip_for(event, self._recording) for event in self._events]
        revisions = list(zip(messages, clips, strict=True))
        ahead_s = [event.captured_at_s - event.media_s for event in self._events]  # each by the clock of its opening
        self._outbox.put_step(self._camera, self._step, revisions, self._clock.wall_s(), ahead_s)
        return messages
