"""How far a node's clock is: the smallest lag counts, and a step of the clock is followed."""

from console.domain.node_clock import WINDOW_S, NodeClock, heard

BEGAN_S = 1_792_000_000.0


def told(*reports: tuple[float, float], known: NodeClock | None = None, started_at_s: float = 7.0) -> NodeClock:
    """What is known after reports (arrival, lag)."""
    for received_s, lag_s in reports:
        known = heard(known, started_at_s, BEGAN_S + received_s - lag_s, BEGAN_S + received_s)
    assert known is not None
    return known


def test_a_journey_is_no_wrong_clock():
    assert told((0, 0.4)).behind_s == 0.0


def test_a_slow_and_a_fast_clock_are_known_from_the_first_report():
    assert told((0, 150.0)).behind_s == 150.0
    assert told((0, -7200.0)).behind_s == -7200.0


def test_a_clock_that_is_set_forward_is_believed_at_once():
    assert told((0, 150.0), (15, 0.1)).behind_s == 0.0


def test_reports_that_the_broker_kept_while_the_console_was_away_do_not_move_the_clock():
    clock = told((0, 0.1), (15, 0.1), *((3600 + n / 100, 3585.0 - 15 * n) for n in range(240)))
    assert clock.behind_s == 0.0


def test_a_clock_that_falls_back_is_followed_within_two_windows():
    reports = [(15.0 * n, 0.1 if n < 4 else 90.0) for n in range(4 + int(2 * WINDOW_S / 15) + 1)]
    assert told(*reports[:6]).behind_s == 0.0
    assert told(*reports).behind_s == 90.0


def test_a_node_that_starts_anew_is_believed_at_once():
    assert told((30, 9000.0), known=told((0, 0.1)), started_at_s=8.0).behind_s == 9000.0


def test_a_report_that_is_repeated_tells_nothing():
    once = told((0, 0.1))
    assert heard(once, 7.0, once.at_s, BEGAN_S + 90_000) == once
