"""Times that people write into a field: as the page shows them, in either language, whatever the browser speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.web.i18n import CODES, Languages
from console.web.written_moment import read_moment

LANGUAGES = Languages("Asia/Ho_Chi_Minh")
ENGLISH = LANGUAGES.choose("en", "")
AT_S = 1795637400.0  # 2026-11-25 20:10 UTC, the 26th at the site


@given(st.sampled_from(CODES), st.integers(1_600_000_000, 4_000_000_000))
def test_what_a_field_shows_is_read_again_to_the_minute(code, at_s):
    language = LANGUAGES.choose(code, "")
    assert 0 <= at_s - read_moment(language, language.field(at_s)) < 60


@pytest.mark.parametrize(
    "text",
    ["26/11/2026 03:10", "26.11.2026 03:10", "26-11-2026, 3:10", "26/11/2026 3h10", "2026-11-26T03:10",
     "2026-11-26 03:10", " 2026-11-26 03:10:00 "],
)  # fmt: skip
@pytest.mark.parametrize("code", CODES)
def test_both_ways_are_read_in_both_languages(code, text):
    assert read_moment(LANGUAGES.choose(code, ""), text) == AT_S


def test_a_day_alone_begins_it():
    assert read_moment(ENGLISH, "26/11/2026") == read_moment(ENGLISH, "2026-11-26") == AT_S - 3 * 3600 - 600


@pytest.mark.parametrize(
    "text",
    ["", "x", "31/02/2026 10:00", "26/13/2026", "26/11/26 03:10", "26/11/2026 24:10", "26/11/2026 03:60", "26/11/2199",
     "1/1/2019", "2026-11-26T03:10Z", "26/11/2026 03", "٢٦/١١/٢٠٢٦"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_moment(ENGLISH, text)


def test_an_hour_that_there_are_two_of_is_held_as_a_whole():
    """Between 1:30 and 1:45 of a night in which clocks go back: the second one was left out."""
    language = Languages("America/New_York").choose("en", "")
    begin_s, end_s = (read_moment(language, f"2026-11-01 01:{m}", last=m == 45) for m in (30, 45))
    assert end_s - begin_s == 3600 + 15 * 60
    begin_s, end_s = (read_moment(language, f"2026-03-08 02:{m}", last=m == 45) for m in (30, 45))
    assert end_s - begin_s == 3600 + 15 * 60  # an hour that there is none of: around it
