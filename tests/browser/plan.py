"""The plan of the drawn school, with cameras and a zone on it."""

import cv2
import numpy as np
from school import NODE, School

from console.app.system_clock import wall_s
from console.store import plans
from console.web.plan_drawing import drawing_of

WIDTH_PX, HEIGHT_PX = 1600, 1000
INK, PAPER, HOUSE = (70, 60, 50), (226, 239, 243), (214, 224, 221)
HOUSES = {"A": (320, 130, 1280, 330), "B": (1180, 400, 1420, 820), "C": (180, 400, 420, 820)}
SPOTS = {
    ("gate", ""): (0.5, 0.93),
    ("gate", "gate-zone"): (0.62, 0.98),
    ("fence", ""): (0.5, 0.07),
    ("yard", ""): (0.3, 0.6),
    ("street", ""): (0.95, 0.5),
}


def drawn() -> bytes:
    """The grounds from above (PNG): three houses, a yard, a wall around them."""
    sheet = np.full((HEIGHT_PX, WIDTH_PX, 3), PAPER, np.uint8)
    cv2.rectangle(sheet, (60, 60), (WIDTH_PX - 60, HEIGHT_PX - 60), INK, 6)
    cv2.rectangle(sheet, (700, HEIGHT_PX - 66), (900, HEIGHT_PX - 54), PAPER, -1)  # the gate
    for name, (left, top, right, bottom) in HOUSES.items():
        cv2.rectangle(sheet, (left, top), (right, bottom), HOUSE, -1)
        cv2.rectangle(sheet, (left, top), (right, bottom), INK, 4)
        cv2.putText(sheet, name, (left + 24, top + 60), cv2.FONT_HERSHEY_SIMPLEX, 1.6, INK, 3)
    cv2.circle(sheet, (800, 610), 120, INK, 3)
    return bytes(cv2.imencode(".png", sheet)[1])


def planned(school: School) -> None:
    """Brings the plan, and puts on it what is known."""
    with school.console.database.write() as connection:
        plans.set_drawing(connection, 1, drawing_of(drawn()), wall_s())
        for (camera, zone), (x, y) in SPOTS.items():
            plans.place(connection, 1, (NODE, camera, zone), plans.Spot(x, y))
