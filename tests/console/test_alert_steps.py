"""An alert as work: states, owners and needs, whatever people do in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.alert import OF_A_CAMERA, OF_PEOPLE, SEVERITY_ORDER, AlertState, CloseReason, Severity
from console.domain.alert_work import Act, Step, StepRefusedError, Work, after, has_effect, priority

LAN, HUNG = 1, 2
RULES = ("loitering", "camera_covered")
acts = st.builds(
    Act,
    st.sampled_from(Step),
    st.sampled_from((LAN, HUNG)),
    st.none() | st.sampled_from(CloseReason),
    st.sampled_from(("", "  ", "mẹ cháu An")),
    st.none() | st.sampled_from(Severity),
)
severities = st.sampled_from(Severity)


def tried(work: Work, act: Act, rule: str = "loitering", severity: Severity = Severity.MEDIUM) -> Work:
    try:
        return after(work, act, rule, severity)
    except StepRefusedError:
        return work


def refusal(work: Work, act: Act, rule: str = "loitering") -> str:
    with pytest.raises(StepRefusedError) as refused:
        after(work, act, rule, Severity.MEDIUM)
    return refused.value.code


def does(step: Step, by: int = LAN, **more) -> Act:
    return Act(step, by, **{"reason": CloseReason.TEST, **more})


@given(st.lists(acts, max_size=12), st.sampled_from(RULES), severities)
def test_whatever_people_do_an_alert_is_new_or_somebodys_and_who_closed_it_alone_changes_it_then(done, rule, severity):
    work = Work()
    for act in done:
        before, work = work, tried(work, act, rule, severity)
        assert (work.state == AlertState.NEW) == (work.owner is None)
        assert work.state != AlertState.NEW or before.state == AlertState.NEW
        assert (work.state == AlertState.CLOSED) == (work.closed_by is not None) == (work.reason is not None)
        if before.state == AlertState.CLOSED and work != before:
            assert act.step in (Step.CORRECT, Step.REOPEN)
            assert act.by == before.closed_by
            assert act.text.strip()
        if work.chosen != before.chosen:
            assert act.step == Step.PRIORITISE
        if work.owner != before.owner:
            assert before.owner is None or act.step in (Step.TAKE_OVER, Step.REOPEN)
            assert work.owner == act.by
        if work.state == AlertState.CLOSED != before.state:
            assert act.step == Step.CLOSE
            assert act.reason in (OF_A_CAMERA if rule.startswith("camera_") else OF_PEOPLE)


@given(st.lists(acts, max_size=8), acts)
def test_the_same_step_twice_is_harmless(done, act):
    work = Work()
    for one in done:
        work = tried(work, one)
    once = tried(work, act)
    if act.step in (Step.CLOSE, Step.REOPEN) and once != work:
        assert refusal(once, act) == ("already_closed" if act.step == Step.CLOSE else "not_closed")
    else:
        assert tried(once, act) == once
    if once != work and act.step not in (Step.NOTE, Step.CLOSE, Step.REOPEN):
        assert not has_effect(once, act, "loitering", Severity.MEDIUM)


@pytest.mark.parametrize(
    "path", [("acknowledge", "start", "hold", "start", "close"), ("close",), ("take_over", "hold")]
)
def test_the_ways_an_alert_goes(path):
    leads_to = {
        Step.ACKNOWLEDGE: AlertState.ACKNOWLEDGED,
        Step.TAKE_OVER: AlertState.ACKNOWLEDGED,
        Step.START: AlertState.IN_PROGRESS,
        Step.HOLD: AlertState.ON_HOLD,
        Step.CLOSE: AlertState.CLOSED,
    }
    work = Work()
    for name in path:
        work = after(work, does(Step(name)), "loitering", Severity.LOW)
        closed = {"closed_by": LAN, "reason": CloseReason.TEST} if name == "close" else {}
        assert work == Work(leads_to[Step(name)], LAN, **closed)


@pytest.mark.parametrize("step", [Step.START, Step.HOLD])
def test_a_new_alert_must_be_acknowledged_first(step):
    assert refusal(Work(), does(step)) == "not_acknowledged"


@pytest.mark.parametrize("step", [Step.ACKNOWLEDGE, Step.START, Step.HOLD, Step.CLOSE])
def test_what_is_somebody_elses_must_be_taken_over_first(step):
    lans = Work(AlertState.IN_PROGRESS, LAN)
    assert refusal(lans, does(step, HUNG)) == "taken"
    hungs = after(lans, does(Step.TAKE_OVER, HUNG), "loitering", Severity.LOW)
    assert hungs == Work(AlertState.IN_PROGRESS, HUNG)
    after(hungs, does(step, HUNG), "loitering", Severity.LOW)


def test_a_step_has_what_it_needs():
    mine = Work(AlertState.ACKNOWLEDGED, LAN)
    assert refusal(mine, Act(Step.CLOSE, LAN)) == "reason_missing"
    assert refusal(mine, Act(Step.CLOSE, LAN, CloseReason.ANIMAL), "camera_covered") == "reason_missing"
    assert refusal(mine, Act(Step.CLOSE, LAN, CloseReason.TAMPERING), "loitering") == "reason_missing"
    assert refusal(mine, Act(Step.NOTE, LAN, text="  ")) == "note_missing"
    assert refusal(mine, Act(Step.PRIORITISE, LAN)) == "priority_missing"


def test_anybody_may_add_a_note_even_to_what_is_closed():
    closed = Work(AlertState.CLOSED, LAN)
    note = Act(Step.NOTE, HUNG, text="mẹ cháu An")
    assert after(closed, note, "loitering", Severity.LOW) == closed
    assert has_effect(closed, note, "loitering", Severity.LOW)


CLOSED = Work(AlertState.CLOSED, LAN, closed_by=LAN, reason=CloseReason.TEST)


def test_who_closed_it_wrongly_corrects_it_or_opens_it_again_and_says_why():
    right = after(CLOSED, does(Step.CORRECT, reason=CloseReason.PUPIL, text="lớp 2B"), "loitering", Severity.LOW)
    assert right == Work(AlertState.CLOSED, LAN, closed_by=LAN, reason=CloseReason.PUPIL)
    assert not has_effect(right, does(Step.CORRECT, reason=CloseReason.PUPIL, text="x"), "loitering", Severity.LOW)
    open_again = after(right, does(Step.REOPEN, text="còn người"), "loitering", Severity.LOW)
    assert open_again == Work(AlertState.IN_PROGRESS, LAN)
    for step in (Step.CORRECT, Step.REOPEN):
        assert refusal(CLOSED, does(step, text=" ")) == "why_missing"
        assert refusal(open_again, does(step, text="x")) == "not_closed"
        assert refusal(CLOSED, does(step, HUNG, text="x")) == "not_your_closing"
        assert after(CLOSED, does(step, HUNG, text="x", over_others=True), "loitering", Severity.LOW)
    assert refusal(CLOSED, does(Step.CORRECT, reason=CloseReason.TAMPERING, text="x")) == "reason_missing"
    assert refusal(CLOSED, Act(Step.CORRECT, LAN, text="x")) == "reason_missing"


@given(severities, st.lists(st.tuples(severities, st.booleans()), max_size=6))
def test_a_persons_priority_stands_until_the_box_reports_worse(first, told):
    work, severity = Work(), first
    for value, by_person in told:
        if by_person:
            work = after(work, Act(Step.PRIORITISE, LAN, priority=value), "loitering", severity)
            assert priority(work, severity) == value
        else:
            severity = value
            if work.severity_then and SEVERITY_ORDER[severity] > SEVERITY_ORDER[work.severity_then]:
                assert SEVERITY_ORDER[priority(work, severity)] >= SEVERITY_ORDER[severity]
    if work.chosen is None:
        assert priority(work, severity) == severity
