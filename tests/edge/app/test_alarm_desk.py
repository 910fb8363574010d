"""Alarms about a camera: one at a time in each group of faults, through restarts, as loud as the configuration says."""

from typing import get_args
from unittest.mock import Mock

import numpy as np
import pytest

from edge.adapters.reference_file import ReferenceFile
from edge.adapters.sqlite_outbox import SqliteOutbox
from edge.adapters.system_clock import SystemClock
from edge.app.alarm_desk import AlarmDesk
from edge.app.camera_line import CameraLine
from edge.app.lens_watch import LensReport, LensWatch, PlaceReport
from edge.config.schema import CameraSection
from edge.core.frame import Frame
from edge.core.integrity.faults import CLOCK_WRONG, FAULTS, SIGNAL_LOST, ZONE_TOO_DARK, FaultGroup, Trouble
from edge.pipeline.mailbox import Mailbox

BY_CODE = {fault.code: fault for fault in FAULTS}
COVERED, DEFOCUSED = BY_CODE["camera_covered"], BY_CODE["camera_defocused"]


def test_a_dark_zone_is_a_trouble_of_its_own_and_hidden_by_one_of_the_whole_camera(tmp_path):
    section = CameraSection(name="gate", url="rtsp://192.0.2.1/")
    lens = LensWatch("gate", ReferenceFile(tmp_path / "references", "gate"))
    line = CameraLine(section, tmp_path / "recordings", Mailbox(), SystemClock(), lambda: (), lens)

    def troubles():
        line.health()
        return {one.group: one for one in line.troubles()}

    places = {"yard": PlaceReport("zone_too_dark", 900.0), "street": PlaceReport("zone_too_dark", 800.0)}
    lens.report = LensReport(places={**places, "door": PlaceReport("zone_hidden", 700.0)})
    zone = troubles()["zone"]
    assert (zone.fault, zone.zone, zone.since_at_s) == (ZONE_TOO_DARK, "street", 800.0)
    lens.report = LensReport(COVERED, 950.0, 0.0, places)
    found = troubles()
    assert (found["sight"].fault, found["sight"].since_at_s) == (COVERED, 950.0)
    assert (found["zone"].fault, found["zone"].sure_s) == (None, 0.0)
    assert set(found) == set(get_args(FaultGroup))


class Desk:
    """Alarms about one camera whose troubles a test makes up."""

    def __init__(self, folder, **section) -> None:
        self.line, self.clips = Mock(), Mock()
        self.line.section = CameraSection.model_validate({"name": "gate", "url": "rtsp://192.0.2.1/", **section})
        self.line.latest = Frame("gate", 0, 0.0, 1e9, np.full((108, 128), 90, np.uint8))
        self.outbox = SqliteOutbox(folder / "outbox.sqlite")
        self.start()

    def start(self) -> None:
        """As the worker does, also once more after its death."""
        self.alarms = AlarmDesk("box", {"gate": self.line}, self.outbox, self.clips, SystemClock())

    def told(self, *faults, sure_s=5.0) -> list[tuple[str, str]]:
        """All that was written down so far, once the camera has these faults and no other."""
        self.line.troubles.return_value = tuple(
            Trouble(group, fault, 1e9 - 20, sure_s if fault is None else 0.0, "yard" if group == "zone" else "")
            for group in get_args(FaultGroup)
            for fault in [one for one in faults if one.group == group] or [None]
        )
        self.alarms.tell()
        return [(row.message.rule, row.message.state) for row in self.outbox.waiting(0, 100)]


@pytest.fixture
def desk(tmp_path):
    made = []

    def make(**section) -> Desk:
        made.append(Desk(tmp_path, **section))
        return made[-1]

    yield make
    made[-1].outbox.close()


def test_what_is_graver_than_what_rang_already_rings_too(desk):
    alarms = desk()
    assert alarms.told(DEFOCUSED) == [("camera_defocused", "open")]
    assert alarms.told(COVERED)[1:] == [("camera_covered", "open")]
    assert len(alarms.told(DEFOCUSED)) == 2  # what is less grave does not ring again
    assert sorted(alarms.told()[2:]) == [("camera_covered", "closed"), ("camera_defocused", "closed")]


def test_a_wrong_clock_hides_no_lost_signal_and_each_ends_for_itself(desk):
    alarms = desk()
    assert alarms.told(CLOCK_WRONG) == [("camera_clock_wrong", "open")]
    assert alarms.told(CLOCK_WRONG, SIGNAL_LOST)[1:] == [("camera_signal_lost", "open")]
    assert alarms.told(CLOCK_WRONG)[2:] == [("camera_signal_lost", "closed")]
    assert alarms.told()[3:] == [("camera_clock_wrong", "closed")]


class RunningClock:
    """One that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return 1e9 + self.now_s


def flap(alarms, clock, fault, times, away_s=25.0, *beside):
    """The fault comes for 20 s and goes for `away_s`, so many times; returns all that was told."""
    for _ in range(times):
        alarms.told(fault, *beside)
        clock.now_s += 20.0
        told = alarms.told(*beside)
        clock.now_s += away_s
    return told


def test_a_camera_that_comes_and_goes_rings_twice_an_hour_and_says_how_often(desk):
    alarms = desk()
    clock = alarms.alarms._clock = RunningClock()
    told = flap(alarms, clock, SIGNAL_LOST, 80)
    assert [state for _, state in told if state != "updated"] == ["open", "closed", "open"]
    assert [row.message.visits for row in alarms.outbox.waiting(0, 100)] == [1, 1, *range(2, 81)]
    clock.now_s += 1700.0
    assert alarms.told() == told  # half an hour must be calm by now
    clock.now_s += 120.0
    assert alarms.told()[-1] == ("camera_signal_lost", "closed")
    closed = alarms.outbox.waiting(0, 100)[-1].message
    assert closed.closed_at_s == pytest.approx(1e9 + 80 * 45 - 25, abs=30)  # when it was lost last
    clock.now_s += 3600.0
    told = flap(alarms, clock, SIGNAL_LOST, 1)
    assert [state for _, state in told][-2:] == ["open", "closed"]  # a loss like any other again


def test_what_comes_and_goes_hides_no_other_fault(desk):
    alarms = desk()
    clock = alarms.alarms._clock = RunningClock()
    flap(alarms, clock, COVERED, 5)
    before = len(alarms.told())
    assert alarms.told(BY_CODE["camera_moved"])[before:] == [("camera_moved", "open")]  # no graver, but another one
    clock.now_s += 20.0
    assert alarms.told(BY_CODE["camera_moved"], COVERED)[before + 1 :] == []  # of one trouble
    assert alarms.told(CLOCK_WRONG)[before + 1 :] == [("camera_clock_wrong", "open")]


def test_a_fault_that_is_switched_off_or_turned_down_hides_none_that_stands_beside_it(desk):
    frozen, moved = BY_CODE["camera_frozen"], BY_CODE["camera_moved"]
    for setting, first in (("none", []), ("low", [("camera_frozen", "open")])):
        alarms = desk(camera_alarms={"camera_frozen": setting})
        before = len(alarms.told())
        assert alarms.told(frozen)[before:] == first
        assert alarms.told(frozen, moved)[before:] == [*first, ("camera_moved", "open")]
        alarms.told()
        alarms.outbox.close()


@pytest.mark.parametrize("lesser", ["medium", "none"])
def test_a_lens_that_stays_dirty_after_it_was_uncovered_rings_when_it_is_covered_again(desk, lesser):
    alarms = desk(camera_alarms={"camera_defocused": lesser})
    clock = alarms.alarms._clock = RunningClock()
    alarms.alarms._begun_s = 0.0
    rings = []
    for _ in range(3):
        rings += [state for rule, state in alarms.told(DEFOCUSED, COVERED) if rule == "camera_covered"][len(rings) :]
        clock.now_s += 20.0
        alarms.told(DEFOCUSED, COVERED)
        before = len(alarms.told(DEFOCUSED))
        clock.now_s += 50.0
        assert len(alarms.told(DEFOCUSED)) == before  # for a moment only, perhaps
        clock.now_s += 3600.0
        told = alarms.told(DEFOCUSED)
        rings += [state for rule, state in told if rule == "camera_covered"][len(rings) :]
    assert rings == ["open", "closed"] * 3
    closed = [row.message for row in alarms.outbox.waiting(0, 100) if row.message.state == "closed"]
    assert {one.closed_at_s - one.opened_at_s for one in closed} >= {20.0}
    assert ("camera_defocused", "closed") not in told


def test_a_clock_that_is_set_while_a_camera_is_lost_makes_its_loss_no_longer(desk):
    alarms = desk()
    clock = alarms.alarms._clock = Mock()
    clock.monotonic_s.return_value, clock.wall_s.return_value = 50.0, 10_000.0
    alarms.told(SIGNAL_LOST)
    clock.monotonic_s.return_value, clock.wall_s.return_value = 110.0, 1_790_000_000.0
    alarms.told()
    opened, closed = [row.message for row in alarms.outbox.waiting(0, 9)]
    lasted_s = closed.dwell_s - opened.dwell_s
    assert lasted_s == 60.0
    assert closed.closed_at_s == opened.opened_at_s + 60.0


def test_a_restart_while_a_camera_is_lost_neither_doubles_nor_loses_its_alarm(desk):
    alarms = desk()
    alarms.told(SIGNAL_LOST)
    for _ in range(3):
        alarms.start()
        assert alarms.told(sure_s=0.0) == [("camera_signal_lost", "open")]  # nothing is known of it yet
        assert alarms.told(SIGNAL_LOST) == [("camera_signal_lost", "open")]
    alarms.start()
    assert len(alarms.told(sure_s=50.0)) == 1
    assert alarms.told(sure_s=70.0)[1:] == [("camera_signal_lost", "closed")]


def test_a_dark_zone_rings_by_its_name_and_is_found_again_after_a_restart(desk):
    alarms = desk()
    alarms.told(ZONE_TOO_DARK)
    (row,) = alarms.outbox.waiting(0, 100)
    assert (row.message.rule, row.message.zone, row.message.severity) == ("camera_too_dark", "yard", "low")
    alarms.start()
    assert len(alarms.told(ZONE_TOO_DARK)) == 1
    assert alarms.told(sure_s=70.0)[1:] == [("camera_too_dark", "closed")]


@pytest.mark.parametrize(
    ("wanted", "severities"),
    [
        ({}, ["high", "low"]),
        ({"all": "none"}, []),
        ({"all": "none", "camera_signal_lost": "critical"}, ["critical"]),
        ({"camera_clock_wrong": "none"}, ["high"]),
        ({"all": "medium", "camera_clock_wrong": "low"}, ["medium", "low"]),
    ],
)
def test_the_configuration_says_how_each_fault_rings(desk, wanted, severities):
    alarms = desk(camera_alarms=wanted)
    alarms.told(SIGNAL_LOST, CLOCK_WRONG)
    assert [row.message.severity for row in alarms.outbox.waiting(0, 100)] == severities
