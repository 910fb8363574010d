"""The boxes of the last minutes on disk, so that a clip can show them also where the process that saw them has died."""

import contextlib
import json
import logging
import math
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from edge.core.scene import Scene
from edge.core.track_file import Sample

log = logging.getLogger(__name__)

FILE_S = 60.0  # seconds that one file holds, about


class TrackLog:
    """The boxes of one camera, in files of a minute. Written by the vision thread, read by the clip thread.

    A file is named by the second in which it begins and by the life whose numbers of people it holds. A line is one
    box: UTC seconds, the person's number, left, top, right, bottom in fractions of the picture.
    """

    def __init__(self, folder: Path, keep_s: float, needed_since_s: Callable[[], float | None]) -> None:
        """keep_s: how far back it must reach. needed_since_s: UTC seconds from which on it is kept even beyond that.

        Raises OSError where the folder can't be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._keep_s, self._needed_since_s = folder, keep_s, needed_since_s
        self._life = 0
        self._file: IO[str] | None = None
        self._until_s = 0.0
        self._swept_at_s = 0.0
        self._fault = ""
        self._lock = threading.Lock()

    def begin(self, life: int) -> None:
        """Names the life from which on people are numbered; one that is resumed goes by its old name."""
        self._life = life

    def note(self, scene: Scene) -> None:
        """Adds the people seen in one frame. A disk that refuses is told once; the frame goes on without."""
        width, height = scene.frame_size
        lines = [
            json.dumps([round(scene.captured_at_s, 3), person.person_id, *_fractions(person.xyxy, width, height)])
            for person in scene.persons
            if person.seen
        ]
        try:
            if not 0 <= scene.captured_at_s - self._swept_at_s < FILE_S:
                self._swept_at_s = scene.captured_at_s
                self._forget(scene.captured_at_s)
            if not lines:
                return
            with self._lock:
                file = self._file_for(scene.captured_at_s)
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
            self._fault = ""
        except OSError as error:
            if not self._fault:
                log.warning("camera %s: boxes for the clips are not kept: %s", scene.camera, error)
            self._fault = str(error)

    def between(self, begins_at_s: float, ends_at_s: float) -> list[Sample]:
        """Samples of that time, oldest first; people are numbered from 1 as they come."""
        numbers: dict[tuple[str, int], int] = {}
        samples: list[Sample] = []
        with self._lock:
            texts = [
                (path.stem.partition("-")[2], path.read_text(encoding="utf-8", errors="replace"))
                for path in self._files()
                if _begins_s(path) <= ends_at_s and _begins_s(path) + 2 * FILE_S >= begins_at_s
            ]
        found = [(life, *row) for life, text in texts for row in _rows(text) if begins_at_s <= row[0] <= ends_at_s]
        for life, at_s, person, *box in sorted(found, key=lambda row: row[1]):
            number = numbers.setdefault((life, person), len(numbers) + 1)
            samples.append(Sample(at_s, number, (box[0], box[1], box[2], box[3])))
        return samples

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._let_go()

    def _file_for(self, at_s: float) -> IO[str]:
        if self._file is None or not self._until_s - FILE_S <= at_s < self._until_s:
            self._let_go()
            self._file = (self._folder / f"{int(at_s)}-{self._life}.jsonl").open("a")
            self._until_s = int(at_s) + FILE_S
        return self._file

    def _let_go(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):  # what a full disk did not take was told when it was written
                file.close()

    def _forget(self, now_s: float) -> None:
        needed_s = self._needed_since_s()
        oldest_s = now_s - self._keep_s if needed_s is None else min(now_s - self._keep_s, needed_s)
        for path in self._files():
            if _begins_s(path) + 2 * FILE_S < oldest_s:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*-*.jsonl"))


def _begins_s(path: Path) -> int:
    text = path.stem.partition("-")[0]
    return int(text) if text.isdecimal() else 0


def _fractions(xyxy: Iterable[float], width: int, height: int) -> list[float]:
    left, top, right, bottom = xyxy
    return [round(float(value), 5) for value in (left / width, top / height, right / width, bottom / height)]


def _rows(text: str) -> list[tuple[float, int, float, float, float, float]]:
    """Its sound lines; the last one of a process that was killed may be cut, and a disk may have damaged others."""
    rows = []
    for line in text.splitlines():
        try:
            at_s, person, *box = json.loads(line)
            left, top, right, bottom = map(float, box)
            row = (float(at_s), int(person), left, top, right, bottom)
        except (ValueError, TypeError, OverflowError, RecursionError):
            continue
        if all(map(math.isfinite, row)):
            rows.append(row)
    return rows
