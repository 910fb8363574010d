"""Boxes as text, in the format of the MOT Challenge (Leal-Taixé et al., 'MOTChallenge 2015', arXiv 1504.01942).

One box a line: `frame,id,x,y,w,h,conf,-1,-1,-1`. Frames count from 1; x and y are the left and upper edge; all in the
pixels of the source. In a file of detections the id is -1.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.core.detection import Detections
from edge.core.track import Track

_LEAST_FIELDS = 7
MAX_FRAME = 10_000_000  # two weeks at 8 frames a second; past it a number is a slip of the pen
MAX_PX = 1_000_000  # no picture is larger, and float32 still counts pixels there


class MotFormatError(ValueError):
    """A file of boxes that can't be read; the message names file, line and cure."""


@dataclass(frozen=True, slots=True)
class ConfidenceRange:
    """The detector's scores that mean 0 and 1; between them the scale is straight, outside it is clipped."""

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"the range of confidence {self.low:g},{self.high:g} is empty; give the lower value first")


@dataclass(frozen=True, slots=True)
class MotDetections:
    """The detections of one file.

    frames: (frame number, detections), frames rising, only those that hold a box.
    """

    frames: tuple[tuple[int, Detections], ...]

    @property
    def last_frame(self) -> int:
        """Number of the last frame with a box; 0 without any."""
        return self.frames[-1][0] if self.frames else 0

    def every(self, step: int, idle_frames: int = MAX_FRAME) -> Iterator[tuple[int, Detections]]:
        """Frames 1, 1 + step, 1 + 2 step, ... up to the last with a box; those without a box are empty.

        Of a gap, only the first `idle_frames` are given: a file may leave out millions.
        """
        frame, last_seen = 1, 0
        for number, people in self.frames:
            for empty in range(frame, min(number, last_seen + idle_frames + 1), step):
                yield empty, Detections.empty()
            frame += max(0, -(-(number - frame) // step)) * step
            if frame == number:
                yield number, people
                frame += step
            last_seen = number


def read_detections(path: Path, scale: ConfidenceRange | None = None) -> MotDetections:
    """The boxes of a file of detections.

    scale: what the file's scores mean; None: they are 0..1 already, and others are refused.
    Raises MotFormatError, with the line's number, for a file that can't be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise MotFormatError(f"{path}: can't be read ({error.strerror}); check the name and its permissions") from None
    except UnicodeDecodeError:
        raise MotFormatError(f"{path}: is not text; give a file of lines `frame,id,x,y,w,h,conf,...`") from None
    rows: dict[int, list[tuple[float, ...]]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            frame, *box = _parse(line, f"{path}, line {number}", scale)
            rows.setdefault(int(frame), []).append(tuple(box))
    return MotDetections(tuple((frame, _detections(rows[frame])) for frame in sorted(rows)))


def _parse(line: str, place: str, scale: ConfidenceRange | None) -> tuple[float, ...]:
    # frame, left, top, right, bottom, confidence
    fields = line.split(",") if "," in line else line.split()
    if len(fields) < _LEAST_FIELDS:
        raise MotFormatError(
            f"{place}: has {len(fields)} of at least {_LEAST_FIELDS} values; write frame,id,x,y,w,h,conf,-1,-1,-1"
        )
    numbers = []
    for column, text in enumerate(fields[:_LEAST_FIELDS], start=1):
        try:
            numbers.append(float(text))
        except ValueError:
            raise MotFormatError(f"{place}: value {column}, {text.strip()!r}, is not a number; write one") from None
    if not all(map(math.isfinite, numbers)):
        raise MotFormatError(f"{place}: holds a value that is not finite; write numbers only")
    frame, _, x, y, w, h, confidence = numbers
    if frame != int(frame) or not 1 <= frame <= MAX_FRAME:
        raise MotFormatError(f"{place}: frame {frame:g} is no whole number from 1 to {MAX_FRAME}; frames count from 1")
    if max(map(abs, (x, y, w, h))) > MAX_PX:
        raise MotFormatError(f"{place}: the box lies beyond {MAX_PX} pixels; write pixels of the source")
    if w <= 0 or h <= 0:
        raise MotFormatError(f"{place}: the box is {w:g} wide and {h:g} high; both must be above 0, or drop the line")
    if scale is not None:
        confidence = min(max((confidence - scale.low) / (scale.high - scale.low), 0.0), 1.0)
    elif not 0.0 <= confidence <= 1.0:
        raise MotFormatError(
            f"{place}: confidence {confidence:g} is not in 0..1; "
            "say which scores mean 0 and 1 with --confidence-range LOW,HIGH"
        )
    return frame, x, y, x + w, y + h, confidence


def _detections(rows: list[tuple[float, ...]]) -> Detections:
    table = np.array(rows, np.float32)
    return Detections(table[:, :4], table[:, 4])


def result_line(frame: int, track: Track, scale_x: float = 1.0, scale_y: float = 1.0) -> str:
    """One track in one frame, as a line with its newline.

    frame: number in the source, from 1.
    scale_x, scale_y: source pixels for each pixel of the track's frame.
    """
    left, top, right, bottom = (float(value) for value in track.xyxy)
    x, y, w, h = left * scale_x, top * scale_y, (right - left) * scale_x, (bottom - top) * scale_y
    return f"{frame},{track.track_id},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{track.confidence:.4f},-1,-1,-1\n"
