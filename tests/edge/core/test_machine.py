"""From where on people are told of a node's machine, and until when."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.disk_forecast import DiskProblem
from edge.core.machine import DAY_S, LIMITS, Level, Limits, Link, MachineReading, NodeWatch

AT_S = 1_795_000_000.0
SOUND = MachineReading(
    temperature_c=55.0,
    throttled=False,
    under_voltage=False,
    memory_bytes=4_000_000_000,
    memory_available_bytes=2_000_000_000,
    load=1.0,
    processors=4,
    disk_bytes=32_000_000_000,
    disk_free_bytes=10_000_000_000,
    disk_wear=0.1,
    links=(Link("eth0", True, 0, 0),),
)


class Story:
    """One watch, told what happens minute by minute."""

    def __init__(self) -> None:
        self.watch, self.now_s = NodeWatch(), 1000.0

    def told(self, reading=SOUND, for_s=0.0, certificates=(), faults=(), deaths=0):
        """What people are told after `reading` has been so for `for_s` seconds, read every 5 s."""
        end_s = self.now_s + for_s
        while True:
            at_s = AT_S + self.now_s
            found = self.watch.judge(reading, dict(certificates), dict(faults), (), deaths, self.now_s, at_s)
            if self.now_s >= end_s:
                return [(one.code, one.severity) for one in found]
            self.now_s += 5


def test_a_sound_machine_says_nothing():
    assert Story().told(for_s=3600) == []


def test_a_machine_that_tells_nothing_says_nothing():
    assert Story().told(MachineReading(), for_s=600) == []


def test_heat_counts_when_it_stays_and_goes_when_it_is_well_over():
    story = Story()
    assert story.told(replace(SOUND, temperature_c=90.0), for_s=10) == []
    assert story.told(replace(SOUND, temperature_c=76.0), for_s=40) == [("hot", "warning")]
    assert story.told(replace(SOUND, temperature_c=86.0), for_s=40) == [("hot", "critical")]
    assert story.told(replace(SOUND, temperature_c=81.0), for_s=600) == [("hot", "critical")]
    assert story.told(replace(SOUND, temperature_c=79.0), for_s=70) == [("hot", "warning")]
    assert story.told(replace(SOUND, temperature_c=60.0), for_s=30) == [("hot", "warning")]
    assert story.told(replace(SOUND, temperature_c=60.0), for_s=60) == []


def test_a_processor_that_stands_more_heat_is_not_called_hot():
    assert Story().told(replace(SOUND, temperature_c=85.0, slows_at_c=95.0), for_s=600) == []


def test_one_drop_of_the_voltage_is_told_for_ten_minutes_and_remembered():
    story = Story()
    assert story.told(replace(SOUND, under_voltage=True)) == [("under_voltage", "critical")]
    after = replace(SOUND, under_voltage_before=True)
    assert story.told(after, for_s=590) == [("under_voltage", "critical")]
    assert story.told(after, for_s=600) == [("under_voltage", "warning")]


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"throttled": True}, "throttled", "warning"),
        ({"memory_available_bytes": 300_000_000}, "memory_low", "warning"),
        ({"memory_available_bytes": 100_000_000}, "memory_low", "critical"),
        ({"load": 9.0}, "load_high", "warning"),
        ({"disk_read_only": True}, "disk_read_only", "critical"),
        ({"disk_errors": 3}, "disk_errors", "critical"),
        ({"disk_wear": 0.8}, "disk_worn", "warning"),
        ({"disk_wear": 1.1}, "disk_worn", "critical"),
    ],
)
def test_each_figure_has_its_limits(change, code, severity):
    story = Story()
    assert story.told(replace(SOUND, **change), for_s=120) == [(code, severity)]
    assert story.told(SOUND, for_s=120) == []


def test_a_port_that_never_had_a_cable_is_no_fault_and_one_that_lost_it_is():
    spare = Link("eth1", False, 0, 0)
    story = Story()
    assert story.told(replace(SOUND, links=(*SOUND.links, spare)), for_s=60) == []
    assert story.told(replace(SOUND, links=(Link("eth0", False, 0, 0), spare)), for_s=10) == [("link_down", "critical")]
    assert story.told(replace(SOUND, links=(*SOUND.links, spare)), for_s=15) == []


def test_a_cable_that_damages_packets_is_told_and_an_old_error_is_not():
    story = Story()

    def minute(packets_each_turn: int, errors_each_turn: int, before: tuple[int, int]) -> tuple[list, tuple[int, int]]:
        told, (packets, errors) = [], before
        for _ in range(36):
            packets, errors = packets + packets_each_turn, errors + errors_each_turn
            told = story.told(replace(SOUND, links=(Link("eth0", True, packets, errors),)))
            story.now_s += 5
        return told, (packets, errors)

    told, count = minute(1000, 0, (5_000_000, 70_000))
    assert told == []
    told, count = minute(1000, 5, count)
    assert told == [("link_errors", "warning")]
    told, count = minute(1000, 100, count)
    assert told == [("link_errors", "critical")]
    told, _ = minute(1000, 0, (0, 0))  # made anew
    assert [code for code, _ in told] == []


def test_deaths_of_workers_count_for_an_hour():
    story = Story()
    assert story.told(deaths=2) == []
    assert story.told(deaths=3) == [("workers_die", "warning")]
    assert story.told(deaths=10, for_s=60) == [("workers_die", "critical")]
    assert story.told(deaths=10, for_s=3700) == []


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (31, []),
        (29, [("certificate_ends", "warning")]),
        (6.9, [("certificate_ends", "critical")]),
        (-5, [("certificate_ends", "critical")]),
    ],
)
def test_a_certificate_is_told_days_before_it_ends(days, told):
    story = Story()
    assert story.told(certificates={"ca.crt": AT_S + story.now_s + days * DAY_S}.items()) == told


def test_what_is_critical_comes_first_and_keeps_its_beginning():
    watch = NodeWatch()
    faults = {"outbox_full": True}
    first = watch.judge(replace(SOUND, disk_wear=0.9), {}, faults, (), 0, 0.0, AT_S)
    later = watch.judge(replace(SOUND, disk_wear=0.9), {}, faults, (), 0, 60.0, AT_S + 60)
    assert [one.code for one in later] == ["outbox_full", "disk_worn"]
    assert later == first
    assert later[1].figure == 0.9


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=60), st.sampled_from(list(LIMITS.values())))
def test_a_level_never_changes_before_its_time(figures, limits):
    level, since_s, last = Level(limits), 0.0, 0
    for turn, figure in enumerate(figures):
        now_s = 5.0 * turn
        level.note(figure, now_s)
        if level.now > last:
            assert figure >= (limits.warning, limits.critical)[level.now - 1]
            assert now_s - since_s >= 0
        if level.now < last:
            assert figure < (limits.warning, limits.critical)[last - 1] - limits.ease
        last = level.now


def test_a_figure_that_trembles_at_its_limit_changes_nothing():
    level = Level(Limits(1.0, 2.0, hold_s=10, calm_s=10))
    levels = {level.note(0.9 if turn % 2 else 1.1, 5.0 * turn) for turn in range(50)}
    assert levels == {0}


def test_what_is_wrong_with_the_disk_is_told_with_its_figure_and_forgotten_once_it_is_over():
    watch = NodeWatch()

    def told(at_s, *disk):
        found = watch.judge(MachineReading(), {}, {}, disk, 0, at_s, AT_S + at_s)
        return [(one.code, one.severity, one.subject, one.figure, one.since_at_s - AT_S) for one in found]

    days, short = DiskProblem("disk_days_left", figure=3), DiskProblem("recording_short", subject="gate")
    assert told(0.0, days, short) == [
        ("disk_days_left", "warning", "", 3, 0.0),
        ("recording_short", "warning", "gate", None, 0.0),
    ]
    assert told(60.0, DiskProblem("recording_stopped")) == [("recording_stopped", "critical", "", None, 60.0)]
    assert told(90.0) == []
    assert told(120.0, days) == [("disk_days_left", "warning", "", 3, 120.0)]
