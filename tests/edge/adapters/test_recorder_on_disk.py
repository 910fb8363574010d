"""A closed segment comes onto the disk itself beside the reading, however slow or broken the disk, or the machine."""

import errno
import threading

from edge.adapters import recorder as recorder_module
from edge.adapters.recorder import Recorder
from edge.adapters.segments import list_segments

EPOCH_S = 1_790_000_000.0
ROOM = 10**9


def test_every_closed_segment_is_brought_onto_the_disk_and_no_packet_waits_for_it(
    tmp_path, make_video, record, monkeypatch
):
    synced, may_go_on = [], threading.Event()

    def slow_disk(path):
        may_go_on.wait(10)
        synced.append(path.name)

    monkeypatch.setattr(recorder_module, "sync", slow_disk)
    recorder = Recorder(tmp_path, 4.0, ROOM)
    record(recorder, make_video(), close=False)  # 6 s: the first segment is closed while the disk is stuck
    assert synced == []
    may_go_on.set()
    recorder.close()
    assert synced == [name for s in list_segments(tmp_path) for name in (s.path.name, tmp_path.name)]


def test_recording_goes_on_where_no_thread_can_be_had(tmp_path, make_video, record, payloads_of, monkeypatch):
    """It ended the worker, and its stop waited for a thread that never began."""
    synced, recorder = [], Recorder(tmp_path, 2.0, ROOM)
    monkeypatch.setattr(recorder_module, "sync", lambda path: synced.append(path.name))

    def refused(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        fed = record(recorder, make_video())
    segments = list_segments(tmp_path)
    assert synced == [name for one in segments for name in (one.path.name, tmp_path.name)]
    assert payloads_of(*(one.path for one in segments)) == fed.payloads


def test_a_disk_that_does_not_keep_what_it_took_is_a_fault(tmp_path, make_video, record, monkeypatch, caplog):
    def broken_disk(_path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(recorder_module, "sync", broken_disk)
    recorder = Recorder(tmp_path, 2.0, ROOM)
    record(recorder, make_video())  # three segments: the end of one clears no fault of the one before
    assert recorder.status.fault == "what is recorded does not reach the disk: Input/output error; look at the disk"
    assert recorder.status.write_errors == 3
    assert sum("does not reach the disk" in record.message for record in caplog.records) == 1
    record(recorder, make_video(), EPOCH_S + 10, close=False, media_ahead_s=10.0)
    assert recorder.status.fault is not None
    monkeypatch.undo()
    recorder.close()
    assert recorder.status.fault is None
