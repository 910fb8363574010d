"""Pictures for people: a frame as JPEG, as it is or with boxes and zones drawn on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame

JPEG_QUALITY = 90
_BOX_BGR = (40, 40, 255)
_ZONE_BGR = (0, 200, 255)
_EDGE_BGR = (0, 0, 0)
_WHITE_BGR = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

Box = tuple[float, float, float, float]
Polygon = Sequence[tuple[float, float]]
Picture = NDArray[np.uint8]


class SnapshotError(Exception):
    """OpenCV could not make a JPEG of the picture."""


@dataclass(frozen=True, slots=True)
class _Pen:
    """Line width and text size that fit a picture's height."""

    line_px: int
    text_scale: float

    @classmethod
    def for_height(cls, height_px: int) -> "_Pen":
        return cls(max(1, round(height_px / 270)), max(0.45, height_px / 1100))


def snapshot(
    frame: Frame,
    *,
    boxes: Sequence[Box] = (),
    zones: Sequence[Polygon] = (),
    box_labels: Sequence[str] = (),
    zone_labels: Sequence[str] = (),
) -> bytes:
    """`frame` as JPEG of quality 90, whole and unscaled.

    boxes: left, top, right, bottom as fractions of width and height. zones: corners as fractions; two points are drawn
    as a line. labels: one for each of the first boxes or zones; names, for OpenCV's font lacks some Vietnamese letters.
    """
    picture: Picture = np.asarray(cv2.cvtColor(frame.i420, cv2.COLOR_YUV2BGR_I420), np.uint8)
    pen = _Pen.for_height(frame.height)
    for index, zone in enumerate(zones):
        _draw_zone(picture, zone, zone_labels[index] if index < len(zone_labels) else "", pen)
    for index, box in enumerate(boxes):
        _draw_box(picture, box, box_labels[index] if index < len(box_labels) else "", pen)
    done, encoded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not done:
        raise SnapshotError(f"camera {frame.camera}: the {frame.width}x{frame.height} picture could not become a JPEG")
    return bytes(encoded.tobytes())


def _draw_zone(picture: Picture, zone: Polygon, label: str, pen: _Pen) -> None:
    height, width = picture.shape[:2]
    corners = np.array([(round(x * (width - 1)), round(y * (height - 1))) for x, y in zone], np.int32)
    closed = len(corners) > 2
    if closed:
        tinted = picture.copy()
        cv2.fillPoly(tinted, [corners], _ZONE_BGR)
        cv2.addWeighted(tinted, 0.15, picture, 0.85, 0.0, picture)
    for colour, wide in ((_EDGE_BGR, 2), (_ZONE_BGR, 0)):  # a dark rim keeps the line visible on bright ground
        cv2.polylines(picture, [corners], closed, colour, pen.line_px + wide, cv2.LINE_AA)
    top = min(corners.tolist(), key=lambda corner: corner[1])
    _write(picture, label, (top[0], top[1]), _ZONE_BGR, pen)


def _draw_box(picture: Picture, box: Box, label: str, pen: _Pen) -> None:
    height, width = picture.shape[:2]
    left, right = (round(x * (width - 1)) for x in (box[0], box[2]))
    top, bottom = (round(y * (height - 1)) for y in (box[1], box[3]))
    for colour, wide in ((_EDGE_BGR, 2), (_BOX_BGR, 0)):
        cv2.rectangle(picture, (left, top), (right, bottom), colour, pen.line_px + wide, cv2.LINE_AA)
    _write(picture, label, (left, top), _BOX_BGR, pen)


def _write(picture: Picture, text: str, anchor: tuple[int, int], ground_bgr: tuple[int, int, int], pen: _Pen) -> None:
    """White text on a dark plate just above `anchor` (pixels), moved so that all of it is in the picture."""
    if not text:
        return
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, pen.text_scale, 1)
    margin = 2 + pen.line_px
    plate_width, plate_height = text_width + 2 * margin, text_height + below + 2 * margin
    height, width = picture.shape[:2]
    left = max(0, min(anchor[0], width - plate_width))
    top = max(0, min(anchor[1] - plate_height, height - plate_height))
    cv2.rectangle(picture, (left, top), (left + plate_width, top + plate_height), _EDGE_BGR, cv2.FILLED)
    cv2.rectangle(picture, (left, top), (left + pen.line_px, top + plate_height), ground_bgr, cv2.FILLED)
    origin = (left + margin + pen.line_px, top + margin + text_height)
    cv2.putText(picture, text, origin, _FONT, pen.text_scale, _WHITE_BGR, 1, cv2.LINE_AA)
