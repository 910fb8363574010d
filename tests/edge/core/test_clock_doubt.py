"""What a wrong clock may not do: no age is believed that only it gives."""

from hypothesis import given
from hypothesis import strategies as st

from edge.core.clock_doubt import UNCONFIRMED_S, ClockDoubt

DAY_S = 86_400.0
TRUE_S = 1_790_000_000.0


def test_a_leap_ahead_is_doubted_until_the_console_agrees_or_a_week_is_over():
    for console_after_s, doubted_s in ((None, UNCONFIRMED_S), (3600.0, 3600.0)):
        doubt, now_s = ClockDoubt(TRUE_S, 0.0, TRUE_S), 0.0
        assert doubt.note(TRUE_S + DAY_S, 0.0, None) == DAY_S
        while doubt.doubt_s:
            now_s += 60.0
            wall_s = TRUE_S + DAY_S + now_s
            agrees = console_after_s is not None and now_s >= console_after_s
            assert doubt.note(wall_s, now_s, wall_s - 20.0 if agrees else None) == 0.0
        assert doubted_s <= now_s <= doubted_s + 60.0


def test_a_node_that_was_off_for_a_week_doubts_its_clock_until_the_console_is_heard():
    doubt = ClockDoubt(TRUE_S, 0.0, TRUE_S - 7 * DAY_S)
    assert doubt.doubt_s == 7 * DAY_S
    doubt.note(TRUE_S + 1, 1.0, TRUE_S)
    assert doubt.doubt_s == 0.0
    assert ClockDoubt(TRUE_S, 0.0, TRUE_S - 3600.0).doubt_s == 0.0
    assert ClockDoubt(TRUE_S, 0.0, None).doubt_s == 0.0


@given(st.lists(st.tuples(st.floats(-1e8, 1e8), st.booleans()), min_size=1, max_size=20))
def test_within_a_week_of_the_last_leap_no_clock_makes_anything_older_than_it_is(leaps):
    """The truth begins with a right clock; a console that is heard is right."""
    doubt, ahead_s = ClockDoubt(TRUE_S, 0.0, TRUE_S), 0.0
    for number, (leap_s, heard) in enumerate(leaps, start=1):
        ahead_s += leap_s
        now_s = number * 3600.0
        doubt.note(TRUE_S + now_s + ahead_s, now_s, TRUE_S + now_s if heard else None)
        assert ahead_s - doubt.doubt_s <= 60.0 * number + 300.0  # small steps are NTP's
