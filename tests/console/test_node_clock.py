"""How far a node's clock is: what the broker kept is no clock, and a step of the clock is followed."""

import pytest

from console.domain.node_clock import NodeClock, heard, leapt
from console.domain.steady_line import SteadyLines

BEGAN_S = 1_792_000_000.0


def told(*reports: tuple[float, float], known: NodeClock | None = None) -> NodeClock:
    """What is known after reports (arrival, lag)."""
    for received_s, lag_s in reports:
        known = heard(known, BEGAN_S + received_s - lag_s, BEGAN_S + received_s)
    assert known is not None
    return known


def test_a_journey_is_no_wrong_clock():
    assert told((0, 0.4), (15, 0.9)).behind_s == 0.0


@pytest.mark.parametrize("lag_s", [150.0, 9000.0, 1_790_000_000.0])
def test_a_slow_clock_is_known_from_the_second_report_that_comes_live(lag_s):
    assert told((0, lag_s)).behind_s == 0.0
    assert told((0, lag_s), (15, lag_s)).behind_s == lag_s


def test_a_fast_clock_is_known_from_the_first_report():
    assert told((0, -7200.0)).behind_s == -7200.0


def test_a_clock_that_is_set_forward_is_believed_at_once():
    assert told((0, 150.0), (15, 150.0), (30, 0.1)).behind_s == 0.0


def test_a_clock_that_is_set_back_is_believed_with_the_report_after_the_next():
    assert told((0, -3600.0), (15, -3600.0), (30, 0.1)).behind_s == -3600.0
    assert told((0, -3600.0), (15, -3600.0), (30, 0.1), (45, 0.1)).behind_s == 0.0


def test_reports_that_the_broker_kept_while_the_console_was_away_do_not_move_the_clock():
    kept = [(3600 + n / 100, 3585.0 - 15 * n) for n in range(239)]
    assert told((0, 0.1), (15, 0.1), *kept).behind_s == 0.0
    assert told(*kept).behind_s == 0.0  # nor where the node, or the console, has just begun
    assert told(*kept, (3605, 0.1), (3620, 0.1)).behind_s == 0.0


def test_changes_told_in_one_moment_and_kept_by_the_broker_are_not_live():
    assert told((600, 600.0), (600.1, 599.8), (600.2, 599.7)).behind_s == 0.0


def test_a_report_that_is_repeated_tells_nothing():
    once = told((0, 0.1))
    assert heard(once, once.at_s, BEGAN_S + 90_000) == once


@pytest.mark.parametrize("lag_s", [-10_800.0, 10_800.0])
def test_one_message_that_came_at_once_tells_that_the_clock_was_set(lag_s):
    known = told((0, 0.1))
    clock = leapt(known, BEGAN_S + 40 - lag_s, BEGAN_S + 40)
    assert clock is not None
    assert clock.behind_s == lag_s
    assert leapt(clock, BEGAN_S + 41 - lag_s, BEGAN_S + 41) is None
    assert told((42, lag_s), (57, lag_s), known=clock).behind_s == lag_s
    assert leapt(known, BEGAN_S + 40 - 200, BEGAN_S + 40) is None  # may have been on its way


def test_a_line_is_steady_ten_seconds_after_its_last_break():
    lines = SteadyLines()
    moments = [0.0, 5.0, 9.9, 10.0, 70.0, 130.1, 130.2, 140.0, 140.2, 40.0, 51.0]
    assert [lines.heard("a", at_s) for at_s in moments] == [False] * 3 + [True] * 2 + [False] * 3 + [True] + [
        False,
        True,
    ]
    assert not lines.heard("b", 52.0)
    assert [lines.heard("a", at_s) for at_s in (55.0, 53.2, 52.8)] == [True, True, False]
