"""An idle camera's key frames alone, the same pictures as ever, and all of them again within a group of pictures."""

import threading
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from edge.adapters.av_source import AvSource
from edge.adapters.group_decoder import LONGEST_REST_S, GroupDecoder
from edge.adapters.stream_address import StreamAddress
from edge.adapters.system_clock import SystemClock

FPS, GOP = 10, 20
WALKS_AT_S = 9.3  # in the middle of a group
STREAMS = [
    ("libx264", 0, False),
    ("libx264", 2, False),
    ("libx264", 2, True),
    ("libx265", 0, False),
    ("libx265", 3, False),
    ("libx265", 3, True),
]


class Pictures:
    """A listener that keeps the pictures, and calls `at` with each."""

    def __init__(self, at=lambda frame: None):
        self.frames, self.packets, self._at = [], 0, at
        self.connected = self.disconnected = lambda *_: None

    def packet(self, packet, media_s, captured_at_s):
        self.packets += 1

    def frame(self, frame):
        self.frames.append(frame)
        self._at(frame)


def read(video, pictures, fps=FPS, idle=False):
    source = AvSource("gate", StreamAddress(str(video)), pictures, SystemClock(), analysed_fps=fps, stall_s=4.0)
    source.rest(idle)
    pictures.source = source
    source.run_once(threading.Event())
    return source.status


@pytest.fixture(params=STREAMS, ids=lambda stream: f"{stream[0]}-{stream[1]}b{'-open' * stream[2]}")
def video(make_video, request):
    codec, b_frames, open_gop = request.param
    return make_video(codec, fps=FPS, gop=GOP, seconds=16, b_frames=b_frames, open_gop=open_gop,
                      still_s=((0.0, WALKS_AT_S),))  # fmt: skip


def times_s(pictures):
    return np.array([frame.media_s - pictures.frames[0].media_s for frame in pictures.frames])


def test_an_idle_camera_shows_its_key_frames_and_wakes_by_itself_with_whole_pictures(video):
    every, rested = Pictures(), Pictures(lambda frame: frame.number == 3 and rested.source.rest(True))
    full = read(video, every)
    status = read(video, rested)
    assert rested.packets == every.packets == 16 * FPS  # all go to the recorder
    assert status.frames_damaged == full.frames_damaged == 0
    at_s = times_s(rested)
    quiet_s = at_s[(at_s > GOP / FPS) & (at_s < WALKS_AT_S)]
    assert len(quiet_s) <= 5  # a key frame each, and those that a decoder held back
    assert np.diff(quiet_s).max() <= GOP / FPS + 1e-6
    woken_s = at_s[(at_s > WALKS_AT_S)]
    assert woken_s[0] <= WALKS_AT_S + GOP / FPS
    assert np.diff(woken_s) == pytest.approx(np.full(len(woken_s) - 1, 1 / FPS), abs=1e-6)  # and none is left out
    assert status.frames_decoded < full.frames_decoded - 50
    shown = {round(at * FPS): frame.i420 for at, frame in zip(times_s(every), every.frames, strict=True)}
    assert all((frame.i420 == shown[round(at * FPS)]).all() for at, frame in zip(at_s, rested.frames, strict=True))


def test_how_often_key_frames_come_is_told_with_each_picture(video):
    pictures = Pictures()
    read(video, pictures)
    told = [frame.key_every_s for frame in pictures.frames]
    assert told[0] == 0
    assert told[-1] == pytest.approx(GOP / FPS, abs=0.35)


def test_a_key_frame_is_out_at_once_even_where_pictures_are_sent_in_another_order(video):
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        decoder = GroupDecoder()
        decoder.begin(stream.codec_context)
        alone = []
        for packet in container.demux(stream):
            if packet.size:
                pictures = decoder.pictures(packet, float(packet.dts * packet.time_base))
                decoder.idle = True
                if packet.is_keyframe and decoder.rests:
                    alone.append(pictures[-1].pts == packet.pts)
    assert alone == [True] * 7


def keys_at(*moments_s):
    """Packets of a stream whose key frames come at these moments, one of other kinds each 0.1 s between; a decoder."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuv420p", Fraction(1, 10)
    encoder.gop_size, encoder.max_b_frames, encoder.thread_count = 10_000, 0, 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1", "sc_threshold": "0"}
    keys = {round(at_s * 10) for at_s in moments_s}
    packets = []
    for number in range(max(keys) + 1):
        frame = av.VideoFrame.from_ndarray(np.full((72, 64), number % 200, np.uint8), "yuv420p")
        frame.pts = number
        frame.pict_type = av.video.frame.PictureType.I if number in keys else av.video.frame.PictureType.NONE
        packets += encoder.encode(frame)
    assert [packet.pts for packet in packets if packet.is_keyframe] == sorted(keys)
    decoder = GroupDecoder()
    decoder.begin(av.CodecContext.create("h264", "r"))
    decoder.idle = True
    return packets, decoder


def shown_at(packets, decoder):
    shown = []
    for packet in packets:
        packet.time_base = Fraction(1, 10)
        shown += [picture.pts / 10 for picture in decoder.pictures(packet, packet.pts / 10)]
    return shown


def test_a_camera_whose_key_frames_are_far_between_does_not_rest():
    packets, decoder = keys_at(0, 3, 6, 9)
    assert shown_at(packets, decoder) == [number / 10 for number in range(91)]
    assert not decoder.rests


def test_a_key_frame_that_does_not_come_ends_the_rest_in_time():
    packets, decoder = keys_at(0, 1, 2, 3, 8, 9, 10)
    shown = shown_at(packets, decoder)
    assert shown[:10] == [number / 10 for number in range(10)]  # how often key frames come is not known yet
    assert [at_s for at_s in shown if 1 <= at_s <= 3] == [1.0, 2.0, 3.0]
    assert max(later - earlier for earlier, later in pairwise(shown)) <= LONGEST_REST_S + 0.1
    assert shown[-20:] == [number / 10 for number in range(81, 101)]  # and is not trusted any more


def test_a_rest_ended_from_outside_in_mid_group_loses_no_picture_from_then_on():
    packets, decoder = keys_at(0, 2, 4, 6)
    shown_at(packets[:45], decoder)
    assert decoder.rests
    decoder.idle = False
    assert shown_at(packets[45:], decoder) == [number / 10 for number in range(45, 61)]


def test_a_stream_renewed_strip_by_strip_is_decoded_in_full(tmp_path):
    """What it marks as key frames shows nothing alone: at rest such a camera was blind, and nothing could wake it."""
    path, noise = tmp_path / "strips.mp4", np.random.default_rng(1).integers(60, 160, (96, 160, 3), np.uint8)
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "threads": "1", "g": "10", "bf": "0", "x264-params": "intra-refresh=1"}
        stream = container.add_stream("libx264", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(noise, number, axis=1), "rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        stream, decoder = container.streams.video[0], GroupDecoder()
        decoder.begin(stream.codec_context)
        decoder.idle = True
        shown = [
            number
            for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size)
            if decoder.pictures(packet, number / 10)
        ]
    assert shown[-20:] == list(range(40, 60))
