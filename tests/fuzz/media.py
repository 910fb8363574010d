"""Damaged files: recordings, videos, pictures, networks, and what a node keeps beside them."""

import os
import shutil
import sqlite3
import tempfile
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
from fastapi.testclient import TestClient
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from inputs import damaged_bytes
from made_network import make_bright_network
from target import Target, TryOne

from console.app.factory import build
from console.app.settings import Settings
from console.domain.jpeg import jpeg_size
from console.store import nodes
from edge.adapters.checkpoint_file import CheckpointFile
from edge.adapters.clip_writer import NoRecording, write_clip
from edge.adapters.kept_files import list_events, list_recordings
from edge.adapters.libav_limits import bound_allocations
from edge.adapters.outbox_rows import OutboxError
from edge.adapters.recorded_picture import recorded_picture
from edge.adapters.reference_file import ReferenceFile
from edge.adapters.segment_index import IndexedFile, SegmentIndex, is_sound
from edge.adapters.segments import close_abandoned, list_segments
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.track_log import TrackLog
from edge.adapters.video_file import VideoFile, VideoFileError
from edge.core.checkpoint import Checkpoint
from edge.core.integrity.picture import HEIGHT, WIDTH
from edge.core.integrity.reference import View
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch
from edge.virtual_camera.access_unit import MediaError
from edge.virtual_camera.files import FilePictures, open_file
from models.add import add
from models.registry import ModelError, Registry

BEGIN_S, LENGTH_S = 1_790_000_000.0, 2.0
_FRAGMENTED = {"movflags": "empty_moov+default_base_moof", "frag_duration": "500000"}


def _video(folder: Path, name: str, codec: str = "libx264", options: dict[str, str] | None = None) -> bytes:
    path = folder / name
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=10, options={"g": "5", "x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            picture = np.full((48, 64, 3), 40 + number, np.uint8)
            picture[10:30, 2 * number : 2 * number + 10] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    path.unlink()
    return data


def _segments(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    bound_allocations()
    sound = [_video(folder, "a.mp4", codec, _FRAGMENTED) for codec in ("libx264", "libx265")]
    recordings = folder / "recordings"

    def use(data: bytes) -> bool:
        shutil.rmtree(recordings, ignore_errors=True)
        recordings.mkdir()
        first, second = round(BEGIN_S * 1000), round((BEGIN_S + LENGTH_S) * 1000)
        (recordings / f"{first}-{second}.mp4").write_bytes(data)
        (recordings / f"{second}-{second + 2000}.mp4").write_bytes(sound[0])
        (recordings / f"{second + 2000}.mp4").write_bytes(data)  # left open by a kill
        try:
            recorded_picture(recordings, "gate", BEGIN_S + 1.5)
        except NoRecording as error:
            assert str(error)
        close_abandoned(recordings)
        assert all(segment.ends_at_s is not None for segment in list_segments(recordings))
        clip = folder / "clip.mp4"
        try:
            facts = write_clip(recordings, BEGIN_S + 0.5, BEGIN_S + 5.5, clip)
        except (NoRecording, OSError) as error:  # what the clip desk tells of, and tries again
            assert str(error)
            assert not clip.exists()
            return False
        clip.unlink()
        assert facts.frames > 0
        return facts.begins_at_s < BEGIN_S + LENGTH_S

    return damaged_bytes(sound), use


def _videos(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    bound_allocations()
    kinds = [("a.mp4", "libx264"), ("a.mp4", "libx265"), ("a.ts", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")]
    corpus = [_video(folder, *kind) for kind in kinds]

    def play(data: bytes) -> bool:
        path = folder / "video"
        path.write_bytes(data)
        taken = 0
        try:
            taken += sum(1 for _ in islice(VideoFile(path, "gate", 5.0), 100))
        except VideoFileError as error:
            assert str(path) in str(error)
        try:
            played = open_file(path)
            if isinstance(played, FilePictures):
                taken += len([played.picture(number) for number in range(min(played.picture_count, 20))])
            else:
                taken += len(list(islice(played.endless(), 60)))
        except MediaError as error:
            assert str(error)
        return taken > 0

    return damaged_bytes(corpus), play


def _pictures(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    console = build(Settings(folder=folder), lambda: BEGIN_S)
    with console.database.write() as connection:
        token = nodes.add(connection, "n1", "Kim Đồng", "", BEGIN_S)
    node = TestClient(console.web, headers={"Authorization": f"Bearer {token}"})
    drawn = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    progressive = [int(cv2.IMWRITE_JPEG_PROGRESSIVE), 1]
    corpus = [cv2.imencode(".jpg", drawn)[1].tobytes(), cv2.imencode(".jpg", drawn, progressive)[1].tobytes()]

    def send(data: bytes) -> bool:
        size = jpeg_size(data)
        answer = node.put("/api/node/cameras/gate/still", content=data)
        assert (answer.status_code == 204) == (size is not None), answer.status_code
        assert answer.status_code in (204, 413, 415)
        return size is not None

    return damaged_bytes(corpus), send


def _uploads(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    """Files sent in pieces that do not fit, of events that were and were not announced."""
    from messages import NOW_S, SOUND

    from broker.contract import codec, topics
    from console.ingest.intake import Intake

    console = build(Settings(folder=folder), lambda: NOW_S)
    with console.database.write() as connection:
        token = nodes.add(connection, "n1", "Kim Đồng", "", NOW_S)
    intake = Intake(console.database, lambda: NOW_S)
    intake.take(topics.EVIDENCE.of("n1"), codec.encode(topics.EVIDENCE, "n1", SOUND["evidence"], NOW_S, "box", 1))
    node = TestClient(console.web, headers={"Authorization": f"Bearer {token}"})
    numbers = (
        st.sampled_from(["0", "3"])
        | st.integers(-2, 5).map(str)
        | st.sampled_from(["", "1" * 15, "1" * 16, "0x1", "1.0", "٣", "nan"])
    )

    def send(said: tuple[str, str, str, bytes]) -> bool:
        name, offset, length, data = said
        headers = {"Upload-Offset": offset.encode(), "Upload-Length": length.encode()}
        answer = node.patch(f"/api/node/files/{name}", content=data, headers=headers)  # type: ignore[arg-type]
        state = node.head(f"/api/node/files/{name}")
        assert answer.status_code < 500, (said, answer.status_code)
        assert state.status_code < 500, (said, state.status_code)
        assert state.headers.get("Upload-Complete") != "?1"
        return answer.status_code == 204

    names = st.sampled_from(["a" * 64, "a" * 64, "b" * 64, "a" * 63, "..%2f..%2fetc", "%00"])
    return st.tuples(names, numbers, numbers, st.binary(max_size=5)), send


def _networks(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    make_bright_network(folder / "bright.onnx")
    sound = (folder / "bright.onnx").read_bytes()

    def offer(data: bytes) -> bool:
        path = folder / "offered.onnx"
        path.write_bytes(data)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            registry = Registry(Path(place))
            try:
                add(registry, path)
            except ModelError as error:
                assert str(error)
                assert not list(Path(place).glob("*.onnx"))
                return False
            return True

    return damaged_bytes([sound], 3), offer


def _node_files(folder: Path) -> tuple[SearchStrategy[Any], TryOne]:
    """What lies in a node's folder: labels, boxes, views, the checkpoint, the index, the outbox."""
    state, clock = folder / "state", SimpleNamespace(wall_s=lambda: BEGIN_S, monotonic_s=lambda: 100.0)
    for name in ("evidence/e", "tracks/gate", "recordings/gate", "memory"):
        (state / name).mkdir(parents=True)
    event_label = b'{"camera": "gate", "zone": "all", "opened_at_s": 1790000000.0}'
    segment = state / "recordings/gate" / f"{round(BEGIN_S * 1000)}-{round(BEGIN_S * 1000 + 2000)}.mp4"
    segment.write_bytes(b"video")
    index = SegmentIndex(state / "index.sqlite", state)
    index.sync([IndexedFile(segment.relative_to(state).as_posix(), "gate", BEGIN_S, BEGIN_S + 2, 5)])
    index.check(1000, 1000, BEGIN_S)
    index.close()
    SqliteOutbox(state / "outbox.sqlite").close()
    ReferenceFile(state / "references", "gate").save("day", _view(), b"jpeg")
    checkpoints = CheckpointFile(state / "memory", "gate", "print")
    checkpoints.save(Checkpoint(1, 1, (), 99.0, BEGIN_S, Tracker(), CameraWatch("box", "gate", [], [])))
    places = {
        "evidence/e/event.json": event_label,
        f"tracks/gate/{round(BEGIN_S)}-1.jsonl": b"[1790000000.5,1,0.1,0.1,0.2,0.3]\n",
        **{name: (state / name).read_bytes() for name in ("references/gate-day.npz", "memory/gate")},
        **{name: (state / name).read_bytes() for name in ("index.sqlite", "outbox.sqlite")},
    }

    def read(damage: tuple[str, bytes]) -> bool:
        name, data = damage
        for suffix in ("-wal", "-shm"):
            (state / f"{name}{suffix}").unlink(missing_ok=True)
        (state / name).write_bytes(data)
        try:
            return _read_all(state, clock, segment)
        finally:
            (state / name).write_bytes(places[name])

    of_place = [st.tuples(st.just(name), damaged_bytes([sound], 3)) for name, sound in places.items()]
    return st.one_of(of_place), read


def _view() -> View:
    outlines = np.ones((HEIGHT, WIDTH), np.complex64)
    return View(outlines=outlines, height=480, structure=1.0, sharpness=1.0, level=100.0)


def _read_all(state: Path, clock: Any, segment: Path) -> bool:
    list_events(state)
    list_recordings(state)
    TrackLog(state / "tracks/gate", 1e9, lambda: None).between(BEGIN_S, BEGIN_S + 2)
    ReferenceFile(state / "references", "gate").load()
    CheckpointFile(state / "memory", "gate", "print").load(clock, 30.0)
    is_sound(state / "index.sqlite", state, segment)
    taken = True
    try:
        index = SegmentIndex(state / "index.sqlite", state)
        index.sync([IndexedFile(segment.relative_to(state).as_posix(), "gate", BEGIN_S, BEGIN_S + 2, 5)])
        index.check(1000, 1000, BEGIN_S)
        index.close()
    except (OSError, sqlite3.Error):  # what the housekeeper tells of, and tries again
        taken = False
    try:
        SqliteOutbox(state / "outbox.sqlite").close()
    except OutboxError as error:
        assert os.fspath(state) in str(error)
        taken = False
    return taken


TARGETS = [
    Target("segments-and-clips", _segments, limit_s=10.0),
    Target("videos-played", _videos, limit_s=10.0),
    Target("stills-uploaded", _pictures, guided=True),
    Target("files-uploaded", _uploads, guided=True),
    Target("networks-added", _networks, limit_s=10.0),
    Target("files-of-the-node", _node_files, limit_s=10.0),
]
