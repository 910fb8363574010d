"""A school whose cameras show too little: sprayed, out of focus; and when they saw nothing lately."""

import cv2
import numpy as np
from school import NODE, School, files_of, film_of

from broker.contract.messages import EventMessage
from console.app.system_clock import wall_s
from console.store import blind_times, nodes
from edge.virtual_camera.picture_faults import PictureSpoiler


def spoilt(school: School, camera: str, fault: str) -> bytes:
    """The camera's picture with that fault, as JPEG."""
    picture = cv2.imdecode(np.frombuffer(film_of(camera).still(), np.uint8), cv2.IMREAD_COLOR)
    spoiler = PictureSpoiler(10.0)
    for number in (0, 170):  # paint takes its time
        shown = spoiler.spoilt(picture, number, frozenset({fault}))
    return bytes(cv2.imencode(".jpg", shown)[1].tobytes())


def blinded(school: School) -> EventMessage:
    """The lens of one camera was sprayed, another one is out of focus. Returns the alarm about the first."""
    school.health()
    school.stills()
    now_s, day_s = wall_s(), 86_400.0
    with school.console.database.write() as connection:
        node = nodes.find(connection, NODE)
        for ago_s, lasts_s, code in ((3 * day_s, 840, "camera_too_dark"), (day_s, 95, "stalled")):
            blind = {("gate", ""): blind_times.Sight("blind", now_s - ago_s, code)}
            blind_times.note(connection, node.id, blind, now_s - ago_s, now_s - ago_s)
            blind_times.note(connection, node.id, {}, now_s - ago_s, now_s - ago_s + lasts_s)
    faults = {
        "gate": ("blind", "camera_covered"),
        "yard": ("impaired", "camera_defocused"),
        "fence": ("blind", "no_answer"),
    }
    school.health(faults)
    alarm = {"zone": None, "box": None, "path": (), "people": 0, "threshold_s": None, "confidence": 1.0}
    school.event("fence", 110, rule="camera_signal_lost", severity="high", dwell_s=20, **alarm)
    school.event("street", 90, rule="camera_clock_wrong", severity="low", dwell_s=61, **alarm)
    event = school.event("gate", 30, rule="camera_covered", severity="high", dwell_s=16, **alarm)
    now = spoilt(school, "gate", "sprayed")
    before = film_of("gate").still(empty=True)
    clip = next(file for file in files_of(event, school.folder) if file[0] == "clip")
    pictures = (
        ("snapshot", "snapshot.jpg", "image/jpeg", now),
        ("snapshot_before", "snapshot-before.jpg", "image/jpeg", before),
    )
    school.bring_evidence(event, made=(clip, *pictures))
    for camera, fault in (("gate", "sprayed"), ("yard", "defocused")):
        school.bring_still(camera, spoilt(school, camera, fault))
    return event
