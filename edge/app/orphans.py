"""What an earlier life of the node left open: events whose stays are gone, cameras that are no longer configured."""

from collections.abc import Collection, Iterable
from typing import Literal

from broker.contract.messages import CAMERA_ALARMS
from edge.adapters.outbox_rows import Missing
from edge.adapters.sqlite_outbox import SqliteOutbox

Because = Literal["restart", "unwatched"]


def close_orphans(
    outbox: SqliteOutbox,
    cameras: Iterable[str],
    now_s: float,
    resumed: Collection[str] = (),
    because: Because = "restart",
) -> None:
    """Ends the events of `cameras` that were open when their worker died, at the last moment they were seen.

    now_s: UTC seconds. resumed: ids of events that go on. because: why nobody has seen more of them.
    """
    for camera in cameras:
        for last in outbox.orphans(camera):
            if last.event_id in resumed:
                continue
            ended = {"state": "closed", "closed_because": because, "closed_at_s": last.captured_at_s}
            closed = last.model_copy(update={"revision": last.revision + 1, **ended})
            outbox.put_event(closed, now_s)


def end_stays(
    outbox: SqliteOutbox, camera: str, now_s: float, resumed: Collection[str] = (), because: Because = "restart"
) -> None:
    """Ends the events of people before a camera as `close_orphans` does; its own alarms go on."""
    alarms = {event.event_id for event in outbox.orphans(camera) if event.rule in CAMERA_ALARMS}
    close_orphans(outbox, [camera], now_s, {*resumed, *alarms}, because)


def settle_removed_cameras(outbox: SqliteOutbox, configured: Iterable[str], now_s: float) -> None:
    """Ends the events of cameras that were taken out of the configuration, and says that their clips won't come.

    now_s: UTC seconds.
    """
    removed = sorted(outbox.cameras() - set(configured))
    close_orphans(outbox, removed, now_s)
    for owed in outbox.owed_snapshots(removed):
        outbox.snapshots_impossible(owed.event_id)
    for job in outbox.due_clips(removed, float("inf")):
        why = f"camera {job.camera} was taken out of the node's configuration before its clip was made"
        outbox.put_evidence(job.event_id, job.camera, [], now_s, missing=Missing(why, "camera_removed"), done=job)
