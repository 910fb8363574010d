"""The newest frame of each camera waits; who is most urgent goes first."""

import numpy as np

from edge.core.frame import Frame
from edge.pipeline.mailbox import Mailbox


def frame(camera, number=0):
    return Frame(camera, number, number / 5, number / 5, np.zeros((3, 2), np.uint8))


def test_the_newest_wins_keeps_its_turn_and_the_loss_is_counted():
    mailbox = Mailbox()
    for one in (frame("a"), frame("b"), frame("a", 1), frame("a", 2)):
        mailbox.put(one)
    assert [(one.camera, one.number) for one in (mailbox.take(0), mailbox.take(0))] == [("a", 2), ("b", 0)]
    assert mailbox.take(0) is None
    assert (mailbox.dropped("a"), mailbox.dropped("b")) == (2, 0)


def test_the_least_rank_goes_first_and_among_equals_who_waits_longest():
    mailbox = Mailbox()
    for name in "abcd":
        mailbox.put(frame(name))
    ranks = {"a": 2, "b": 1, "c": 1, "d": 0}
    taken = [mailbox.take(0, lambda one: ranks[one.camera]).camera for _ in range(4)]
    assert taken == ["d", "b", "c", "a"]


def test_frames_of_busy_cameras_stay_and_nobody_waits_for_others():
    mailbox = Mailbox()
    mailbox.put(frame("a"))
    assert mailbox.take(60.0, busy={"a"}) is None
    assert mailbox.take(0).camera == "a"
