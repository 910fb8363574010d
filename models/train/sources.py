"""Where training pictures come from: labelled archives, drawn scenes with their truth, videos that teachers label."""

import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.adapters.onnx_detector import OnnxDetector
from edge.virtual_camera.light import LightName
from edge.virtual_camera.scene import DrawnScene, SceneSpec
from models.labelled import (
    PERSON,
    LabelError,
    boxes_in,
    boxes_of,
    check_pairs,
    labels_in,
    picture_of,
    pictures_in,
    read_picture,
)
from models.train.camera_look import through_a_camera
from models.train.canvas import sure_of_the_visible
from models.train.shards import Sample
from models.train.teachers import ask, complete

Progress = Callable[[int, int], None]  # done, in all
JPEG_QUALITY = 72
LONGEST_SIDE_PX = 320
HIDDEN = 0.35  # a drawn person of whom less than this shows is neither a person nor nobody
SCENE_PX = (640, 360)


def from_archive(
    path: Path, teachers: Sequence[OnnxDetector], progress: Progress, by_night: bool = False
) -> Iterator[Sample]:
    """Pictures `images/**.jpg` with YOLO labels `labels/**.txt` of a tar file, completed by the teachers.

    by_night: each as an infra-red camera might give it, always the same; those who can't be seen then are undecided.
    Raises LabelError where it is no such file, or where no label belongs to a picture of it.
    """
    try:
        with tarfile.open(path) as archive:
            files = {member.name.removeprefix("./"): member for member in archive.getmembers() if member.isfile()}
            names = sorted(name for name in files if name.startswith("images/"))
            label_of = {name: "labels/" + name.removeprefix("images/").rsplit(".", 1)[0] + ".txt" for name in names}
            if not files.keys() & set(label_of.values()):
                raise LabelError(f"{path} holds no pictures with labels: pack images/X.jpg and labels/X.txt into it")
            if len(set(label_of.values())) < len(names):
                raise LabelError(f"{path} holds pictures that share a label, say X.jpg and X.png; rename one of them")
            for number, name in enumerate(names, 1):
                label = label_of[name]
                bgr = picture_of(_bytes(archive, files[name]), f"{path}: {name}")
                content = _bytes(archive, files[label]) if label in files else b""
                boxes = boxes_in(content, bgr.shape[1], bgr.shape[0], f"{path}: {label}").xyxy
                people = complete(boxes, ask(teachers, bgr)) if teachers else _certain(boxes)
                if by_night:
                    bgr = through_a_camera(bgr, np.random.default_rng([9, number]), by_night=True)
                    people = sure_of_the_visible(bgr, people)
                yield _sample(bgr, people)
                progress(number, len(names))
    except tarfile.ReadError as error:
        raise LabelError(f"{path} is no tar file, or a damaged one; name another, or copy it again") from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise LabelError(f"{path} can't be read to its end ({why}); name another, or copy it again") from error


def from_folder(images: Path, progress: Progress) -> Iterator[Sample]:
    """Pictures of a folder that somebody marked: those with a YOLO label file in the sibling folder `labels`.

    An empty label file says that nobody is there; a picture without one is not marked yet and is left out. Raises
    LabelError where none is marked, where a label has no picture, or where it marks anything but people: with another
    number for people they would teach that somebody is nobody.
    """
    pictures, labels = pictures_in(images), labels_in(images.parent / "labels")
    check_pairs(images, pictures, labels)
    marked = [path for path in pictures if path.stem in labels]
    if not marked:
        raise LabelError(f"{images} holds no marked pictures; write labels/NAME.txt beside it for images/NAME.jpg")
    if lonely := sorted(labels.keys() - {path.stem for path in marked}):
        raise LabelError(f"{labels[lonely[0]]} has no picture in {images}; bring it back or take the label out")
    for number, path in enumerate(marked, 1):
        bgr, label = read_picture(path), labels[path.stem]
        marks = boxes_of(label, bgr.shape[1], bgr.shape[0])
        if marks.others:
            raise LabelError(f"{label} line {marks.others}: only people are marked here, as class {PERSON}; correct it")
        yield _sample(bgr, _certain(marks.xyxy))
        progress(number, len(marked))


def from_drawn_scenes(
    seeds: range, per_scene: int, progress: Progress, light: LightName | None = None, things: bool = False
) -> Iterator[Sample]:
    """`per_scene` pictures of each drawn scene (another place, camera, light and cast for each seed) with its truth.

    light: of all scenes, None to let it vary. things: whether cars, dogs and the like stand about. Every eighth scene
    has no people.
    """
    for number, seed in enumerate(seeds, 1):
        spec = SceneSpec.random(seed, *SCENE_PX, duration_s=24.0)
        spec = replace(spec, light=light or spec.light, things=things)
        if seed % 8 == 0:
            spec = replace(spec, story="empty")
        # Two pictures a second are enough to choose from, and five times quicker to work out than ten.
        scene = DrawnScene(replace(spec, fps=2.0))
        truth = scene.truth()
        for frame in np.linspace(6, scene.picture_count - 4, per_scene).astype(int).tolist():
            size = np.array([scene.width, scene.height] * 2, np.float32)
            rows = [(*one.box, float(one.visible >= HIDDEN)) for one in truth.at(frame)]
            people = np.array(rows, np.float32).reshape(-1, 5)
            people[:, :4] *= size
            yield _sample(np.ascontiguousarray(scene.picture(frame)[..., ::-1]), people)
        progress(number, len(seeds))


def from_video(path: Path, teachers: Sequence[OnnxDetector], every_s: float, progress: Progress) -> Iterator[Sample]:
    """A picture each `every_s` seconds of a video, labelled by the teachers alone. Raises LabelError."""
    nobody = np.zeros((0, 4), np.float32)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            total_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
            due_s = 0.0
            for frame in container.decode(stream):
                now_s = frame.time or 0.0
                if now_s < due_s:
                    continue
                due_s = now_s + every_s
                bgr = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                yield _sample(bgr, complete(nobody, ask(teachers, bgr)), longest_px=512)
                progress(round(now_s), max(1, round(total_s)))
    except (av.FFmpegError, IndexError) as error:
        raise LabelError(f"{path} can't be read as a video: {error}") from error


def _bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def _certain(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.column_stack([boxes, np.ones(len(boxes), np.float32)])


def _sample(bgr: NDArray[np.uint8], people: NDArray[np.float32], longest_px: int | None = None) -> Sample:
    scale = min(1.0, (longest_px or max(LONGEST_SIDE_PX, *SCENE_PX)) / max(bgr.shape[:2]))
    if scale < 1.0:
        sides = [max(1, round(scale * side)) for side in bgr.shape[1::-1]]
        bgr = np.asarray(cv2.resize(bgr, sides, interpolation=cv2.INTER_AREA), np.uint8)
    coded, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert coded
    size = (bgr.shape[1], bgr.shape[0])
    return Sample(data.tobytes(), size, (people * np.array([scale] * 4 + [1.0], np.float32)).astype(np.float32))
