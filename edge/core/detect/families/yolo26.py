"""YOLO26, end to end (github.com/ultralytics/ultralytics): (1, 300, 6), best first, nothing to suppress.

Columns: left, top, right, bottom in input pixels, score, class number.
"""

from collections.abc import Sequence

from edge.core.detect.families.family import Family, Floats, Found, Reading, Shape


def fits(shapes: Sequence[Shape], width: int, height: int) -> int | None:  # noqa: ARG001 the size says nothing here
    """0 (the shape does not tell the number of classes) where the outputs are this family's."""
    return 0 if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] == 6 else None


def read(outputs: Sequence[Floats], reading: Reading) -> Found:
    """People in the raw output."""
    rows = outputs[0][0]
    people = rows[(rows[:, 5] == reading.person_class) & (rows[:, 4] >= reading.threshold)]
    return Found(people[:, :4], people[:, 4])


YOLO26 = Family("yolo26", fits, read, False, "rgb", (0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
