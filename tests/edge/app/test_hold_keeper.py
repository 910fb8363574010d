"""What the console asks a box to keep: held through a restart and on a full disk, let go of only where that is said."""

import uuid

import pytest
from node_folder import fill

from broker.contract.holds import Hold, HoldsMessage
from edge.adapters import holds as holds_adapter
from edge.adapters.holds import console_name, span_name
from edge.app.hold_keeper import HoldKeeper
from edge.app.node_folder import holds_of

FIRST, SECOND = (str(uuid.UUID(int=number)) for number in (71, 72))


@pytest.fixture
def box(node):
    """A node whose days are over for all that was recorded, and its first two of ten minutes' moments."""
    box = node("continuous_days: 1, clip_days: 1")
    box.record("gate", 3, 10)
    box.told = []
    restarted(box)
    return box


def restarted(box) -> None:
    box.housekeeper.asked = HoldKeeper(holds_of(box.config), box.clock, box.told.append)


def minutes(box, first: int, last: int, hold_id: str = FIRST, event_id: str | None = None) -> Hold:
    """A hold on minutes of the recording, counted from its beginning."""
    began_s = int(box.recorded()[0].partition("-")[0]) / 1000
    span = {"from_at_s": began_s + 60 * first + 5, "to_at_s": began_s + 60 * last - 5}
    return Hold(hold_id=hold_id, camera="gate", event_id=event_id, **span)


def test_what_is_asked_for_is_held_told_and_let_go_of_only_where_that_is_said(box):
    event, by_hand = box.event(1, 9), box.event(2, 9)
    box.hold(by_hand.name)
    asked = minutes(box, 2, 4, event_id=event.name)
    held = box.recorded()[2:4]
    for _ in range(2):  # the broker says it again with each connection
        box.housekeeper.asked.take(HoldsMessage(holds=(asked,)))
        assert box.housekeeper.asked.has_news
        box.housekeeper.tidy()
        assert box.recorded()[:2] == held
    assert [[(one.hold_id, one.recorded_s) for one in message.holds] for message in box.told] == [[(FIRST, 110.0)]] * 2
    assert box.told[0].holds[0].bytes > 2000 + 1000  # two segments and the clip
    box.housekeeper.tidy()
    assert len(box.told) == 2  # nothing is new
    restarted(box)
    box.housekeeper.tidy()
    assert len(box.told) == 3  # the console may have lost what it heard
    box.housekeeper.asked.take(HoldsMessage())  # of a console that was set up anew
    box.housekeeper.tidy()
    assert (box.recorded()[:2], event.exists()) == (held, True)
    box.housekeeper.asked.take(HoldsMessage(holds=(asked,), released=(FIRST,)))  # in doubt it is kept
    box.housekeeper.tidy()
    assert box.recorded()[:2] == held
    box.housekeeper.asked.take(HoldsMessage(released=(FIRST, SECOND)))
    box.housekeeper.tidy()
    assert box.told[-1].holds == ()
    assert not set(held) & set(box.recorded())
    assert (event.exists(), by_hand.exists()) == (False, True)
    assert holds_of(box.config).names() == [by_hand.name]


def test_nothing_is_told_by_a_box_that_was_never_asked(box):
    box.housekeeper.tidy()
    assert box.told == []


def test_two_holds_on_the_same_minutes_are_let_go_of_one_by_one(box):
    both = (minutes(box, 0, 3), minutes(box, 2, 4, SECOND))
    box.housekeeper.asked.take(HoldsMessage(holds=both))
    box.housekeeper.tidy()
    held = box.recorded()
    assert len(held) == 4 + 2  # the newest is what the next clip needs
    box.housekeeper.asked.take(HoldsMessage(holds=both[1:], released=(FIRST,)))
    box.housekeeper.tidy()
    assert box.recorded() == held[2:]
    assert [(one.hold_id, one.recorded_s) for one in box.told[-1].holds] == [(SECOND, 110.0)]


def test_what_the_disk_can_not_take_is_held_all_the_same_and_written_as_soon_as_it_can(box, monkeypatch):
    def full(*_args) -> None:
        raise OSError(28, "No space left on device")

    held = box.recorded()[2:4]
    with monkeypatch.context() as disk:
        disk.setattr(holds_adapter, "put_in_place", full)
        box.housekeeper.asked.take(HoldsMessage(holds=(minutes(box, 2, 4),)))
        box.housekeeper.tidy()
        assert box.recorded()[:2] == held
        assert box.told[-1].holds == ()  # nothing is promised that a restart would forget
        assert holds_of(box.config).of_console() == {}
    box.housekeeper.tidy()
    assert [one.hold_id for one in box.told[-1].holds] == [FIRST]
    assert list(holds_of(box.config).of_console()) == [FIRST]


def test_a_recorder_that_makes_room_for_itself_spares_it(box):
    box.housekeeper.asked.take(HoldsMessage(holds=(minutes(box, 2, 4),)))
    box.housekeeper.tidy()
    (span,) = holds_of(box.config).read().spans["gate"]
    assert span[1] - span[0] == pytest.approx(110.0)


def test_what_is_asked_while_the_disk_is_tidied_is_not_told_to_be_gone(box, monkeypatch):
    """It was listed before it was held: police read for a minute that nothing was left of what they asked for."""
    delete, asked = box.housekeeper._delete, minutes(box, 8, 9)

    def meanwhile():
        kept = delete()
        box.housekeeper.asked.take(HoldsMessage(holds=(asked,)))
        return kept

    box.housekeeper.asked.take(HoldsMessage(holds=(minutes(box, 2, 4, SECOND),)))
    with monkeypatch.context() as patch:
        patch.setattr(box.housekeeper, "_delete", meanwhile)
        box.housekeeper.tidy()
    box.housekeeper.tidy()
    told = [(one.hold_id, one.recorded_s) for message in box.told for one in message.holds]
    assert (asked.hold_id, 0.0) not in told
    assert (asked.hold_id, 50.0) in told


def test_a_box_says_again_what_it_has_once_the_time_is_over(box):
    """Of a time that had only just been, nothing was there yet; and if nothing comes, that has to be said, too."""
    now_s = box.clock.wall_s()
    soon = Hold(hold_id=FIRST, camera="gate", from_at_s=now_s - 60, to_at_s=now_s + 60)
    box.housekeeper.asked.take(HoldsMessage(holds=(soon,)))
    box.housekeeper.tidy()
    box.housekeeper.tidy()
    assert len(box.told) == 1
    box.clock.now_s += 3600
    box.housekeeper.tidy()
    box.housekeeper.tidy()
    assert [one.at_s - now_s for one in box.told] == [0, 3600]


def test_a_disk_without_a_byte_left_takes_a_hold_that_recorders_and_a_restart_know_of(small_disk):
    holds = holds_adapter.Holds(small_disk / "holds")
    holds.put("first", "asked for", 1.0)
    fill(small_disk / "foreign")
    holds.put(console_name(FIRST, span_name("gate", 100.0, 200.0)), "asked for at the console", 2.0)
    assert holds.read().covers("gate", 150.0, 160.0)
    assert not list((small_disk / "holds").glob("*.part"))


def test_what_a_console_that_is_gone_had_held_is_let_go_of_by_hand_by_the_name_in_the_list(box):
    box.housekeeper.asked.take(HoldsMessage(holds=(minutes(box, 2, 4),)))
    box.housekeeper.tidy()
    name = box.hold().strip()
    assert name.startswith(f"console.{FIRST}.gate.")
    assert "no longer held" in box.hold(name, "--release"), box.exit_code
    assert holds_of(box.config).names() == []
