"""Who is told of an alert, one after the other: nobody is skipped, nobody told twice, whatever the clock does."""

from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.alert import AlertState
from console.domain.calendar import DayKind
from console.domain.escalation import (
    Duty,
    Hours,
    Ladder,
    LadderStep,
    Moment,
    Run,
    advance,
    begins,
    is_over,
    next_at_s,
    on_duty,
    quickened,
)

NEVER = Hours(frozenset())
NOON = Moment(datetime(2026, 11, 30, 12, tzinfo=UTC))  # a Monday

duties = st.builds(Duty, st.integers(1, 9), st.sampled_from([Hours(), NEVER]))
steps = st.builds(
    LadderStep, st.just("x"), st.sampled_from([0.0, 1.0, 60.0, 3600.0]), st.lists(duties, max_size=3).map(tuple)
)
ladders = st.builds(
    Ladder,
    st.lists(steps, min_size=1, max_size=5).map(tuple),
    rounds=st.integers(1, 3),
    again_s=st.sampled_from([0.0, 300.0]),
)
# Seconds that go by between two looks; a clock may be set back, or leap.
ticks = st.lists(st.floats(-7200, 7200), max_size=120)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(ladders, ticks)
def test_every_step_comes_once_in_order_and_none_before_its_time(ladder, ticks):
    run, now_s, numbers = Run(0, 1000.0), 1000.0, []
    for tick in [0.0, *ticks, *[7200.0] * 40]:
        now_s += tick
        before = run
        run, told = advance(ladder, run, now_s, NOON)
        assert sum(bool(one.people) for one in told) <= 1
        numbers += [one.number for one in told]
        if told:
            again_s = ladder.again_s if told[0].number and told[0].number % len(ladder.steps) == 0 else 0.0
            assert max(0.0, now_s - before.base_at_s) >= told[0].step.wait_s + again_s
        assert run.base_at_s <= now_s
    assert numbers == list(range(len(ladder.steps) * ladder.rounds))
    assert is_over(ladder, run)
    assert next_at_s(ladder, run) is None


@settings(max_examples=100, derandomize=True)
@given(ladders)
def test_whoever_is_on_the_ladder_is_told_by_somebody_on_duty_or_by_all(ladder):
    """A step is empty only where nobody stands on it, or somebody on another step is on duty."""
    anybody = any(duty.hours != NEVER for step in ladder.steps for duty in step.duties)
    for step in ladder.steps:
        here = {duty.person for duty in step.duties if duty.hours != NEVER}
        assert set(on_duty(ladder, step, NOON)) == (here if anybody else {duty.person for duty in step.duties})


def test_a_step_with_nobody_on_duty_costs_no_time():
    ladder = Ladder(
        (LadderStep("a", 0, (Duty(1),)), LadderStep("b", 60, (Duty(2, NEVER),)), LadderStep("c", 60, (Duty(3),)))
    )
    run, told = advance(ladder, Run(0, 0.0), 0.0, NOON)
    assert [one.people for one in told] == [(1,)]
    assert advance(ladder, run, 59.0, NOON) == (run, [])
    run, told = advance(ladder, run, 60.0, NOON)
    assert [(one.step.name, one.people) for one in told] == [("b", ()), ("c", (3,))]
    assert is_over(ladder, run)


def test_after_a_pause_of_the_console_people_are_told_one_after_the_other():
    ladder = Ladder(tuple(LadderStep(str(n), 60.0 if n else 0.0, (Duty(n),)) for n in range(3)))
    run, told = advance(ladder, Run(0, 0.0), 5000.0, NOON)
    assert [one.people for one in told] == [(0,)]
    assert next_at_s(ladder, run) == 5060.0


def test_a_clock_set_back_costs_one_wait_and_no_more():
    ladder = Ladder((LadderStep("a", 0, (Duty(1),)), LadderStep("b", 60, (Duty(2),))))
    run, _ = advance(ladder, Run(0, 9000.0), 9000.0, NOON)
    run, told = advance(ladder, run, 5400.0, NOON)
    assert (told, next_at_s(ladder, run)) == ([], 5460.0)


def test_hours_go_over_midnight_and_belong_to_the_day_on_which_they_begin():
    night = Hours(frozenset({0}), 22 * 60, 6 * 60, date(2026, 11, 30), date(2026, 11, 30))
    at = [
        datetime(2026, 11, 30, 21, 59, tzinfo=UTC),
        datetime(2026, 11, 30, 22, tzinfo=UTC),
        datetime(2026, 12, 1, 5, 59, tzinfo=UTC),
        datetime(2026, 12, 1, 6, tzinfo=UTC),
    ]
    assert [night.cover(Moment(one)) for one in at] == [False, True, True, False]
    assert not night.cover(Moment(datetime(2026, 11, 30, 3, tzinfo=UTC)))  # that night began on Sunday
    assert Hours().cover(NOON)
    assert not Hours(first_day=date(2026, 12, 1)).cover(NOON)


def test_only_what_nobody_has_in_hand_calls_people():
    assert begins(AlertState.NEW, 5.0, 900.0) == 5.0
    assert begins(AlertState.ON_HOLD, 5.0, 900.0) == 905.0
    assert begins(AlertState.ON_HOLD, 5.0, 0.0) is None
    for state in (AlertState.ACKNOWLEDGED, AlertState.IN_PROGRESS, AlertState.CLOSED):
        assert begins(state, 5.0, 900.0) is None
    steps = (LadderStep("a", 30.0), LadderStep("b", 600.0))
    assert [step.wait_s for step in quickened(Ladder(steps, rounds=3), 2.0).steps] == [0.0, 2.0]


def test_who_is_on_duty_on_some_kinds_of_day_is_so_by_the_day_on_which_the_hours_begin():
    """The guard of holidays comes at 22:00 and stays into the school day after it."""
    holiday, school_day = date(2026, 11, 30), date(2026, 12, 1)
    kinds = {holiday: DayKind.HOLIDAY, school_day: DayKind.SCHOOL_DAY}
    night = Hours(begins=22 * 60, ends=6 * 60, kinds=frozenset({DayKind.HOLIDAY}))
    at = [datetime(2026, day.month, day.day, hour, tzinfo=UTC) for day in kinds for hour in (3, 23)]
    assert [night.cover(Moment(one, kinds)) for one in at] == [False, True, True, False]
