"""A stream's life: packets bit for bit, frames evenly, time that goes on, stalls found, secrets kept."""

import logging
import socket
import threading
import time
from itertools import pairwise
from unittest.mock import Mock

import av
import numpy as np
import pytest

from edge.adapters import stream_faults as faults
from edge.adapters.av_source import AvSource
from edge.adapters.group_decoder import GroupDecoder
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock


class Notes:
    """A listener that writes everything down."""

    def __init__(self):
        self.infos, self.payloads, self.media_s, self.captured_at_s = [], [], [], []
        self.frames, self.faults, self.told = [], [], threading.Condition()

    def connected(self, info, template):
        self.infos.append(info)

    def packet(self, packet, media_s, captured_at_s):
        self.payloads.append(bytes(packet))
        self.media_s.append(media_s)
        self.captured_at_s.append(captured_at_s)

    def frame(self, frame):
        self.frames.append(frame)

    def disconnected(self, fault):
        with self.told:
            self.faults.append(fault)
            self.told.notify_all()

    def wait_faults(self, count, timeout_s=20.0):
        with self.told:
            assert self.told.wait_for(lambda: len(self.faults) >= count, timeout_s)


def source_of(url, notes, *, analysed_fps=None, stall_s=1.0, username=None, password=None):
    address = StreamAddress(str(url), username, password)
    return AvSource("gate", address, notes, SystemClock(), analysed_fps=analysed_fps, stall_s=stall_s)


class ByteServer:
    """Sends the content of a file to everyone who connects, then closes or holds the connection."""

    def __init__(self, content, hold):
        self._content, self._hold = content, hold
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        self._held = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listening.accept()
                connection.sendall(self._content)
            except OSError:
                return
            if self._hold:
                self._held.append(connection)
            else:
                connection.close()

    def close(self):
        for held in (*self._held, self._listening):
            held.close()


@pytest.fixture
def serve():
    servers = []

    def start(path, hold=False):
        servers.append(ByteServer(path.read_bytes(), hold))
        return servers[-1].url

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_packets_come_bit_for_bit_and_frames_evenly(make_video, payloads_of, codec, name):
    video, notes = make_video(codec), Notes()
    source = source_of(video, notes, analysed_fps=5.0)
    fault = source.run_once(threading.Event())
    assert fault.code == faults.END_OF_STREAM
    assert notes.faults == [fault]
    assert (notes.infos[0].codec, notes.infos[0].width, notes.infos[0].height, notes.infos[0].fps) == (
        name,
        160,
        96,
        10,
    )
    assert notes.payloads == payloads_of(video)
    assert [later - earlier for earlier, later in pairwise(notes.media_s)] == pytest.approx([0.1] * 59)
    assert notes.captured_at_s[-1] == pytest.approx(time.time(), abs=2.0)
    assert [frame.number for frame in notes.frames] == list(range(30))
    steps = [later.media_s - earlier.media_s for earlier, later in pairwise(notes.frames)]
    assert steps == pytest.approx([0.2] * 29)
    assert (notes.frames[0].width, notes.frames[0].height, notes.frames[0].camera) == (160, 96, "gate")
    status = source.status
    assert (status.packets, status.frames_decoded, status.frames_handed_on, status.connected) == (60, 60, 30, False)
    assert status.packet_bytes == sum(map(len, notes.payloads))


def test_frames_show_what_was_filmed(make_video):
    video, notes = make_video(), Notes()
    source_of(video, notes, analysed_fps=10.0).run_once(threading.Event())
    with av.open(str(video)) as container:
        wanted = [picture.to_ndarray() for picture in container.decode(video=0)]
    assert all((frame.i420 == picture).all() for frame, picture in zip(notes.frames, wanted, strict=True))


def test_without_analysis_nothing_is_decoded(make_video):
    notes = Notes()
    source = source_of(make_video(), notes)
    source.run_once(threading.Event())
    assert (len(notes.payloads), notes.frames, source.status.frames_decoded) == (60, [], 0)


def test_a_stall_is_found_in_time(make_video, serve):
    notes = Notes()
    source = source_of(serve(make_video(suffix=".ts"), hold=True), notes, stall_s=2.0)
    began_s = time.monotonic()
    fault = source.run_once(threading.Event())
    found_s = time.monotonic() - began_s
    assert fault.code == faults.STALLED
    assert "reconnects by itself" in fault.sentence
    assert len(notes.payloads) >= 50
    assert 2.0 <= found_s < 4.0  # libav hands out the picture that its parser held: that begins no second wait
    assert notes.media_s[-1] <= began_s + 2.0  # and it is no picture of the moment of the time-out


def test_a_stream_that_ends_is_asked_again_and_time_goes_on(make_video, serve):
    notes, stop = Notes(), threading.Event()
    source = source_of(serve(make_video(seconds=2, suffix=".ts")), notes, analysed_fps=5.0)
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    notes.wait_faults(2)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert notes.faults[0].code == faults.END_OF_STREAM
    assert source.status.connections >= 2
    assert all(later >= earlier for earlier, later in pairwise(notes.media_s))
    assert all(later.media_s >= earlier.media_s for earlier, later in pairwise(notes.frames))
    assert [frame.number for frame in notes.frames] == list(range(len(notes.frames)))


def test_the_wait_between_tries_ends_with_the_stop_and_a_repeated_fault_is_logged_once(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        notes, stop = Notes(), threading.Event()
        source = source_of(f"rtsp://127.0.0.1:{taken.getsockname()[1]}/x", notes)
        thread = threading.Thread(target=source.run, args=(stop,))
        thread.start()
        notes.wait_faults(3)
        stop.set()
        thread.join(2)
    assert not thread.is_alive()
    assert {fault.code for fault in notes.faults} == {faults.CONNECTION_REFUSED}
    assert sum("nothing listens" in record.message for record in caplog.records) == 1


def test_waits_grow_to_a_cap_and_a_refused_password_is_not_hammered():
    source = source_of("rtsp://cam/x", Notes())
    refused = faults.stream_fault(faults.SIGN_IN_REFUSED, "rtsp://cam/x")
    lost = faults.stream_fault(faults.CONNECTION_LOST, "rtsp://cam/x")
    changed = faults.stream_fault(faults.RESOLUTION_CHANGED, "rtsp://cam/x")
    assert 0.25 <= source._pause_s(lost, 0) <= 0.5
    assert 5.0 <= source._pause_s(lost, 50) <= 10.0
    assert 5.0 <= source._pause_s(lost, 5000) <= 10.0  # a camera that was off for a night: it ended the worker
    assert len({source._pause_s(lost, 50) for _ in range(20)}) > 10
    assert source._pause_s(refused, 0) >= 15.0
    assert source._pause_s(changed, 0) == 0.0
    assert source._pause_s(changed, 3) > 0.0  # a camera that changes all the time


def test_a_new_picture_size_in_mid_stream_ends_the_connection_with_its_name(tmp_path, make_video):
    both = tmp_path / "both.h264"
    first, second = make_video(suffix=".h264"), make_video(width=96, height=64, suffix=".h264")
    both.write_bytes(first.read_bytes() + second.read_bytes())
    notes = Notes()
    fault = source_of(both, notes, analysed_fps=30.0).run_once(threading.Event())
    assert fault.code == faults.RESOLUTION_CHANGED
    assert len(notes.payloads) == 60
    assert {frame.width for frame in notes.frames} == {160}


def test_damaged_packets_cost_pictures_and_no_connection(tmp_path, make_video):
    content = bytearray(make_video(suffix=".h264", gop=5).read_bytes())
    noise = np.random.default_rng(4)
    for at in noise.integers(len(content) // 4, len(content), 40):
        content[at] ^= 0xFF
    damaged = tmp_path / "damaged.h264"
    damaged.write_bytes(bytes(content))
    notes = Notes()
    source = source_of(damaged, notes, analysed_fps=30.0)
    fault = source.run_once(threading.Event())
    assert fault.code in (faults.END_OF_STREAM, faults.RESOLUTION_CHANGED)
    assert notes.frames
    assert all(frame.i420.shape == (144, 160) for frame in notes.frames)


@pytest.mark.parametrize("broken", ["GroupDecoder._decoded", "i420"])
def test_a_decoder_that_fails_all_the_time_costs_pictures_and_no_recording(make_video, monkeypatch, broken):
    """Of libav's errors only one was taken for damage; any other ended the connection, and so the recording."""
    video, notes = make_video(seconds=20), Notes()
    source = source_of(video, notes, analysed_fps=30.0)
    monkeypatch.setattr(f"edge.adapters.av_source.{broken}", Mock(side_effect=av.error.PatchWelcomeError(1, "not yet")))
    fault = source.run_once(threading.Event())
    assert fault.code == faults.END_OF_STREAM
    assert (len(notes.payloads), notes.frames, source.status.frames_damaged) == (200, [], 200)


def test_a_camera_whose_pictures_cannot_be_decoded_is_asked_anew_ever_more_seldom():
    """It may have told its new format at the beginning alone; but each time cuts the recording."""
    decoder, asked_s = GroupDecoder(), []
    for at_s in range(4000):
        if decoder.has_failed_for_long(float(at_s)):
            asked_s.append(at_s)
            decoder.begin(None)
    assert asked_s[0] == 11
    waits_s = [later - earlier for earlier, later in pairwise(asked_s)]
    assert waits_s == sorted(waits_s)
    assert max(waits_s) == 602


def test_what_is_only_recorded_is_not_decoded_and_then_from_a_key_frame_on(make_video):
    video, notes = make_video(gop=10), Notes()
    source = source_of(video, notes, analysed_fps=30.0)
    source.look(False)
    taken = notes.packet

    def packet(*words):
        taken(*words)
        if len(notes.payloads) == 25:
            source.look(True)

    notes.packet = packet
    source.run_once(threading.Event())
    assert (source.status.frames_decoded, source.status.frames_damaged, len(notes.payloads)) == (30, 0, 60)
    assert not source.status.idle


def test_a_stop_ends_the_connection(make_video):
    notes, stop = Notes(), threading.Event()
    stop.set()
    assert source_of(make_video(), notes).run_once(stop).code == faults.STOPPED


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_an_unsupported_codec_is_named(make_video, tmp_path, codec):
    with av.open(str(tmp_path / "old.avi"), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p" if codec == "mpeg4" else "yuvj420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(64, 48, stream.pix_fmt)))
        container.mux(stream.encode())
    notes = Notes()
    fault = source_of(tmp_path / "old.avi", notes).run_once(threading.Event())
    assert fault.code == faults.UNSUPPORTED_CODEC
    assert codec in fault.sentence
    assert notes.infos == []


def test_a_password_appears_nowhere(caplog, capfd):
    secret = "p:a/s@s w0rd"
    address = StreamAddress("rtsp://127.0.0.1:1/x", "guard", secret)
    assert secret not in repr(address)
    assert address.secret_url() == "rtsp://guard:p%3Aa%2Fs%40s%20w0rd@127.0.0.1:1/x"
    notes, stop = Notes(), threading.Event()
    with caplog.at_level(logging.DEBUG):
        source = source_of("rtsp://127.0.0.1:1/x", notes, username="guard", password=secret)
        thread = threading.Thread(target=source.run, args=(stop,))
        thread.start()
        notes.wait_faults(1)
        stop.set()
        thread.join(5)
    out, err = capfd.readouterr()
    everything = "".join([caplog.text, out, err, repr(notes.faults), repr(source.status), repr(address)])
    assert "w0rd" not in everything
