"""What a node was seen to do between two moments, as figures. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.app.work_done import FrameDone

MOST_DROPPED, LATEST_MS = 0.01, 1000.0  # past either, there are more cameras than the box can watch
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Sighting:
    """A node at one moment; counters since its start.

    at_s: monotonic. stage_s: processor seconds by stage. dropped: frames, by camera. rss_bytes, pss_bytes: of each
    worker.
    """

    at_s: float
    stage_s: Mapping[str, float]
    inferences: int
    fill_sum: float
    dropped: Mapping[str, int]
    rss_bytes: Sequence[int]
    pss_bytes: Sequence[int]
    restarts: int


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """One camera. arrival_ms_p95: from the sending of a picture until this box read it, which no frame's time shows."""

    camera: str
    video: str
    analysed_fps: float
    dropped: int
    drop_ratio: float
    capture_to_event_ms_p50: float
    capture_to_event_ms_p95: float
    arrival_ms_p95: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a bench says. The names are those of its JSON.

    analysed_fps: of the camera with the lowest. drop_ratio: frames that a newer one replaced, of all that were to be
    analysed. capture_to_event_ms: from a frame's capture until all that it led to was in the outbox, over all frames,
    whether they led to an event or not, with what the reading was late; event_row_ms_p95: of those that did.
    cpu_cores: of the node alone, the cameras' server is not in it. canvas_fill: share of the input that shows picture.
    cpu_ms_a_frame_by_stage: of an analysed frame; "read" of one that was to be. rss_mb, pss_mb: of all
    workers. rss_mb_per_hour: how that grew; of less than some minutes it says nothing.
    """

    cameras: int
    workers: int
    seconds: float
    analysed_fps: float
    drop_ratio: float
    capture_to_event_ms_p50: float
    capture_to_event_ms_p95: float
    event_rows: int
    event_row_ms_p95: float
    cpu_cores: float
    cpu_cores_by_stage: dict[str, float]
    cpu_ms_a_frame_by_stage: dict[str, float]
    inferences_per_s: float
    canvas_fill: float
    rss_mb: float
    pss_mb: float
    rss_mb_per_hour: float
    worker_restarts: int
    per_camera: tuple[CameraFigures, ...] = field(default=())

    @property
    def fits(self) -> bool:
        """Whether the box kept up with all cameras."""
        sound = self.worker_restarts == 0 and self.analysed_fps > 0
        return sound and self.drop_ratio < MOST_DROPPED and self.capture_to_event_ms_p95 < LATEST_MS


def figures(
    begin: Sighting,
    end: Sighting,
    frames: Sequence[FrameDone],
    arrival_s: Mapping[str, Sequence[float]],
    videos: Mapping[str, str],
    rss_bytes: Sequence[tuple[float, int]],
) -> Figures:
    """frames: all, of which those done between the two sightings count. arrival_s: how late pictures were read, by
    camera, seconds. videos: what each camera plays. rss_bytes: of all workers, with the moments."""
    lasted_s = end.at_s - begin.at_s
    counted = [frame for frame in frames if begin.at_s <= frame.done_s < end.at_s]
    cameras = []
    delays: list[float] = []
    for camera, video in videos.items():
        late_s = _percentile(arrival_s.get(camera, ()), 95)
        mine = [frame.done_s - frame.media_s + late_s for frame in counted if frame.camera == camera]
        delays += mine
        dropped = end.dropped.get(camera, 0) - begin.dropped.get(camera, 0)
        cameras.append(
            CameraFigures(
                camera,
                video,
                round(len(mine) / lasted_s, 2),
                dropped,
                round(dropped / max(1, dropped + len(mine)), 4),
                round(_percentile(mine, 50) * 1000, 1),
                round(_percentile(mine, 95) * 1000, 1),
                round(late_s * 1000, 1),
            )
        )
    stage_s = {stage: used - begin.stage_s.get(stage, 0.0) for stage, used in sorted(end.stage_s.items())}
    inferences = end.inferences - begin.inferences
    dropped = sum(camera.dropped for camera in cameras)
    led_to_rows = [frame.done_s - frame.media_s for frame in counted if frame.event_rows]
    return Figures(
        cameras=len(videos),
        workers=len(end.rss_bytes),
        seconds=round(lasted_s, 1),
        analysed_fps=min((camera.analysed_fps for camera in cameras), default=0.0),
        drop_ratio=round(dropped / max(1, dropped + len(counted)), 4),
        capture_to_event_ms_p50=round(_percentile(delays, 50) * 1000, 1),
        capture_to_event_ms_p95=round(_percentile(delays, 95) * 1000, 1),
        event_rows=sum(frame.event_rows for frame in counted),
        event_row_ms_p95=round(_percentile(led_to_rows, 95) * 1000, 1),
        cpu_cores=round(sum(stage_s.values()) / lasted_s, 3),
        cpu_cores_by_stage={stage: round(used / lasted_s, 3) for stage, used in stage_s.items()},
        cpu_ms_a_frame_by_stage={
            stage: round(used * 1000 / max(1, len(counted) + dropped * (stage == "read")), 2)
            for stage, used in stage_s.items()
        },
        inferences_per_s=round(inferences / lasted_s, 2),
        canvas_fill=round((end.fill_sum - begin.fill_sum) / max(1, inferences), 3),
        rss_mb=round(sum(end.rss_bytes) / _MB, 1),
        pss_mb=round(sum(end.pss_bytes) / _MB, 1),
        rss_mb_per_hour=round(_per_hour(rss_bytes) / _MB, 1),
        worker_restarts=end.restarts,
        per_camera=tuple(cameras),
    )


def _per_hour(samples: Sequence[tuple[float, int]]) -> float:
    """The slope of (seconds, value), by least squares."""
    if len(samples) < 3:
        return 0.0
    at_s, value = np.array(samples, np.float64).T
    return float(np.polyfit(at_s - at_s[0], value, 1)[0] * 3600)


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else 0.0
