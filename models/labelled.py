"""Pictures with people marked in them: YOLO labels in the sibling folder `labels`."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame

PERSON = 0
LEAST_SIDE_PX = 16
_SUFFIXES = {".jpg", ".jpeg", ".png"}
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # of a JPEG; no picture data looks like either


class LabelError(Exception):
    """Pictures or labels that can't be used; the text names the place and the cure."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What a label file says. xyxy: the people, (n, 4) float32 pixels. others: first line of another class, or 0."""

    xyxy: NDArray[np.float32]
    others: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture as a frame, and the true boxes: (n, 4) float32 xyxy pixels.

    kinds: what else is known of each box, say its person's age; empty where nothing is. others: whether its label file
    has lines of other classes too, which are left out.
    """

    name: str
    frame: Frame
    xyxy: NDArray[np.float32]
    kinds: tuple[str, ...] = ()
    others: bool = False


class LabelledFolder:
    """Pictures of a folder in the order of their names; each walk through it reads them anew.

    unlabelled: how many have no label file; nobody is on them.
    """

    def __init__(self, images: Path, prefix: str = "") -> None:
        """prefix: only pictures whose name begins so. Raises LabelError, as walking does."""
        paths = pictures_in(images)
        if not paths:
            raise LabelError(f"{images} holds no pictures (.jpg, .png); name the folder of them")
        folder = labels_of(images)
        labels = labels_in(folder)
        check_pairs(images, paths, labels)
        if not any(path.stem in labels for path in paths):
            raise LabelError(f"no file in {folder} belongs to a picture in {images}; name it as its picture: NAME.txt")
        self._paths, self._labels = [path for path in paths if path.name.startswith(prefix)], labels
        if not self._paths:
            raise LabelError(f"{images} holds no pictures that begin with {prefix!r}; take another --prefix")
        self.unlabelled = sum(path.stem not in labels for path in self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[LabelledPicture]:
        return self.some(range(len(self)))

    def some(self, numbers: Sequence[int]) -> Iterator[LabelledPicture]:
        """The pictures of those numbers, counted from 0."""
        for number in numbers:
            path = self._paths[number]
            bgr = read_picture(path)
            labels = boxes_of(self._labels.get(path.stem), bgr.shape[1], bgr.shape[0])
            yield LabelledPicture(path.name, frame_of(bgr, number), labels.xyxy, others=bool(labels.others))


def labels_of(images: Path) -> Path:
    """Where the labels of a folder of pictures lie: `labels` beside it, or `labels/X` for `images/X` (YOLO's layout).

    What the folder is called counts, not where a link leads, unless only there are labels. Raises LabelError.
    """
    tried = []
    for folder in (images.absolute(), images.resolve()):
        if folder.parent.name == "images":
            tried.append(folder.parent.parent / "labels" / folder.name)
        tried.append(folder.parent / "labels")
    for labels in tried:
        if labels.is_dir():
            return labels
    there = " or ".join(str(path) for path in dict.fromkeys(tried))
    raise LabelError(f"there is no folder {there} for the labels of the pictures; put NAME.txt for NAME.jpg there")


def pictures_in(images: Path) -> list[Path]:
    """The pictures of a folder in the order of their names. Raises LabelError where it can't be read."""
    return _files(images, _SUFFIXES)


def labels_in(folder: Path) -> dict[str, Path]:
    """The label files of a folder by their pictures' names without the ending. Raises LabelError."""
    return {path.stem: path for path in _files(folder, {".txt"})}


def _files(folder: Path, suffixes: set[str]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    except OSError as error:
        raise LabelError(f"{folder} can't be read ({error.strerror}); name a folder that you may read") from error


def check_pairs(images: Path, pictures: Sequence[Path], labels: dict[str, Path]) -> None:
    """Raises LabelError where two pictures of one name would share a label file: one of them was never looked at."""
    count = Counter(path.stem for path in pictures)
    for stem in labels.keys() & {stem for stem, pictures_so in count.items() if pictures_so > 1}:
        both = " and ".join(path.name for path in pictures if path.stem == stem)
        raise LabelError(f"{both} in {images} share the label {labels[stem]}; rename one of them, or take it out")


def picture_of(content: bytes, place: str) -> NDArray[np.uint8]:
    """A JPEG or PNG -> (height, width, 3) blue-green-red. Raises LabelError, also where the end is missing."""
    if _breaks_off(content):
        raise LabelError(f"{place} breaks off before its end; copy it again or take it out")
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    except cv2.error:  # one that says it is larger than OpenCV takes
        bgr = None
    if bgr is None:
        raise LabelError(f"{place} can't be read as a picture; take it out")
    height, width = bgr.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        raise LabelError(f"{place} is {width}x{height} pixels, less than {LEAST_SIDE_PX} on a side; take it out")
    return np.asarray(bgr, np.uint8)


def _breaks_off(content: bytes) -> bool:
    """Whether the end of a JPEG or PNG is missing; OpenCV gives what there is, and grey below it."""
    if content.startswith(b"\xff\xd8"):
        return content.rfind(_END) < content.rfind(_SCAN)
    return content.startswith(b"\x89PNG") and b"IEND" not in content


def read_picture(path: Path) -> NDArray[np.uint8]:
    """As `picture_of`, of a file."""
    return picture_of(_content(path), str(path))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LabelError(f"{path} can't be read ({error.strerror}); mend it or take it out") from error


def frame_of(bgr: NDArray[np.uint8], number: int = 0) -> Frame:
    """(height, width, 3) blue-green-red -> a frame; an odd last row or column is cut off."""
    height, width = bgr.shape[0] // 2 * 2, bgr.shape[1] // 2 * 2
    i420 = cv2.cvtColor(np.ascontiguousarray(bgr[:height, :width]), cv2.COLOR_BGR2YUV_I420)
    return Frame("picture", number, float(number), float(number), np.asarray(i420, np.uint8))


def boxes_of(label: Path | None, width: int, height: int) -> Labels:
    """What a label file of a picture so wide and high says. No file: nobody. Raises LabelError."""
    return boxes_in(_content(label), width, height, str(label)) if label else boxes_in(b"", width, height, "")


def boxes_in(content: bytes, width: int, height: int, place: str) -> Labels:
    """Rows `class centre-x centre-y width height`, fractions, of a UTF-8 file. LabelError names `place`."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise LabelError(f"{place} can't be read (it is not text); mend it or take it out") from None
    rows: list[list[float]] = []
    others = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            kind, x, y, w, h = (float(part) for part in line.split())
        except ValueError:
            raise LabelError(f"{place} line {number}: write class, centre x, centre y, width, height") from None
        if not (kind >= 0 and kind.is_integer()):
            raise LabelError(f"{place} line {number}: the class is a whole number from 0 on (0: person); correct it")
        if not all(math.isfinite(value) and 0 <= value <= 1 for value in (x, y, w, h)):
            raise LabelError(f"{place} line {number}: centre, width and height are fractions from 0 to 1; correct them")
        if w == 0 or h == 0:
            raise LabelError(f"{place} line {number}: a box has a width and a height; correct it or take it out")
        if kind == PERSON:
            rows.append([(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height])
        else:
            others = others or number
    return Labels(np.array(rows, np.float32).reshape(-1, 4), others)
