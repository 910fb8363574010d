"""The virtual camera against real clients: libav over TCP and UDP, GStreamer, wrong passwords, faults, noise."""

import shutil
import socket
import subprocess
from dataclasses import replace
from itertools import islice, pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.access_unit import AccessUnit, split_nals
from edge.virtual_camera.digest import Account
from edge.virtual_camera.files import FileLoop, open_file
from edge.virtual_camera.media import Clip, PictureList, encode
from edge.virtual_camera.rtp import MAX_PAYLOAD_BYTES, Packetiser
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras

FPS, COUNT, STEP_S = 25.0, 30, 0.04


def picture(number: int) -> np.ndarray:
    image = np.full((96, 128, 3), 60, np.uint8)
    image[::3, ::5] = 90
    image[20:60, number * 3 : number * 3 + 20] = (200, 80, 40)
    return image


@pytest.fixture(scope="module", params=["h264", "hevc"])
def clip(request) -> Clip:
    return encode(PictureList([picture(number) for number in range(COUNT)], FPS), request.param)


@pytest.fixture(scope="module")
def h264() -> Clip:
    return encode(PictureList([picture(number) for number in range(COUNT)], FPS))


def read(url: str, count: int, transport: str = "tcp") -> list[av.VideoFrame]:
    options = {"rtsp_transport": transport, "analyzeduration": "300000"}
    with av.open(url, options=options, timeout=(5, 5)) as container:
        return list(islice(container.decode(video=0), count))


def stamps_of(frames: list[av.VideoFrame]) -> list[float]:
    # libav has no stamp for what came before the first RTCP report was taken in
    return [float(frame.pts * frame.time_base) for frame in frames if frame.pts is not None]


def test_a_clip_is_whole_and_starts_with_a_key(clip):
    assert len(clip.units) == COUNT
    assert clip.units[0].key
    assert clip.duration_s == pytest.approx(COUNT / FPS, abs=0.01)
    stamps = [unit.dts_s for unit in islice(clip.endless(), 3 * COUNT)]
    steps = {round(b - a, 3) for a, b in pairwise(stamps)}
    assert steps == {STEP_S}


@pytest.mark.system
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_client_sees_the_pictures(clip, transport):
    with serve_cameras([VirtualCamera("gate", clip)], SystemClock()) as server:
        frames = read(server.url("gate"), 12, transport)
    assert (frames[0].width, frames[0].height) == (128, 96)
    seen = frames[-1].to_ndarray(format="rgb24").astype(int)
    best = min(np.abs(seen - picture(number)).mean() for number in range(COUNT))
    assert best < 8
    stamps = stamps_of(frames)
    assert len(stamps) > 5
    assert all(b > a for a, b in pairwise(stamps))


@pytest.mark.system
def test_the_loop_goes_on_without_a_step(h264):
    short = Clip(h264.codec, h264.width, h264.height, h264.units[:10], 0.4)
    with serve_cameras([VirtualCamera("gate", short)], SystemClock()) as server:
        stamps = stamps_of(read(server.url("gate"), 30))
    assert {round(b - a, 2) for a, b in pairwise(stamps)} == {STEP_S}


@pytest.mark.system
def test_a_password_is_asked_for_and_checked(h264):
    camera = VirtualCamera("gate", h264, account=Account("guard", "a secret/ word"))
    with serve_cameras([camera], SystemClock()) as server:
        url = server.url("gate")
        right = url.replace("//", "//guard:a%20secret%2F%20word@")
        assert read(right, 1)
        with pytest.raises(av.error.HTTPUnauthorizedError):
            read(url.replace("//", "//guard:wrong@"), 1)
        with pytest.raises(av.error.HTTPUnauthorizedError):
            read(url, 1)
        server.fault("gate", "refuse")
        with pytest.raises(av.error.HTTPUnauthorizedError):
            read(right, 1)
        server.fault("gate", "refuse", on=False)
        assert read(right, 1)


@pytest.mark.system
def test_several_cameras_and_clients_at_once(h264):
    cameras = [VirtualCamera("one", h264, sub=h264), VirtualCamera("two", h264)]
    with serve_cameras(cameras, SystemClock()) as server:
        containers = [av.open(server.url(path), timeout=(5, 5)) for path in ("one", "one", "one/sub", "two")]
        assert all(len(list(islice(container.decode(video=0), 3))) == 3 for container in containers)
        for container in containers:
            container.close()
        with pytest.raises(av.error.HTTPNotFoundError):
            read(server.url("three"), 1)


@pytest.mark.system
def test_a_drawn_scene_is_coded_while_it_plays_and_both_who_watch_see_it():
    source = PictureList([picture(number) for number in range(COUNT)], FPS)
    camera = VirtualCamera("gate", source, sub=source, codec="h264")
    with serve_cameras([camera], SystemClock()) as server:
        for path in ("gate", "gate/sub"):
            seen = read(server.url(path), 5)[-1].to_ndarray(format="rgb24").astype(int)
            assert min(np.abs(seen - picture(number)).mean() for number in range(COUNT)) < 8


@pytest.mark.system
def test_pictures_come_in_real_time(h264):
    clock = SystemClock()
    with (
        serve_cameras([VirtualCamera("gate", h264)], clock) as server,
        av.open(server.url("gate"), timeout=(5, 5)) as container,
    ):
        packets = (packet for packet in islice(container.demux(video=0), 110) if packet.pts is not None)
        behind_s = [clock.monotonic_s() - float(packet.pts * packet.time_base) for packet in packets]
    # the first come at once, from the newest key frame on; the quickest count: a busy machine holds some up
    assert min(behind_s[40:70]) == pytest.approx(min(behind_s[70:]), abs=0.2)


@pytest.mark.system
def test_pictures_out_of_order_come_in_order(tmp_path):
    path = tmp_path / "b.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "b-adapt": "0", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 128, 96, "yuv420p", 15
        for number in range(COUNT):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
    clip = open_file(path)
    assert isinstance(clip, FileLoop)
    assert any(later.pts_s < earlier.pts_s for earlier, later in pairwise(islice(clip.endless(), COUNT)))
    with serve_cameras([VirtualCamera("gate", clip)], SystemClock()) as server:
        frames = read(server.url("gate"), COUNT + 10)
    stamps = stamps_of(frames)
    assert {round(b - a, 2) for a, b in pairwise(stamps)} == {STEP_S}
    seen = [frame.to_ndarray(format="rgb24").astype(int) for frame in frames]
    numbers = [min(range(COUNT), key=lambda n: np.abs(image - picture(n)).mean()) for image in seen]
    assert {(b - a) % COUNT for a, b in pairwise(numbers)} == {1}


@pytest.mark.system
def test_a_slow_client_loses_pictures_and_the_others_none(h264):
    ballast = b"\x06" + bytes(range(1, 251)) * 1000  # a message for decoders that none reads
    units = tuple(replace(unit, nals=(*unit.nals, ballast)) for unit in h264.units)
    fat = replace(h264, units=units)
    with (
        serve_cameras([VirtualCamera("gate", fat)], SystemClock()) as server,
        socket.create_connection(("127.0.0.1", server.port)) as slow,
    ):
        for head in ("SETUP {}/trackID=0 RTSP/1.0\r\nTransport: RTP/AVP/TCP;interleaved=0-1", "PLAY {} RTSP/1.0"):
            slow.sendall((head.format(server.url("gate")) + "\r\nCSeq: 1\r\n\r\n").encode())
        with av.open(server.url("gate"), timeout=(5, 5)) as quick:
            stamps = []
            for packet in islice(quick.demux(video=0), 1000):
                stamps += [] if packet.pts is None else [packet.pts]
                # both: on a busy machine the slow one has lost its pictures before the quick one has begun
                if server.pictures_dropped >= 10 and len(stamps) > 30:
                    break
    assert server.pictures_dropped >= 10
    assert {round((b - a) / 3600) for a, b in pairwise(stamps)} == {1}


@pytest.mark.system
@pytest.mark.parametrize("protocols", ["tcp", "udp"])
def test_gstreamer_plays_it_too(clip, protocols, tmp_path):
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("gst-launch-1.0 is not installed")
    codec, played = "h264" if clip.codec == "h264" else "h265", tmp_path / "pictures.i420"
    with serve_cameras([VirtualCamera("gate", clip, account=Account("u", "p"))], SystemClock()) as server:
        source = ["rtspsrc", f"location={server.url('gate')}", "user-id=u", "user-pw=p", f"protocols={protocols}"]
        pipeline = [*source, "!", f"rtp{codec}depay", "!", f"{codec}parse", "!", f"avdec_{codec}", "!"]
        sink = ["identity", "eos-after=10", "!", "filesink", f"location={played}"]
        command = ["gst-launch-1.0", "-q", *pipeline, *sink]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    # Not its exit status: once in a hundred runs GStreamer 1.22 can't send its PAUSE on a connection that stands.
    # Of the ten the last may already be the end.
    assert played.stat().st_size // (clip.width * clip.height * 3 // 2) in (9, 10), result.stderr


@pytest.mark.system
@settings(max_examples=40, derandomize=True, deadline=None)
@given(noise=st.binary(min_size=1, max_size=200))
def test_noise_harms_nobody(noise, running):
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as client:
        client.sendall(noise + b"\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as client:
        client.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert client.recv(100).startswith(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")


@pytest.fixture(scope="module")
def running(h264):
    with serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server:
        yield server


@settings(max_examples=50, derandomize=True)
@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5), codec=st.sampled_from(["h264", "hevc"]))
def test_fragments_join_to_the_same_picture(sizes, codec):
    head = bytes([0x65]) if codec == "h264" else bytes([0x26, 0x01])
    nals = tuple(head + bytes(number % 251 for number in range(size)) for size in sizes)
    packets = list(Packetiser(codec, 1, 65_530, 0).packets(AccessUnit(nals, 1.0, 1.0, True)))
    assert [int.from_bytes(p[2:4], "big") for p in packets] == [(65_530 + i) % 65_536 for i in range(len(packets))]
    assert [bool(p[1] & 0x80) for p in packets] == [False] * (len(packets) - 1) + [True]
    assert all(len(packet) <= MAX_PAYLOAD_BYTES + 12 for packet in packets)
    assert tuple(joined(codec, [packet[12:] for packet in packets])) == nals


def joined(codec: str, payloads: list[bytes]):
    fragment, size = (28, 1) if codec == "h264" else (49, 2)
    whole = b""
    for payload in payloads:
        kind = payload[0] & 0x1F if codec == "h264" else (payload[0] >> 1) & 0x3F
        if kind != fragment:
            yield payload
            continue
        mark = payload[size]
        if mark & 0x80:
            real = mark & 0x3F
            head = [(payload[0] & 0xE0) | real] if codec == "h264" else [(payload[0] & 0x81) | (real << 1), payload[1]]
            whole = bytes(head)
        whole += payload[size + 1 :]
        if mark & 0x40:
            yield whole


def test_units_are_split_at_both_start_codes():
    assert split_nals(b"\0\0\0\1ab\0\0\1cd\0\0\0\1e") == (b"ab", b"cd", b"e")
