"""A box that can't keep up says so with figures, and not for a hiccup."""

from edge.core.workload import Workload


def after(seconds, fps_taken, fps_lost, load=None, first_s=0):
    load = load or Workload()
    for half in range(first_s * 2, (first_s + seconds) * 2 + 1):
        at_s = half / 2
        load.note(at_s, int(fps_taken * at_s), int(fps_lost * at_s))
    return load


def test_one_that_keeps_up():
    load = after(20, 5, 0)
    assert (load.fps, load.wanted_fps, load.behind) == (5.0, 5.0, False)


def test_one_that_is_behind_says_by_how_much():
    load = after(20, 2, 3)
    assert (load.fps, load.wanted_fps, load.behind) == (2.0, 5.0, True)


def test_a_lost_frame_now_and_then_is_no_load():
    load = Workload()
    for half in range(60):
        load.note(half / 2, half * 5 // 2, half // 30)
    assert not load.behind


def test_a_lost_frame_of_an_idle_camera_which_brings_few_is_no_load():
    load = Workload()
    for half in range(60):
        load.note(half / 2, half // 4, half // 30)
        assert not load.behind
    assert after(20, 0.25, 0.25).behind


def test_it_has_caught_up_only_when_hardly_anything_is_lost():
    load = after(20, 2, 3)
    taken, lost = 40, 60
    for half in range(41, 90):
        taken, lost = taken + 2, lost + (1 if half < 50 else 0)
        load.note(half / 2, taken, lost)
        if half in (45, 55):
            assert load.behind
    assert not load.behind
