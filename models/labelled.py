"""Pictures with people marked in them: YOLO labels in the sibling folder `labels`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame

PERSON = 0
LEAST_SIDE_PX = 16
_SUFFIXES = {".jpg", ".jpeg", ".png"}


class LabelError(Exception):
    """Pictures or labels that can't be used; the text names the place and the cure."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture as a frame, and the true boxes: (n, 4) float32 xyxy pixels."""

    name: str
    frame: Frame
    xyxy: NDArray[np.float32]


def read_folder(images: Path, prefix: str = "") -> Iterator[LabelledPicture]:
    """Pictures of a folder in the order of their names, those whose name begins with `prefix`. Raises LabelError."""
    try:
        paths = sorted(path for path in images.glob("*") if path.suffix.lower() in _SUFFIXES)
    except OSError as error:
        raise LabelError(f"{images} can't be read ({error.strerror}); name a folder that you may read") from error
    paths = [path for path in paths if path.name.startswith(prefix)]
    if not paths:
        raise LabelError(f"{images} holds no pictures (.jpg, .png) that begin with {prefix!r}; name the folder of them")
    labels = images.resolve().parent / "labels"
    if not labels.is_dir():
        raise LabelError(f"there is no folder {labels} beside the pictures; put a label file for each of them there")
    for number, path in enumerate(paths):
        picture = cv2.imread(str(path))
        if picture is None:
            raise LabelError(f"{path} can't be read as a picture; take it out")
        height, width = picture.shape[:2]
        if min(height, width) < LEAST_SIDE_PX:
            raise LabelError(f"{path} is {width}x{height} pixels; take it out")
        label = labels / f"{path.stem}.txt"
        boxes = boxes_of(label, width, height)
        yield LabelledPicture(path.name, frame_of(np.asarray(picture, np.uint8), number), boxes)


def frame_of(bgr: NDArray[np.uint8], number: int = 0) -> Frame:
    """(height, width, 3) blue-green-red -> a frame; an odd last row or column is cut off."""
    height, width = bgr.shape[0] // 2 * 2, bgr.shape[1] // 2 * 2
    i420 = cv2.cvtColor(np.ascontiguousarray(bgr[:height, :width]), cv2.COLOR_BGR2YUV_I420)
    return Frame("picture", number, float(number), float(number), np.asarray(i420, np.uint8))


def boxes_of(label: Path, width: int, height: int) -> NDArray[np.float32]:
    """People in a label file of a picture so wide and high: (n, 4) xyxy pixels. No file: nobody. Raises LabelError."""
    try:
        text = label.read_text(encoding="utf-8") if label.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise LabelError(f"{label} can't be read ({why}); mend it or take it out") from None
    return boxes_in(text, width, height, str(label))


def boxes_in(text: str, width: int, height: int, place: str) -> NDArray[np.float32]:
    """Rows `class centre-x centre-y width height`, fractions -> (n, 4) xyxy pixels. LabelError names `place`."""
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            kind, x, y, w, h = (float(part) for part in line.split())
        except ValueError:
            raise LabelError(f"{place} line {number}: write class, centre x, centre y, width, height") from None
        if not all(math.isfinite(value) and 0 <= value <= 1 for value in (x, y, w, h)):
            raise LabelError(f"{place} line {number}: centre, width and height are fractions from 0 to 1; correct them")
        if kind == PERSON:
            rows.append([(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height])
    return np.array(rows, np.float32).reshape(-1, 4)
