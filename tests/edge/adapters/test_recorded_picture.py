"""A picture out of the recording is the one that was captured then, or the last one before it."""

import av
import numpy as np
import pytest

from edge.adapters.clip_writer import NoRecording
from edge.adapters.decoded_picture import i420
from edge.adapters.recorded_picture import REACH_S, recorded_picture
from edge.adapters.recorder import Recorder

EPOCH_S = 1_790_000_000.0


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(
    ("at_s", "number"), [(0.0, 0), (0.1, 1), (1.95, 19), (2.0, 20), (3.7, 37), (5.9, 59), (9.0, 59)]
)
def test_it_is_the_picture_of_that_moment(tmp_path, make_video, record, at_s, number, b_frames):
    video = make_video(b_frames=b_frames)
    record(Recorder(tmp_path, 2.0, 10**9), video)
    late_s = b_frames / 10  # a picture's capture time is counted from the stamps, as it is for live frames
    frame = recorded_picture(tmp_path, "gate", EPOCH_S + late_s + at_s)
    with av.open(str(video)) as container:
        wanted = [i420(picture) for picture in container.decode(video=0)][number]
    assert np.array_equal(frame.i420, wanted)
    assert frame.captured_at_s == pytest.approx(EPOCH_S + late_s + number / 10, abs=0.002)


@pytest.mark.parametrize("at_s", [-1.0, 6.0 + REACH_S])
def test_there_is_none_where_nothing_was_recorded(tmp_path, make_video, record, at_s):
    record(Recorder(tmp_path, 2.0, 10**9), make_video())
    with pytest.raises(NoRecording):
        recorded_picture(tmp_path, "gate", EPOCH_S + at_s)


def test_of_a_segment_that_a_kill_left_open_what_is_whole_counts(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 60.0, 10**9)
    record(recorder, make_video(), close=False)
    frame = recorded_picture(tmp_path, "gate", EPOCH_S + 5.9)
    assert EPOCH_S + 4.0 <= frame.captured_at_s <= EPOCH_S + 5.9
    recorder.close()
