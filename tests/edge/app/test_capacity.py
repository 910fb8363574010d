"""The search for the number of cameras that fit."""

from hypothesis import given
from hypothesis import strategies as st

from edge.app.capacity import most_that_fit


@given(limit=st.integers(0, 64), first=st.integers(1, 64))
def test_the_limit_is_found_and_nothing_is_tried_twice(limit, first):
    tried = []

    def fits(number: int) -> bool:
        tried.append(number)
        return number <= limit

    assert most_that_fit(fits, first, 64) == limit
    assert len(set(tried)) == len(tried) <= 13
    assert all(1 <= number <= 64 for number in tried)
    if 0 < limit < 64:  # both sides of it were seen
        assert {limit, limit + 1} <= set(tried)
