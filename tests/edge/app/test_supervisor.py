"""How a supervisor sees to its workers: what dies, hangs or can't be had leaves no long hole in the recording."""

import multiprocessing
import os
import threading
from multiprocessing.connection import Connection
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from edge.app import supervisor
from edge.app.worker_process import Begun, Recorded


class Spawned:
    """Stands for a worker's process, and how it ended."""

    exitcode, pid = -11, 4_000_000

    def __init__(self, target=None, args=(), kwargs=None, name=""):
        self.alone_s, self.dead, self.says = kwargs["alone_s"], False, args[2]

    def start(self):
        self.says = Connection(os.dup(self.says.fileno()))  # the parent closes its own

    def heard(self):
        """What it was told so far."""
        return [self.says.recv() for _ in iter(self.says.poll, False)]

    def kill(self):
        self.dead = True

    def join(self, _timeout):
        pass

    def is_alive(self):
        return not self.dead


def spawning_node():
    """A supervisor that starts `Spawned` ones, its clock, and the cameras of one of them."""
    clock = SimpleNamespace(now_s=1000.0, monotonic_s=lambda: clock.now_s, wall_s=lambda: 1e9 + clock.now_s)
    node = supervisor.Supervisor.__new__(supervisor.Supervisor)
    node._clock, node._config, node._delivery, node._restarts = clock, None, None, 0
    node._on_report, node._service, node._stop = lambda _: None, Mock(), threading.Event()
    node._spawn = SimpleNamespace(Pipe=multiprocessing.Pipe, Process=Spawned)
    slot = supervisor._Slot(("gate",))
    node._slots = [slot]
    return node, clock, slot


def test_a_worker_that_dies_of_watching_again_and_again_leaves_no_holes_of_30_s_in_the_recording():
    """What crashes an interpreter (a driver, a network) crashes the next one; it must not take the recording along."""
    node, clock, slot = spawning_node()

    def dies_after(lived_s: float) -> tuple[float, float]:
        """How long nothing was recorded then, and how long the next one only records at first."""
        node._tend(slot)
        clock.now_s += lived_s
        slot.process.dead, gone_s = True, clock.now_s
        node._tend(slot)
        while slot.process is None:
            clock.now_s += 0.25
            node._tend(slot)
        return clock.now_s - gone_s, slot.process.alone_s

    assert dies_after(3) == (0.0, 0.0)
    assert dies_after(3) == (0.0, 1.0)  # who kills it twice is soon watched again
    assert [dies_after(3 + slot.alone_s) for _ in range(8)] == [(0.0, alone_s) for alone_s in (3, 7, 15, *[29] * 5)]
    assert dies_after(29 + 130) == (0.0, 0.0)  # it has watched for more than a minute
    lasting = [dies_after(3) for _ in range(1100)]  # recording kills it: that must not eat the box, nor end it
    assert lasting[-1] == (30.0, 29.0)


def test_a_worker_that_hangs_at_its_start_leaves_no_hole_of_minutes():
    """What hangs before it records is soon replaced; what records has the time that its network takes."""
    node, clock, slot = spawning_node()

    def hangs_after(*words) -> float:
        node._tend(slot)
        hanging, begun_s = slot.process, clock.now_s
        for word in words:
            clock.now_s += 15
            hanging.says.send(word)
            node._listen(0.0)
        while not hanging.dead and clock.now_s < begun_s + 1000:
            clock.now_s += 1
            node._tend(slot)
        assert slot.process is not hanging or not hanging.dead  # and the next one is there at once
        return clock.now_s - begun_s

    assert hangs_after() <= 21
    assert hangs_after(Begun(), Begun()) <= 51
    assert hangs_after(Begun(), Recorded()) == 1000  # the supervisor itself opens the outbox
    node._delivery = SimpleNamespace(outbox=None, calendar=None, to_mend=False)
    slot.process.dead = True
    assert 120 <= hangs_after(Begun(), Recorded()) - 30 <= 121
    assert hangs_after(Recorded(), Begun()) <= 51  # it has taken over, and does not begin


def test_a_process_that_cannot_be_had_ends_nobody_elses_recording(monkeypatch, caplog):
    node, clock, slot = spawning_node()
    refused = Mock(side_effect=BlockingIOError(11, "Resource temporarily unavailable"))
    with monkeypatch.context() as patch:
        patch.setattr(Spawned, "start", refused)
        node._tend(slot)
    assert (slot.process, slot.pipe) == (None, None)
    assert "no worker can be started for gate: Resource temporarily unavailable" in caplog.text
    clock.now_s += 1
    node._tend(slot)
    assert slot.process.is_alive()


def test_workers_are_seen_to_while_what_stands_behind_them_is_loaded():
    """One that died while the supervisor tried its network, minutes on some boxes, recorded nothing until then."""
    node, clock, slot = spawning_node()
    node._tend(slot)
    first, again = slot.process, threading.Event()
    slot.process.dead = True
    clock.now_s += 3

    def loads() -> str:
        for _ in range(200):
            if slot.process not in (None, first):
                return "loaded"
            again.wait(0.05)
        return "in vain"

    assert node._beside(loads) == "loaded"
    with pytest.raises(ZeroDivisionError):
        node._beside(lambda: 1 / 0)


def damaged_delivery(node, mend):
    """A delivery whose outbox is damaged; `mend` is called in the place of the mending."""
    delivery = SimpleNamespace(outbox="an outbox", calendar=None, to_mend=True, note_damage=lambda: None)

    def mended():
        mend()
        delivery.to_mend = False

    delivery.mend = mended
    return delivery


def test_cameras_are_recorded_while_a_damaged_outbox_is_begun_anew(monkeypatch):
    """A large one takes half a minute; whoever found the damage and died of it has an heir, who is not ended again."""
    node, clock, found = spawning_node()
    other = supervisor._Slot(("yard",))
    node._slots.append(other)
    node._delivery = SimpleNamespace(outbox="an outbox", calendar=None, to_mend=False)
    for slot in node._slots:
        node._tend(slot)
    before = [slot.process for slot in node._slots]
    monkeypatch.setattr(Spawned, "join", lambda self, *_, **__: self.kill())
    clock.now_s += 100
    found.process.dead = True
    orders = []

    def mend():
        orders.extend(found.process.heard() + other.process.heard())
        assert found.process is heir
        assert [slot.process.is_alive() for slot in node._slots] == [True, True]
        assert other.process is not before[1]

    node._delivery = delivery = damaged_delivery(node, mend)
    node._tend(found)
    heir = found.process
    monkeypatch.setattr(node, "_let_record", lambda: None)
    node._mend_outbox(delivery)
    assert before[1].dead
    assert orders == []  # of no outbox until there is one
    assert node._delivery is delivery
    assert [slot.process.heard()[0] for slot in node._slots] == ["an outbox"] * 2


def test_a_node_stops_in_the_midst_of_what_takes_long():
    node, _, slot = spawning_node()
    node._tend(slot)
    asked = threading.Event()
    node._stop.set()
    with pytest.raises(supervisor._StoppedError):
        node._beside(lambda: asked.wait(10))
    asked.set()
