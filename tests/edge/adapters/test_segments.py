"""A folder of segments is its own index, and a file cut anywhere is readable up to its last whole fragment."""

import pytest

from edge.adapters.recorder import Recorder
from edge.adapters.segments import (
    Segment,
    close_abandoned,
    closed_name,
    find_segments,
    list_segments,
    open_name,
    open_segment,
    whole_bytes,
)

EPOCH_S = 1_790_000_000.0


def test_names_say_begin_and_end(tmp_path):
    assert closed_name(EPOCH_S + 0.0004, EPOCH_S + 4.0006) == "1790000000000-1790000004001.mp4"
    assert open_name(EPOCH_S) == "1790000000000.mp4"
    for name in (closed_name(20, 24), closed_name(8, 12), open_name(24), "notes.mp4", "1-2-3.mp4", "5.mp4.part"):
        (tmp_path / name).touch()
    assert [(segment.begins_at_s, segment.ends_at_s) for segment in list_segments(tmp_path)] == [
        (8, 12),
        (20, 24),
        (24, None),
    ]


@pytest.mark.parametrize(
    ("from_s", "to_s", "begins"),
    [(0, 7.9, []), (0, 8, [8]), (11.9, 12, [8]), (12, 19, []), (9, 21, [8, 20]), (30, 40, [24]), (8, 99, [8, 20, 24])],
)
def test_the_segments_of_a_span_are_found(tmp_path, from_s, to_s, begins):
    for name in (closed_name(20, 24), closed_name(8, 12), open_name(24)):
        (tmp_path / name).touch()
    assert [segment.begins_at_s for segment in find_segments(tmp_path, from_s, to_s)] == begins


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert list_segments(tmp_path / "none") == []


def test_a_file_cut_anywhere_is_readable_up_to_its_last_whole_fragment(tmp_path, make_video, record):
    recorder = Recorder(tmp_path / "whole", 60.0, 10**9)
    record(recorder, make_video())
    content = list_segments(tmp_path / "whole")[0].path.read_bytes()
    folder = tmp_path / "cut"
    folder.mkdir()
    readable = []
    for length in range(0, len(content) + 1, 211):
        segment = Segment(folder / open_name(EPOCH_S), EPOCH_S, None)
        segment.path.write_bytes(content[:length])
        whole = whole_bytes(segment.path)
        assert whole <= length
        assert close_abandoned(folder) == 1
        left = list_segments(folder)
        assert bool(left) == (whole > 0)
        if left:
            with open_segment(left[0]) as container:
                packets = [packet for packet in container.demux(video=0) if packet.size]
                assert sum(1 for _ in container.decode(video=0)) == 0  # demuxed to the end
            assert left[0].ends_at_s == pytest.approx(EPOCH_S + len(packets) / 10, abs=0.11)
            readable.append(len(packets))
            left[0].path.unlink()
    assert readable == sorted(readable)
    assert set(range(10, 60, 10)) <= set(readable)


def test_zeros_after_a_power_cut_are_cut_off(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 60.0, 10**9)
    record(recorder, make_video(), close=False)
    path = list_segments(tmp_path)[0].path
    whole = whole_bytes(path)
    with path.open("ab") as file:
        file.write(bytes(70_000))
    assert whole_bytes(path) == whole
    assert close_abandoned(tmp_path) == 1
    assert list_segments(tmp_path)[0].path.stat().st_size == whole
    recorder.close()


def test_a_segment_closed_since_it_was_listed_is_found_under_its_new_name(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 60.0, 10**9)
    record(recorder, make_video(), close=False)
    (listed,) = list_segments(tmp_path)
    recorder.close()
    with open_segment(listed) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == 60
    list_segments(tmp_path)[0].path.unlink()
    with pytest.raises(FileNotFoundError), open_segment(listed):
        pass


def test_a_damaged_title_neither_hides_the_pictures_nor_stops_the_recorder(tmp_path, make_video, record):
    record(Recorder(tmp_path, 20.0, 10**9), make_video(), close=False)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"\xc3\xff\xfe\x80"))
    Recorder(tmp_path, 20.0, 10**9)
    (segment,) = list_segments(tmp_path)
    assert segment.ends_at_s is not None
    with open_segment(segment) as container:
        assert sum(1 for _ in container.decode(video=0)) > 40
