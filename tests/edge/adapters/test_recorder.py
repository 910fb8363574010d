"""Every packet to disk, readable at any moment, within its room, through write errors."""

import errno
import resource
import shutil
import threading
from collections import namedtuple
from itertools import pairwise

import av
import pytest

from edge.adapters import recorder as recorder_module
from edge.adapters.av_source import StreamInfo
from edge.adapters.recorder import Recorder
from edge.adapters.segments import list_segments, open_segment
from edge.adapters.stream_faults import StreamFault

DiskUsage = namedtuple("DiskUsage", "total used free")
EPOCH_S = 1_790_000_000.0
ROOM = 10**9


@pytest.mark.parametrize(("codec", "tag"), [("libx264", "avc1"), ("libx265", "hvc1")])
def test_every_packet_lands_in_a_segment_bit_for_bit(tmp_path, make_video, record, payloads_of, codec, tag):
    fed = record(Recorder(tmp_path, 2.0, ROOM), make_video(codec))
    segments = list_segments(tmp_path)
    assert [segment.path.name for segment in segments] == [
        f"{1790000000000 + at}-{1790000000000 + at + 2000}.mp4" for at in (0, 2000, 4000)
    ]
    assert payloads_of(*(segment.path for segment in segments)) == fed.payloads
    for segment in segments:
        with av.open(str(segment.path)) as container:
            assert container.streams.video[0].codec_context.codec_tag == tag
            stamps = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.size]
            assert stamps[0] == 0
            assert {float(later - earlier) for earlier, later in pairwise(stamps)} == {0.1}
            container.seek(0)
            assert len(list(container.decode(video=0))) == 20


def test_pictures_that_are_shown_in_another_order_keep_it(tmp_path, make_video, record):
    video = make_video(b_frames=2)
    record(Recorder(tmp_path, 60.0, ROOM), video)
    with av.open(str(video)) as made, av.open(str(list_segments(tmp_path)[0].path)) as kept:
        wanted, found = ([frame.to_ndarray() for frame in c.decode(video=0)] for c in (made, kept))
    assert len(found) == len(wanted)
    assert all((a == b).all() for a, b in zip(found, wanted, strict=True))


def test_recording_begins_with_a_key_frame(tmp_path, make_video, record, payloads_of):
    fed = record(Recorder(tmp_path, 60.0, ROOM), make_video(), only=slice(5, None))
    assert fed.keys.index(True) == 5
    assert payloads_of(list_segments(tmp_path)[0].path) == fed.payloads[5:]


def test_what_is_a_second_old_can_be_read_while_the_segment_is_open(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 60.0, ROOM)
    record(recorder, make_video(seconds=6), close=False)
    (segment,) = list_segments(tmp_path)
    assert segment.ends_at_s is None
    with open_segment(segment) as container:
        read = sum(1 for packet in container.demux(video=0) if packet.size)
    assert 45 <= read <= 60
    until_s = recorder.status.recorded_until_s
    assert until_s == pytest.approx(EPOCH_S + (read - 1) / 10, abs=0.11)
    recorder.close()


def test_an_abandoned_segment_is_closed_at_the_next_start_and_recording_goes_on(tmp_path, make_video, record):
    left = Recorder(tmp_path, 60.0, ROOM)
    record(left, make_video(), close=False)
    with list_segments(tmp_path)[0].path.open("ab") as file:
        file.write(b"\x00\x00\x10\x00moof half a fragment")
    again = Recorder(tmp_path, 60.0, ROOM)
    (mended,) = list_segments(tmp_path)
    assert mended.ends_at_s == pytest.approx(EPOCH_S + 5, abs=1.01)
    record(again, make_video(), EPOCH_S + 10)
    assert len(list_segments(tmp_path)) == 2
    left.close()


def test_a_file_without_one_fragment_is_deleted_at_the_next_start(tmp_path):
    (tmp_path / "1790000000000.mp4").write_bytes(b"\x00\x00\x00\x18ftypiso5")
    (tmp_path / "1790000001000.mp4").touch()
    (tmp_path / "notes.txt").touch()
    Recorder(tmp_path, 4.0, ROOM)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_oldest_go_beyond_the_limit_but_never_what_a_clip_needs(tmp_path, make_video, record):
    video = make_video()
    needed = (EPOCH_S + 2.5, EPOCH_S + 3.0)
    limit = video.stat().st_size * 2
    recorder = Recorder(tmp_path, 2.0, limit, protected=lambda: [needed])
    for turn in range(6):
        record(recorder, video, EPOCH_S + turn * 6)
    kept = list_segments(tmp_path)
    assert sum(segment.path.stat().st_size for segment in kept) <= limit
    assert recorder.status.stored_bytes == sum(segment.path.stat().st_size for segment in kept)
    assert kept[0].begins_at_s == EPOCH_S + 2  # the protected one, out of the first turn
    assert all(segment.begins_at_s >= EPOCH_S + 18 for segment in kept[1:])
    assert recorder.status.segments_deleted == 18 - len(kept)


def test_the_limit_counts_what_an_earlier_run_left(tmp_path, make_video, record):
    video = make_video()
    record(Recorder(tmp_path, 2.0, ROOM), video)
    limit = sum(segment.path.stat().st_size for segment in list_segments(tmp_path))
    record(Recorder(tmp_path, 2.0, limit), video, EPOCH_S + 6)
    assert [segment.begins_at_s for segment in list_segments(tmp_path)] == [EPOCH_S + at for at in (6, 8, 10)]


@pytest.mark.parametrize("jump_s", [5000, -5000])
def test_stamps_that_jump_neither_break_the_file_nor_stretch_it(tmp_path, make_video, jump_s):
    recorder = Recorder(tmp_path, 60.0, ROOM)
    with av.open(str(make_video())) as container:
        stream = container.streams.video[0]
        recorder.connected(StreamInfo("h264", 160, 96, stream.time_base, 10.0), stream)
        for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
            if number >= 25:
                packet.dts += round(jump_s / packet.time_base)
                packet.pts += round(jump_s / packet.time_base)
            recorder.packet(packet, number / 10, EPOCH_S + number / 10)
        recorder.close()
    (segment,) = list_segments(tmp_path)
    with av.open(str(segment.path)) as kept:
        stamps = [float(packet.pts * packet.time_base) for packet in kept.demux(video=0) if packet.size]
    assert [later - earlier for earlier, later in pairwise(stamps)] == pytest.approx([0.1] * 59)


@pytest.mark.parametrize("jump_s", [3620.0, -3620.0, 7.0])
def test_a_jump_between_the_two_stamps_of_one_picture_does_not_stretch_the_file(tmp_path, make_video, jump_s):
    """With pictures in another order, libav's decoding stamps lag: at a jump dts is old while pts is new."""
    recorder = Recorder(tmp_path, 60.0, ROOM)
    with av.open(str(make_video(b_frames=2))) as container:
        stream = container.streams.video[0]
        recorder.connected(StreamInfo("h264", 160, 96, stream.time_base, 10.0), stream)
        for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
            packet.pts += round((jump_s if number >= 23 else 0.0) / packet.time_base)
            packet.dts += round((jump_s if number >= 25 else 0.0) / packet.time_base)
            recorder.packet(packet, number / 10, EPOCH_S + number / 10)
        recorder.close()
    with av.open(str(list_segments(tmp_path)[0].path)) as kept:
        stamps = [(float(p.dts * p.time_base), float(p.pts * p.time_base)) for p in kept.demux(video=0) if p.size]
    assert [round(dts_s, 3) for dts_s, _ in stamps] == [n / 10 for n in range(60)]
    assert all(0 <= pts_s - dts_s <= 0.5 for dts_s, pts_s in stamps)


def test_packets_without_stamps_are_kept(tmp_path, make_video):
    recorder = Recorder(tmp_path, 60.0, ROOM)
    with av.open(str(make_video())) as container:
        stream = container.streams.video[0]
        recorder.connected(StreamInfo("h264", 160, 96, stream.time_base, 10.0), stream)
        for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
            if number in (0, 30, 31):
                packet.dts = packet.pts = None
            recorder.packet(packet, number / 10, EPOCH_S + number / 10)
        recorder.close()
    with av.open(str(list_segments(tmp_path)[0].path)) as kept:
        stamps = [float(packet.pts * packet.time_base) for packet in kept.demux(video=0) if packet.size]
    assert [later - earlier for earlier, later in pairwise(stamps)] == pytest.approx([0.1] * 59, abs=0.001)


def test_a_wall_clock_set_back_starts_a_new_segment_and_overwrites_none(tmp_path, make_video, record):
    recorder, video = Recorder(tmp_path, 60.0, ROOM), make_video()
    record(recorder, video, EPOCH_S)
    record(recorder, video, EPOCH_S)
    assert [segment.begins_at_s for segment in list_segments(tmp_path)] == [EPOCH_S, EPOCH_S + 0.001]
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        recorder.connected(StreamInfo("h264", 160, 96, stream.time_base, 10.0), stream)
        for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
            recorder.packet(packet, number / 10, EPOCH_S + number / 10 - (3600 if number >= 15 else 0))
        recorder.close()
    assert EPOCH_S - 3598 in [segment.begins_at_s for segment in list_segments(tmp_path)]
    (across,) = [one for one in list_segments(tmp_path) if one.begins_at_s == EPOCH_S + 0.002]
    assert across.ends_at_s == pytest.approx(EPOCH_S + 2.0, abs=0.01)  # or nobody would find what it shows


def test_a_file_that_may_grow_no_further_is_a_fault_and_recording_resumes(tmp_path, make_video, record):
    """A real write error in the middle of a fragment: the kernel's limit on the size of a file."""
    recorder, video = Recorder(tmp_path, 60.0, ROOM), make_video(width=640, height=384)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, hard))
    try:
        record(recorder, video, close=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    fault = recorder.status.fault
    assert fault is not None
    assert fault.startswith("nothing is recorded: ")
    assert recorder.status.write_errors >= 1
    record(recorder, video, EPOCH_S + 100, media_ahead_s=100.0)
    assert recorder.status.fault is None
    assert list_segments(tmp_path)[-1].begins_at_s == EPOCH_S + 100
    assert all(segment.ends_at_s is not None for segment in list_segments(tmp_path))


@pytest.mark.parametrize("failing_write", range(1, 9))
def test_a_full_disk_at_any_write_costs_the_oldest_and_is_outlived(
    tmp_path, make_video, record, monkeypatch, failing_write
):
    video = make_video()
    record(Recorder(tmp_path, 2.0, ROOM), video)
    recorder = Recorder(tmp_path, 2.0, ROOM)
    writes = 0
    whole = recorder_module.FlushedFile.write

    def write(self, data):
        nonlocal writes
        writes += 1
        if writes == failing_write:
            self.error = OSError(errno.ENOSPC, "No space left on device")
            return len(data)
        return whole(self, data)

    monkeypatch.setattr(recorder_module.FlushedFile, "write", write)
    record(recorder, video, EPOCH_S + 6, close=False)
    record(recorder, video, EPOCH_S + 20, media_ahead_s=20.0)
    kept = list_segments(tmp_path)
    assert kept[0].begins_at_s == EPOCH_S + 2  # one of the oldest made room
    assert recorder.status.write_errors == 1
    assert recorder.status.fault is None
    assert kept[-1].ends_at_s == EPOCH_S + 26
    assert recorder.status.stored_bytes == sum(segment.path.stat().st_size for segment in kept)
    for segment in kept:
        with open_segment(segment) as container:
            assert sum(1 for packet in container.demux(video=0) if packet.size) > 0


def test_a_folder_taken_away_is_a_fault_and_recording_resumes_when_it_is_back(tmp_path, make_video, record):
    folder, video = tmp_path / "camera", make_video()
    recorder = Recorder(folder, 2.0, ROOM)
    shutil.rmtree(folder)
    record(recorder, video)
    assert "nothing is recorded" in (recorder.status.fault or "")
    folder.mkdir()
    record(recorder, video, EPOCH_S + 50, media_ahead_s=50.0)
    assert recorder.status.fault is None
    assert len(list_segments(folder)) == 3


def test_others_can_wait_until_a_moment_is_on_disk(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 2.0, ROOM)
    assert not recorder.wait_recorded(EPOCH_S, 0.01)
    found: list[bool] = []
    waiter = threading.Thread(target=lambda: found.append(recorder.wait_recorded(EPOCH_S + 4, 20.0)))
    waiter.start()
    record(recorder, make_video())
    waiter.join(20)
    assert found == [True]


def test_a_new_connection_starts_a_new_segment(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 60.0, ROOM)
    record(recorder, make_video(), close=False)
    recorder.disconnected(StreamFault("stalled", "it stalled"))
    record(recorder, make_video(width=96, height=64), EPOCH_S + 6)
    sizes = []
    for segment in list_segments(tmp_path):
        with av.open(str(segment.path)) as container:
            sizes.append(container.streams.video[0].codec_context.width)
    assert sizes == [160, 96]


class SmallDisk:
    """A disk that holds so many bytes of a folder and no more; a write beyond is cut short, as the kernel does it."""

    def __init__(self, folder, total_bytes, monkeypatch):
        self._folder, self._total_bytes = folder, total_bytes
        whole = recorder_module.FlushedFile.write

        def write(written, data):
            if written.error is None and len(data) > self.free_bytes():
                whole(written, bytes(data)[: self.free_bytes()])
                written.error = OSError(errno.ENOSPC, "No space left on device")
                return len(data)
            return whole(written, data)

        monkeypatch.setattr(recorder_module.FlushedFile, "write", write)
        monkeypatch.setattr(recorder_module.shutil, "disk_usage", lambda _: DiskUsage(0, 0, self.free_bytes()))

    def free_bytes(self):
        return max(0, self._total_bytes - sum(path.stat().st_size for path in self._folder.iterdir()))


def test_on_a_disk_smaller_than_max_bytes_no_picture_is_lost_and_it_is_told_once(
    tmp_path, make_video, record, monkeypatch, caplog
):
    video = make_video(width=640, height=384, fps=25)
    SmallDisk(tmp_path, 700_000, monkeypatch)
    recorder, until_s = Recorder(tmp_path, 2.0, ROOM), 0
    while recorder.status.segments_deleted < 12 and until_s < 1200:
        fed = record(recorder, video, EPOCH_S + until_s, media_ahead_s=float(until_s))
        until_s += 6
    assert recorder.status.segments_deleted >= 12
    assert (recorder.status.write_errors, recorder.status.fault) == (0, None)
    assert [record.message.split(":")[0].split(" of ")[0] for record in caplog.records] == ["the disk"]
    kept = list_segments(tmp_path)
    assert all(later.begins_at_s - earlier.ends_at_s < 0.1 for earlier, later in pairwise(kept))
    assert kept[-1].ends_at_s == pytest.approx(EPOCH_S + until_s, abs=0.002)
    assert len(fed.payloads) == 150


def test_where_nothing_may_be_deleted_recording_stops_and_leaves_room_for_events(
    tmp_path, make_video, record, monkeypatch
):
    video = make_video(width=640, height=384, fps=25)
    SmallDisk(tmp_path, 900_000, monkeypatch)
    monkeypatch.setattr(recorder_module, "last_bytes", lambda _total: 200_000)
    held = [(EPOCH_S, EPOCH_S + 1e6)]
    recorder = Recorder(tmp_path, 2.0, ROOM, protected=lambda: held)
    turn = 0
    while recorder.status.fault is None and turn < 100:
        record(recorder, video, EPOCH_S + 6 * turn, media_ahead_s=6.0 * turn, close=False)
        turn += 1
    record(recorder, video, EPOCH_S + 6 * turn, media_ahead_s=6.0 * turn, close=False)  # nothing more is written
    assert "the disk is full of what may not be deleted" in recorder.status.fault
    stored = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert 450_000 < stored < 780_000
    assert recorder.status.segments_deleted == 0
    held.clear()
    record(recorder, video, EPOCH_S + 700, media_ahead_s=700.0)
    assert recorder.status.fault is None
    assert list_segments(tmp_path)[-1].ends_at_s == pytest.approx(EPOCH_S + 706, abs=0.002)


def test_segments_that_housekeeping_took_are_not_made_up_for_with_others(tmp_path, make_video, record):
    video = make_video()
    record(Recorder(tmp_path, 2.0, ROOM), video)
    limit = sum(segment.path.stat().st_size for segment in list_segments(tmp_path)) * 2
    recorder = Recorder(tmp_path, 2.0, limit)
    record(recorder, video, EPOCH_S + 6)
    for segment in list_segments(tmp_path)[:2]:
        segment.path.unlink()
    record(recorder, video, EPOCH_S + 12)
    assert len(list_segments(tmp_path)) == 6 - 2 + 3 - 1
    assert recorder.status.segments_deleted == 1


def test_what_housekeeping_deleted_makes_no_room_a_second_time(tmp_path, make_video, record, monkeypatch):
    video = make_video(width=640, height=384, fps=25)
    disk = SmallDisk(tmp_path, 900_000, monkeypatch)
    monkeypatch.setattr(recorder_module, "last_bytes", lambda _total: 150_000)
    recorder, until_s = Recorder(tmp_path, 2.0, ROOM), 0
    while disk.free_bytes() > 250_000:
        record(recorder, video, EPOCH_S + until_s, media_ahead_s=float(until_s))
        until_s += 6
    for segment in list_segments(tmp_path)[:-6]:
        segment.path.unlink()
    (tmp_path / "foreign").write_bytes(bytes(disk.free_bytes() - 250_000))  # and others took what became free
    for _ in range(12):
        record(recorder, video, EPOCH_S + until_s, media_ahead_s=float(until_s))
        until_s += 6
    assert (recorder.status.write_errors, recorder.status.fault) == (0, None)
    assert list_segments(tmp_path)[-1].ends_at_s == pytest.approx(EPOCH_S + until_s, abs=0.002)
