"""Stop 11 of the house: what a frame led to is written down so that no death of the process doubles or loses it.

First the checkpoint, with the frame's events in it, then the outbox in one transaction, which counts such frames. A
process that finds a checkpoint one step ahead of the outbox writes its events; one that finds it level goes on; one
that finds it behind, or none, begins anew and closes what was open.
"""

import logging
from collections.abc import Sequence

from broker.contract.messages import CAMERA_ALARMS, EventMessage
from edge.adapters.checkpoint_file import CheckpointFile
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.app.clip_desk import clip_for
from edge.app.orphans import close_orphans
from edge.config.schema import RecordingSection
from edge.core.checkpoint import Checkpoint
from edge.core.events import Closing, Event
from edge.core.ports import Clock
from edge.pipeline.camera_pipeline import CameraPipeline
from edge.pipeline.wire import event_message

log = logging.getLogger(__name__)

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

    def resume(self, longest_s: float) -> int:
        """Goes on where the last process stood if that is at most `longest_s` ago, else closes what it left open.

        Returns the life in which people are numbered from now on.
        """
        told = self._outbox.step(self._camera)
        kept = self._checkpoints.load(self._clock, longest_s)
        if kept is not None and kept.step in (told, told + 1):
            self._life, self._step, self._events = kept.life, kept.step, kept.events
            self._at = (kept.media_s, kept.captured_at_s)
            self._pipeline.resume(kept.tracker, kept.watch)
            if kept.step > told:
                self._tell()
            log.info("camera %s: goes on after %.1f s", self._camera, self._clock.monotonic_s() - kept.media_s)
        else:
            self._step = told
        resumed = {event.event_id for event in self._pipeline.open_events}
        resumed |= {event.event_id for event in self._outbox.orphans(self._camera) if event.rule in CAMERA_ALARMS}
        close_orphans(self._outbox, [self._camera], self._clock.wall_s(), resumed)
        return self._life

    def goes_on_with(self, media_s: float) -> bool:
        """Whether a frame is not older than the last one: after a resume many cameras send what was seen before."""
        return self._at is None or media_s >= self._at[0]

    def write(
        self, events: Sequence[Event], media_s: float, captured_at_s: float, *, busy: bool = True
    ) -> list[EventMessage]:
        """Writes down what a frame led to; busy: somebody is in the picture."""
        self._at = (media_s, captured_at_s)
        if events:
            self._step += 1
            self._events = tuple(events)
        if events or not 0 <= media_s - self._saved_s < (BUSY_S if busy else IDLE_S):
            tracker, watch = self._pipeline.state
            kept = Checkpoint(self._life, self._step, self._events, media_s, captured_at_s, tracker, watch)
            self._checkpoints.save(kept)
            self._saved_s = media_s
        return self._tell() if events else []

    def close(self, because: Closing) -> None:
        """Closes what is open, at the last frame."""
        if self._at is not None:
            self.write(self._pipeline.close(because, *self._at), *self._at)

    def end(self) -> None:
        """Closes what is open, for a node that is stopped in good order."""
        self.close("restart")
        self._checkpoints.forget()

    def _tell(self) -> list[EventMessage]:
        messages = [event_message(event, self._model) for event in self._events]
        clips = [clip_for(event, self._recording) for event in self._events]
        revisions = list(zip(messages, clips, strict=True))
        self._outbox.put_step(self._camera, self._step, revisions, self._clock.wall_s())
        return messages
