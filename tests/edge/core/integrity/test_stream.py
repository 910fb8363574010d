"""A stream that is away, or no longer what it was, is told; nights, short cuts and restarts are not."""

import pytest

from edge.core.integrity.stream import CameraClock, Damage, Signal, StreamHabits


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
            change = self.change
            if not told or told[-1] != change:
                told.append(change)
        return told

    @property
    def change(self):
        troubles = [one.trouble(self.now_s, 1e9 + self.now_s) for one in (self.habits.bits, self.habits.rate)]
        return next((one.fault.code for one in troubles if one.fault is not None), None)


@pytest.mark.parametrize("fps", [5.0, 60.0])
def test_another_frame_rate_is_told_and_taken_back(fps):
    stream = Stream()
    assert stream.runs(300, 25.0, 200_000) == [None]
    assert stream.runs(60, fps, 200_000 * fps / 25) == [None, "camera_frame_rate_changed"]
    assert 300 <= stream.habits.rate.trouble(0.0, 0.0).since_at_s <= 325
    assert stream.runs(60, 25.0, 200_000) == ["camera_frame_rate_changed", None]


def test_a_bit_rate_that_collapses_is_told_and_taken_back():
    stream = Stream()
    stream.runs(300, 25.0, 200_000)
    assert stream.runs(120, 25.0, 4_000) == [None, "camera_bit_rate_collapsed"]
    assert stream.runs(60, 25.0, 200_000) == ["camera_bit_rate_collapsed", None]


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


class Line:
    """Pictures that come or not, by a clock in seconds."""

    def __init__(self, lost_s=20.0):
        self.signal, self.now_s, self.picture_s = Signal(lost_s, 100.0), 100.0, None

    def runs(self, seconds, comes=True, longest_s=4.5):
        """Whether the loss was told after each half second, without repeats."""
        told = []
        for _ in range(int(seconds * 2)):
            self.now_s += 0.5
            self.picture_s = self.now_s if comes else self.picture_s
            self.signal.note(self.picture_s, longest_s, self.now_s)
            if not told or told[-1] != self.signal.told:
                told.append(self.signal.told)
        return told

    @property
    def trouble(self):
        return self.signal.trouble(self.now_s, 1e9 + self.now_s, self.signal.last_picture_s)


@pytest.mark.parametrize("lost_s", [5.0, 20.0, 300.0])
def test_a_lost_signal_is_told_after_its_time_since_the_last_picture_until_pictures_come_again(lost_s):
    line = Line(lost_s)
    assert line.runs(60) == [False]
    assert line.runs(lost_s - 1, comes=False) == [False]
    assert line.runs(3, comes=False)[-1]
    assert line.trouble.fault.code == "camera_signal_lost"
    assert line.trouble.since_at_s == 1e9 + 160
    assert line.runs(600, comes=False) == [True]
    assert line.trouble.since_at_s == 1e9 + 160
    assert line.runs(15) == [True, False]
    assert line.trouble.sure_s > 0


def test_a_reconnect_of_some_seconds_is_no_loss_and_one_that_hardly_sends_is():
    line = Line()
    line.runs(60)
    for _ in range(30):
        assert line.runs(9, comes=False) + line.runs(20) == [False, False]
    told = []
    for _ in range(12):
        told += line.runs(15, comes=False) + line.runs(3)
    assert told[-1]


def test_a_camera_that_has_never_sent_a_picture_is_told_and_is_never_said_to_be_sound():
    line = Line()
    for _ in range(19):
        assert line.runs(1, comes=False) == [False]
        assert line.trouble.sure_s == 0  # or an alarm of an earlier process would be taken back
    assert line.runs(3, comes=False)[-1]
    assert line.trouble.since_at_s == 1e9 + 100


def test_a_stall_time_as_long_as_a_minute_takes_back_no_alarm_of_an_earlier_process():
    line = Line(lost_s=300.0)
    line.runs(290, comes=False, longest_s=60.5)
    assert line.trouble.sure_s == 0


def test_a_clock_that_is_wrong_is_told_after_a_minute_and_one_that_tells_none_is_not():
    clock = CameraClock()

    def runs(seconds, begin_s, offset_s):
        for second in range(seconds):
            clock.note(offset_s, begin_s + second)
        return clock.told

    assert not runs(600, 0, None)
    assert not runs(600, 600, 4.0)
    assert not runs(50, 1200, -3600.0)
    assert runs(15, 1250, -3600.0)
    assert runs(60, 1265, 7.0)  # hysteresis
    assert not runs(30, 1325, 1.0)


def test_damaged_pictures_are_told_after_seconds_and_taken_back_and_few_of_them_are_not():
    damage, decoded, damaged = Damage(), 0, 0

    def after(seconds: int, spoilt_of_five: int, comes: int = 5) -> tuple[bool, bool]:
        nonlocal decoded, damaged
        for _ in range(seconds):
            decoded, damaged = decoded + comes, damaged + (spoilt_of_five if comes else 0)
            now_s.append(now_s[-1] + 1.0)
            damage.note(now_s[-1], decoded, damaged)
        return damage.suspected, damage.told

    now_s = [0.0]
    assert after(60, 0) == (False, False)
    assert after(60, 1) == (False, False)
    assert after(3, 3) == (True, False)
    assert after(10, 3) == (True, True)
    assert after(30, 0, comes=0) == (True, True)  # nothing comes: nothing is known
    assert after(15, 0) == (False, False)
