"""Alarms about a camera that sends no picture, or a wrong clock: on the wall and on pages of their own."""

import uuid

import pytest

from broker.contract import codec, topics
from broker.contract.messages import CameraHealth, EventMessage, HealthMessage, StatusMessage
from console.domain.access import Role

ENGLISH = {"Accept-Language": "en"}


def take(desk, topic, message, *numbers) -> None:
    desk.intake.take(topic.of("n1"), codec.encode(topic, "n1", message, desk.clock(), *numbers))


def see(desk, state, code) -> None:
    now_s = desk.clock()
    gate = CameraHealth(camera="gate", label="Cổng chính", state=state, reason_code=code, since_at_s=now_s)
    take(desk, topics.STATUS, StatusMessage(status="online", at_s=now_s))
    health = HealthMessage(at_s=now_s, started_at_s=0.0, version="1", state="degraded", cameras=(gate,))
    take(desk, topics.HEALTH, health)


def tell(desk, rule, severity) -> None:
    facts = {"event_id": str(uuid.UUID(int=1)), "revision": 1, "state": "open", "camera": "gate", "people": 0}
    times = {"opened_at_s": desk.clock(), "captured_at_s": desk.clock(), "dwell_s": 20.0}
    take(desk, topics.EVENT, EventMessage(**facts, **times, rule=rule, severity=severity), "box", 1)


@pytest.mark.parametrize(
    ("rule", "state", "code", "still_so"),
    [
        ("camera_signal_lost", "blind", "refused", True),
        ("camera_signal_lost", "sees", "", False),
        ("camera_clock_wrong", "impaired", "camera_clock_wrong", True),
        ("camera_clock_wrong", "impaired", "not_recording", True),  # what is graver hides it in the state alone
        ("camera_frozen", "blind", "no_pictures", False),
    ],
)
def test_an_alarm_about_a_camera_ticks_as_long_as_it_can_be_known(desk, rule, state, code, still_so):
    see(desk, state, code)
    tell(desk, rule, "low")
    wall = desk.browser(Role.GUARD).get("/", headers=ENGLISH).text
    assert 'data-rings="1"' in wall
    assert ("still so" in wall) == still_so


def test_a_camera_that_is_lost_is_told_with_its_last_picture_and_what_to_do(desk):
    see(desk, "blind", "refused")
    tell(desk, "camera_signal_lost", "high")
    guard = desk.browser(Role.GUARD)
    assert "Camera: no picture comes" in guard.get("/", headers=ENGLISH).text
    alert = guard.get(f"/alerts/{uuid.UUID(int=1)}", headers=ENGLISH).text
    assert "No picture has come from the camera for" in alert
    assert "Look at its power and its cable" in alert
