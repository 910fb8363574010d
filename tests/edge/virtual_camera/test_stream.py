"""What a stream has played already when it starts."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edge.virtual_camera.faults import FaultState
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.sources import split_ahead
from edge.virtual_camera.stream import Stream

NOW_S, AHEAD_S, FPS = 1000.0, 2.0, 25.0


class StoppedClock:
    def wall_s(self) -> float:
        return NOW_S

    def monotonic_s(self) -> float:
        return 5.0


class Guest:
    """Takes what it is shown, up to the first picture of the time to come."""

    def __init__(self) -> None:
        self.taken, self.enough, self.pictures_dropped = [], asyncio.Event(), 0

    def catch_up(self, units) -> None:
        self.taken += units
        if units[-1][0].dts_s > AHEAD_S:
            self.enough.set()


def test_a_stream_that_begins_later_has_played_what_comes_before_at_once():
    pictures = [np.full((64, 96, 3), 5 * number, np.uint8) for number in range(30)]
    clip = encode(PictureList(pictures, FPS))

    async def watch() -> list:
        stream = Stream("a", clip.endless(), "h264", FaultState(), None, AHEAD_S)
        guest = Guest()
        stream.viewers.add(guest)
        with ThreadPoolExecutor(1) as executor:
            player = asyncio.create_task(stream.play(StoppedClock(), executor))
            await asyncio.wait_for(guest.enough.wait(), 30)
            player.cancel()
            await asyncio.gather(player, return_exceptions=True)
        return guest.taken

    taken = asyncio.run(watch())
    assert len(taken) == round(AHEAD_S * FPS) + 2
    for unit, captured_at_s in taken:
        assert captured_at_s == pytest.approx(NOW_S - AHEAD_S + unit.dts_s, abs=0.002)


def test_where_a_file_begins_stands_behind_its_name(tmp_path):
    named_so = tmp_path / "gate@2.mp4@3"
    named_so.touch()
    assert split_ahead("gate.mp4@12.5") == ("gate.mp4", 12.5)
    assert split_ahead("gate.mp4") == ("gate.mp4", 0.0)
    assert split_ahead(str(named_so)) == (str(named_so), 0.0)
    assert split_ahead("drawn:loiterer:day:1@40-90/120")[1] == 0.0
