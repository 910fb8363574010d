"""A time falls into stretches of which each says what is known of it, second by second."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.watched import Sighted, Stretch, stretches, watched

SECOND = st.integers(0, 40)
SPAN = st.tuples(SECOND, SECOND).map(sorted)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(SPAN, SPAN, st.lists(SPAN, max_size=6), st.lists(SPAN, max_size=4))
def test_every_second_is_told_once_and_truly(span, known, blind, impaired):
    spans = [Stretch(begin, end, Sighted.BLIND, "stalled") for begin, end in blind]
    weak = [Stretch(begin, end, Sighted.IMPAIRED, "hot") for begin, end in impaired]
    found = stretches(span[0], span[1], tuple(known), spans, weak)
    assert all(one.length_s > 0 for one in found)
    assert [one.end_s for one in found[:-1]] == [one.begin_s for one in found[1:]]
    assert all(a.sighted != b.sighted for a, b in itertools.pairwise(found))
    told = {second: one for one in found for second in range(one.begin_s, one.end_s)}
    assert sorted(told) == list(range(*span))
    for second, one in told.items():
        if second < known[0]:
            wanted = Sighted.UNRECORDED
        elif second >= known[1]:
            wanted = Sighted.UNHEARD
        else:
            unseen, weakly = (any(begin <= second < end for begin, end in which) for which in (blind, impaired))
            wanted = Sighted.BLIND if unseen else Sighted.IMPAIRED if weakly else Sighted.WATCHED
        assert one.sighted == wanted
        assert one.code == {Sighted.BLIND: "stalled", Sighted.IMPAIRED: "hot"}.get(wanted, "")
    seen = {second for one in watched(found) for second in range(one.begin_s, one.end_s)}
    assert seen == {second for second, one in told.items() if one.sighted in (Sighted.WATCHED, Sighted.IMPAIRED)}
    assert all(one.end_s < other.begin_s for one, other in itertools.pairwise(watched(found)))
