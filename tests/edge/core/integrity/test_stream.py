"""A stream whose rate or bits are no longer what they were is told; nights, cuts and restarts are not."""

import pytest

from edge.core.integrity.stream import StreamHabits


class Stream:
    def __init__(self):
        self.habits, self.now_s, self.connection, self.packets, self.bytes = StreamHabits(), 0.0, 1, 0.0, 0.0

    def runs(self, seconds, fps, bytes_s):
        """What was told in these seconds, in turn."""
        told = []
        for _ in range(seconds * 2):
            self.now_s += 0.5
            self.packets += fps / 2
            self.bytes += bytes_s / 2
            self.habits.note(self.now_s, self.connection, int(self.packets), int(self.bytes))
            if not told or told[-1] != self.habits.change:
                told.append(self.habits.change)
        return told


@pytest.mark.parametrize("fps", [5.0, 60.0])
def test_another_frame_rate_is_told_and_taken_back(fps):
    stream = Stream()
    assert stream.runs(300, 25.0, 200_000) == [None]
    assert stream.runs(60, fps, 200_000 * fps / 25) == [None, "frame_rate_changed"]
    assert 300 <= stream.habits.began_s <= 325
    assert stream.runs(60, 25.0, 200_000) == ["frame_rate_changed", None]


def test_a_bit_rate_that_collapses_is_told_and_taken_back():
    stream = Stream()
    stream.runs(300, 25.0, 200_000)
    assert stream.runs(120, 25.0, 4_000) == [None, "bit_rate_collapsed"]
    assert stream.runs(60, 25.0, 200_000) == ["bit_rate_collapsed", None]


def test_a_quiet_night_after_a_busy_day_is_not_told():
    stream = Stream()
    stream.runs(600, 15.0, 400_000)
    for flow in (300_000, 150_000, 60_000, 40_000):
        assert stream.runs(900, 15.0, flow) == [None]


def test_cuts_and_silence_are_left_to_their_own_faults():
    stream = Stream()
    stream.runs(120, 25.0, 200_000)
    for _ in range(6):
        assert stream.runs(8, 0.0, 0) == [None]
        stream.connection += 1
        assert stream.runs(8, 25.0, 200_000) == [None]
