"""Draws a scene into a video file, with its truth beside it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
from av.video.stream import VideoStream

from edge.virtual_camera.coder import usual_bit_rate
from edge.virtual_camera.scene import DrawnScene, SceneSpec


def draw(
    spec: SceneSpec,
    video_path: Path,
    truth_path: Path | None = None,
    still_path: Path | None = None,
    bit_rate: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DrawnScene:
    """Writes `spec` as H.264 in MP4; also its truth as JSON and a picture from its middle, where paths are given.

    bit_rate: bits a second, None for a cheap camera's. progress: told (pictures done, pictures in all).
    Raises OSError where a file can't be written.
    """
    scene = DrawnScene(spec)
    rate = bit_rate or usual_bit_rate(spec.width, spec.height, spec.fps)
    with av.open(str(video_path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(spec.fps).limit_denominator(1001))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = spec.width, spec.height, "yuv420p", rate
        stream.gop_size = max(1, round(spec.fps * 2))
        stream.codec_context.max_b_frames = 0
        # One thread, so that the same spec gives the same file on every machine.
        stream.options = {"preset": "veryfast", "profile": "main", "threads": "1"}
        for number in range(scene.picture_count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene.picture(number), format="rgb24")))
            if progress is not None:
                progress(number + 1, scene.picture_count)
        container.mux(stream.encode())
    if truth_path is not None:
        scene.truth().write(truth_path)
    if still_path is not None:
        _write_still(scene, still_path)
    return scene


def _write_still(scene: DrawnScene, path: Path) -> None:
    coded, data = cv2.imencode(".png", scene.picture(scene.picture_count // 2)[..., ::-1])
    assert coded
    path.write_bytes(data.tobytes())
