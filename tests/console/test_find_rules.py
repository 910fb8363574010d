"""Times of day, lengths, sums and stories: what search and statistics are made of, without a database."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.alert import CloseReason
from console.domain.local_clock import DAY_S, around, offsets
from console.domain.search import read_clock_s, read_length_s
from console.domain.statistics import FEW, NEVER, TOLD_LATE, Count, Kind, PlaceCount, advice, by_place, summary
from console.domain.stay_story import Part, story_of

ZONES = [ZoneInfo(name) for name in ("Asia/Ho_Chi_Minh", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")]
moments = st.floats(1.6e9, 2.0e9)
reasons = st.sampled_from(["", *CloseReason])


@given(st.sampled_from(ZONES), moments, st.floats(0, 400 * DAY_S), st.floats(0, 1))
def test_an_hour_by_offsets_is_the_hour_of_the_clocks(zone, begin_s, long_s, share):
    at_s = begin_s + share * long_s
    found = offsets(zone, begin_s, begin_s + long_s)
    ahead_s = [one.ahead_s for one in found if one.from_at_s <= at_s][-1]
    local = datetime.fromtimestamp(at_s, UTC).astimezone(zone)
    assert local.utcoffset().total_seconds() == ahead_s
    assert len(found) <= 4


@given(st.integers(0, DAY_S - 1), st.integers(60, DAY_S), st.integers(0, DAY_S - 1))
def test_a_window_of_the_day_reaches_to_both_sides_of_it_and_past_midnight(at_s, give_s, other_s):
    window = around(at_s, give_s)
    apart_s = min((at_s - other_s) % DAY_S, (other_s - at_s) % DAY_S)
    assert ((other_s - window.begin_s) % DAY_S <= window.length_s) == (apart_s <= give_s)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("90", 90), ("90 s", 90), ("5 phút", 300), ("1,5 h", 5400), ("2 Giờ", 7200), ("10min", 600)],
)
def test_a_length_is_read_as_people_write_it(text, seconds):
    assert read_length_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("", None), ("2:14", 8040), ("02.14", 8040), ("2h14", 8040), ("23", 82800)]
)
def test_a_time_of_day_is_read_as_people_write_it(text, seconds):
    assert read_clock_s(text) == seconds


@given(st.text(max_size=12))
def test_what_is_no_time_is_refused_and_never_more(text):
    for read in (read_length_s, read_clock_s):
        try:
            found = read(text)
        except ValueError:
            continue
        assert found is None or found >= 0


counted = st.lists(
    st.builds(Count, st.integers(0, 23), reasons, st.integers(0, TOLD_LATE), st.integers(1, 500)), max_size=40
)


@given(counted)
def test_every_alert_is_counted_once_in_each_sum(counts):
    found, number = summary(counts), sum(one.number for one in counts)
    assert found.in_all == sum(found.kinds.values()) == sum(found.answers) == number
    assert sum(sum(hour.values()) for hour in found.by_hour) == number
    assert sum(n for _, n in found.reasons) + found.kinds.get(Kind.OPEN, 0) == number
    if found.most_answered:
        assert 2 * found.most_answered[1] >= found.in_time


def test_what_most_alerts_of_a_place_were_is_said_with_its_hours_and_what_to_change():
    gate, fence, few = (1, "gate", "z"), (1, "fence", "z"), (1, "yard", "z")
    counts = [PlaceCount(gate, 16, "parent_or_carer", 30), PlaceCount(gate, 8, "parent_or_carer", 4)]
    counts += [PlaceCount(gate, 2, "incident", 6), PlaceCount(gate, 2, "passer_by", 5), PlaceCount(gate, 9, "test", 50)]
    counts += [PlaceCount(fence, 2, "incident", 20), PlaceCount(few, 2, "animal", FEW - 1)]
    (one,) = advice(by_place(counts))
    assert (one.place, one.reason, one.part, one.whole) == (gate, "parent_or_carer", 3, 4)
    assert one.from_hour <= 16 < one.to_hour
    precisions = {place.place: place.precision for place in by_place(counts)}
    assert precisions == {gate: pytest.approx(6 / 45), fence: 1.0, few: 0.0}


def test_of_a_place_where_most_is_not_closed_nothing_is_said():
    """Ten closed ones of a hundred: that nearly all alerts there were animals would not be true."""
    counts = [PlaceCount((1, "gate", "z"), 2, "animal", 10), PlaceCount((1, "gate", "z"), 2, "", 90)]
    assert advice(by_place(counts)) == []


def test_who_was_answered_within_what_time():
    found = summary(
        [Count(2, "", NEVER, 1), Count(2, "test", 0, 2), Count(3, "test", 3, 4), Count(4, "", TOLD_LATE, 9)]
    )
    assert found.in_time == 7
    assert found.most_answered == (3, 6)
    assert summary([]).most_answered is None


def event(**more):
    facts = {"rule": "loitering", "state": "closed", "opened_at_s": 160.0, "captured_at_s": 200.0, "dwell_s": 100.0}
    facts |= {"closed_at_s": 200.0, "closed_because": "lost", "path": [{"at_s": 100.0, "x": 0, "y": 0}]}
    return {**facts, **more}


def test_a_story_goes_from_the_first_visit_to_the_end():
    gaps = [{"from_at_s": 120.0, "to_at_s": 124.0, "reason": "occlusion"}]
    visits = [{"from_at_s": 40.0, "to_at_s": 60.0}, {"from_at_s": 100.0, "to_at_s": 150.0}]
    story = story_of(event(gaps_bridged=gaps, earlier_visits=visits), behind_s=1000.0)
    assert [(one.part, one.from_at_s) for one in story.chapters] == [
        (Part.EARLIER, 1040.0),
        (Part.CAME, 1100.0),
        (Part.UNSEEN, 1120.0),
        (Part.RANG, 1160.0),
        (Part.ENDED, 1200.0),
    ]
    assert (story.begin_s, story.here_s, story.end_s) == (1040.0, 1100.0, 1200.0)
    assert story.share(1120.0) == 0.5


def test_a_story_of_an_older_box_and_of_no_stay():
    open_one = event(state="open", closed_at_s=None, path=[])
    assert [one.part for one in story_of(open_one, 0.0).chapters] == [Part.CAME, Part.RANG]
    assert story_of(event(rule="crowd"), 0.0) is None
