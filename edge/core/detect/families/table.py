"""The families there are. A new one is one file and one line here."""

from collections.abc import Sequence

from edge.core.detect.families.family import Family, Shape
from edge.core.detect.families.nanodet import NANODET
from edge.core.detect.families.yolo26 import YOLO26
from edge.core.detect.families.yolov8 import YOLOV8
from edge.core.detect.families.yolox import YOLOX

FAMILIES = {family.name: family for family in (YOLOV8, YOLO26, YOLOX, NANODET)}


def recognise(shapes: Sequence[Shape], width: int, height: int) -> tuple[Family, int] | None:
    """The family whose outputs have these shapes, and the number of classes (0: the shapes do not tell).

    shapes: of all outputs, in their order. width, height: of the input, pixels.
    """
    for family in FAMILIES.values():
        classes = family.fits(shapes, width, height)
        if classes is not None:
            return family, classes
    return None
