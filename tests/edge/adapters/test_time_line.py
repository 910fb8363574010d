"""Camera stamps to the box's time: never backwards, never from the future, evenly sampled."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.time_line import Arrival, Sampler, TimeLine, settled, with_first_stamps

few = settings(max_examples=60, derandomize=True, deadline=None)
WALL_S = 1_790_000_000.0


def arrivals(stamps_s, delays_s, began_s=1000.0):
    """Packets captured at `stamps_s` that arrive `delays_s` later, in order."""
    reached, made = float("-inf"), []
    for stamp_s, delay_s in zip(stamps_s, delays_s, strict=True):
        reached = max(reached, began_s + stamp_s + delay_s)
        made.append(Arrival(stamp_s + 77.0, reached, WALL_S + reached))
    return made


def play(line, packets):
    line.reconnected(packets[:1])
    return [line.stamp(packet) for packet in packets]


def test_a_steady_stream_keeps_its_own_pace_whatever_the_jitter():
    packets = arrivals([n * 0.08 for n in range(100)], [0.1 + (n * 7 % 5) * 0.01 for n in range(100)])
    stamps = play(TimeLine(), packets)
    steps = [later.media_s - earlier.media_s for earlier, later in pairwise(stamps[10:])]
    assert steps == pytest.approx([0.08] * len(steps), abs=1e-9)
    assert all(stamp.captured_at_s == pytest.approx(stamp.media_s + WALL_S, abs=1e-6) for stamp in stamps)


@few
@given(st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 3.0)), min_size=2, max_size=80))
def test_time_never_runs_backwards_and_no_picture_is_captured_after_it_arrived(pairs):
    stamps_s, total = [], 0.0
    for step_s, _ in pairs:
        total += step_s
        stamps_s.append(total)
    packets = arrivals(stamps_s, [delay_s for _, delay_s in pairs])
    stamps = play(TimeLine(), packets)
    assert all(later.media_s >= earlier.media_s for earlier, later in pairwise(stamps))
    assert all(stamp.media_s <= packet.monotonic_s + 1e-6 for stamp, packet in zip(stamps, packets, strict=True))


@few
@given(st.lists(st.floats(-1e5, 1e5), min_size=2, max_size=60), st.integers(0, 3))
def test_wild_stamps_and_reconnects_never_turn_time_back(stamps_s, reconnects):
    line, now_s, last_s = TimeLine(), 50.0, float("-inf")
    for number, stamp_s in enumerate(stamps_s):
        now_s += 0.1
        packet = Arrival(stamp_s if number % 5 else None, now_s, WALL_S + now_s)
        if number % 20 == 0 and number // 20 <= reconnects:
            line.reconnected([packet])
        stamp = line.stamp(packet)
        assert last_s <= stamp.media_s <= now_s + 1e-6
        last_s = stamp.media_s


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, -0.5, 8.0])
def test_a_jump_of_the_stamps_is_reported_and_time_goes_on(jump_s):
    stamps_s = [n * 0.1 for n in range(50)]
    packets = arrivals(stamps_s, [0.1] * 50)
    packets = packets[:25] + [Arrival(p.dts_s + jump_s, p.monotonic_s, p.wall_s) for p in packets[25:]]
    stamps = play(TimeLine(), packets)
    assert [n for n, stamp in enumerate(stamps) if stamp.jumped_s] == [25]
    assert stamps[25].jumped_s == pytest.approx(jump_s + 0.1)
    assert stamps[-1].media_s - stamps[0].media_s == pytest.approx(4.9, abs=0.11)


@pytest.mark.parametrize("rate", [0.995, 1.005])
def test_a_camera_clock_that_runs_wrong_is_followed(rate):
    true_s = [n * 0.1 for n in range(6000)]  # ten minutes: 3 s of drift
    packets = [Arrival(at_s * rate, 1000 + at_s + 0.1, WALL_S + 1000 + at_s + 0.1) for at_s in true_s]
    stamps = play(TimeLine(), packets)
    assert not any(stamp.jumped_s for stamp in stamps)
    assert stamps[-1].media_s == pytest.approx(packets[-1].monotonic_s, abs=0.1)


def test_a_camera_that_pauses_and_goes_on_with_the_next_stamp_is_caught_up_once():
    stamps_s = [n * 0.1 for n in range(200)]
    packets = arrivals(stamps_s, [0.1] * 50 + [4.1] * 150)
    stamps = play(TimeLine(), packets)
    assert sum(stamp.jumped_s != 0 for stamp in stamps) == 1
    assert stamps[-1].media_s == pytest.approx(packets[-1].monotonic_s, abs=0.1)


def test_the_first_burst_is_dated_back_to_when_it_was_captured():
    # two seconds of pictures that a server kept for newcomers come at once, then one every 0.1 s
    burst = [Arrival(n * 0.1, 1000.0 + n * 0.001, WALL_S) for n in range(20)]
    live = [Arrival(2.0 + n * 0.1, 1000.02 + n * 0.1, WALL_S) for n in range(5)]
    held, packets = [], [*burst, *live]
    for packet in packets:
        held.append(packet)
        if settled(held):
            break
    assert len(held) == 22
    line = TimeLine()
    line.reconnected(held)
    stamps = [line.stamp(packet) for packet in held]
    steps = [later.media_s - earlier.media_s for earlier, later in pairwise(stamps)]
    assert steps == pytest.approx([0.1] * len(steps))
    assert stamps[0].media_s == pytest.approx(998.02, abs=0.01)


def test_a_server_faster_than_real_time_is_not_waited_for():
    held = [Arrival(n * 1.0, 1000.0 + n * 0.001, WALL_S) for n in range(600)]
    assert not settled(held[:599])
    assert settled(held)


def test_first_packets_without_stamps_get_those_before_the_first_stamp():
    first = [Arrival(stamp_s, 5.0, WALL_S) for stamp_s in (None, None, 4.0, 4.08, 4.16)]
    assert [arrival.dts_s for arrival in with_first_stamps(first)] == pytest.approx([3.84, 3.92, 4.0, 4.08, 4.16])
    none = [Arrival(None, 5.0, WALL_S)]
    assert with_first_stamps(none) == none


def test_a_packet_without_any_stamp_is_captured_when_it_arrives():
    line = TimeLine()
    packet = Arrival(None, 12.0, WALL_S)
    line.reconnected([packet])
    assert line.stamp(packet).media_s == 12.0


def test_a_packet_without_a_stamp_is_as_much_later_as_it_arrived_later():
    line = TimeLine()
    packets = arrivals([0.0, 0.1, 0.2, 7.3, 7.4], [0.1] * 5)
    packets[3] = Arrival(None, packets[3].monotonic_s, packets[3].wall_s)
    stamps = play(line, packets)
    assert stamps[3].media_s - stamps[2].media_s == pytest.approx(7.1)
    assert stamps[4].media_s - stamps[3].media_s == pytest.approx(0.1)


def test_stamps_that_turn_back_or_stand_still_do_not_end_the_first_burst():
    held = [Arrival(stamp_s, 5.0 + n * 0.001, WALL_S) for n, stamp_s in enumerate((1.0, 1.3, 1.1, 1.1))]
    assert not any(settled(held[:count]) for count in range(1, 5))


def test_the_wall_clock_may_be_set_while_media_time_goes_on():
    line = TimeLine()
    packets = arrivals([n * 0.1 for n in range(20)], [0.1] * 20)
    packets = packets[:10] + [Arrival(p.dts_s, p.monotonic_s, p.wall_s - 3600) for p in packets[10:]]
    stamps = play(line, packets)
    assert stamps[10].captured_at_s - stamps[9].captured_at_s == pytest.approx(-3599.9)
    assert stamps[10].media_s - stamps[9].media_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("stream_fps", "wanted_fps", "steps"),
    [(12.5, 5, {2, 3}), (30, 5, {6}), (25, 5, {5}), (10, 2, {5}), (10, 5, {2}), (10, 10, {1}), (8, 12, {1})],
)
def test_frames_are_sampled_evenly(stream_fps, wanted_fps, steps):
    sampler = Sampler(wanted_fps)
    taken = [n for n in range(600) if sampler.wants(n / stream_fps)]
    assert {later - earlier for earlier, later in pairwise(taken)} == steps
    assert len(taken) == pytest.approx(600 / stream_fps * min(wanted_fps, stream_fps), abs=1)


@few
@given(st.lists(st.floats(-0.004, 0.004), min_size=100, max_size=100))
def test_jitter_of_the_stamps_changes_no_choice(jitter_s):
    sampler = Sampler(5)
    taken = [n for n, late_s in enumerate(jitter_s) if sampler.wants(n / 25 + late_s)]
    assert {later - earlier for earlier, later in pairwise(taken)} <= {4, 5, 6}
    assert len(taken) == pytest.approx(20, abs=1)


def test_after_a_hole_sampling_goes_on_without_a_rush():
    sampler = Sampler(5)
    times_s = [n / 25 for n in range(50)] + [60 + n / 25 for n in range(50)]
    taken = [time_s for time_s in times_s if sampler.wants(time_s)]
    assert all(later - earlier >= 0.15 for earlier, later in pairwise(taken))
