"""The virtual camera against real clients: libav over TCP and UDP, GStreamer, wrong passwords, faults, noise."""

import shutil
import socket
import subprocess
from itertools import islice, pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.digest import Account
from edge.virtual_camera.faults import PICTURE_FAULTS, faulty
from edge.virtual_camera.media import AccessUnit, Clip, MediaError, PictureList, encode, load_file, split_nals
from edge.virtual_camera.rtp import MAX_PAYLOAD_BYTES, Packetiser
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras
from edge.virtual_camera.rtsp_session import BadRequestError, parse_request

FPS, COUNT = 10.0, 30


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


def exhaust(packets, limit: int) -> None:
    for _ in range(limit):
        next(packets)


def test_a_clip_is_whole_and_starts_with_a_key(clip):
    assert len(clip.units) == COUNT
    assert clip.units[0].key
    assert clip.duration_s == pytest.approx(COUNT / FPS, abs=0.01)
    stamps = [unit.dts_s for unit in islice(clip.endless(), 3 * COUNT)]
    steps = {round(b - a, 3) for a, b in pairwise(stamps)}
    assert steps == {0.1}


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
    short = Clip(h264.codec, h264.width, h264.height, h264.units[:10], 1.0)
    with serve_cameras([VirtualCamera("gate", short)], SystemClock()) as server:
        stamps = stamps_of(read(server.url("gate"), 30))
    assert {round(b - a, 2) for a, b in pairwise(stamps)} == {0.1}


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
def test_a_stall_is_silence_and_a_cut_is_the_end(h264):
    with serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server:
        with av.open(server.url("gate"), timeout=(5, 1.0)) as container:
            frames = container.decode(video=0)
            next(frames)
            server.fault("gate", "stall")
            with pytest.raises(av.error.ExitError):
                list(islice(frames, 100))
        server.fault("gate", "stall", on=False)
        with av.open(server.url("gate"), timeout=(5, 5)) as container:
            packets = container.demux(video=0)
            next(packets)
            server.fault("gate", "cut")
            with pytest.raises((av.FFmpegError, StopIteration)):
                exhaust(packets, limit=200)
        assert read(server.url("gate"), 1)


@pytest.mark.system
def test_time_stamps_jump_on_command(h264):
    with (
        serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server,
        av.open(server.url("gate")) as container,
    ):
        packets = container.demux(video=0)
        first = next(packet for packet in packets if packet.pts is not None)
        server.fault("gate", "jump")
        later = next(p for p in packets if p.pts is not None and (p.pts - first.pts) * float(p.time_base) > 1000)
        assert (later.pts - first.pts) * float(later.time_base) == pytest.approx(3600, abs=30)


@pytest.mark.parametrize("fault", PICTURE_FAULTS)
def test_each_fault_of_the_picture_shows(h264, fault):
    bad = faulty(h264, fault)
    if fault == "resolution":
        assert (bad.width, bad.height) == (64, 48)
        return
    assert (bad.width, bad.height) == (128, 96)
    decoder = av.CodecContext.create("h264", "r")
    frames = []
    for unit in bad.units:
        packet = av.Packet(b"".join(b"\x00\x00\x00\x01" + nal for nal in unit.nals))
        frames += [frame.to_ndarray(format="rgb24").astype(int) for frame in decoder.decode(packet)]
    middle = len(frames) // 2
    if fault == "black":
        assert frames[middle].mean() < 25
    elif fault == "covered":
        assert frames[middle].std() < 12
    elif fault == "freeze":
        assert np.abs(frames[middle] - frames[1]).mean() < 3
    else:
        assert np.abs(frames[middle] - picture(middle)).mean() > 3


@pytest.mark.system
def test_the_picture_turns_black_and_comes_back(h264):
    with (
        serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server,
        av.open(server.url("gate")) as container,
    ):
        frames = container.decode(video=0)
        next(frames)
        server.fault("gate", "black")
        assert any(frame.to_ndarray(format="gray").mean() < 25 for frame in islice(frames, 60))
        server.fault("gate", "black", on=False)
        assert any(frame.to_ndarray(format="gray").mean() > 50 for frame in islice(frames, 60))


@pytest.mark.system
@pytest.mark.parametrize("protocols", ["tcp", "udp"])
def test_gstreamer_plays_it_too(clip, protocols):
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("gst-launch-1.0 is not installed")
    codec = "h264" if clip.codec == "h264" else "h265"
    with serve_cameras([VirtualCamera("gate", clip, account=Account("u", "p"))], SystemClock()) as server:
        source = ["rtspsrc", f"location={server.url('gate')}", "user-id=u", "user-pw=p", f"protocols={protocols}"]
        pipeline = [*source, "!", f"rtp{codec}depay", "!", f"{codec}parse", "!", f"avdec_{codec}", "!"]
        command = ["gst-launch-1.0", "-q", *pipeline, "identity", "eos-after=10", "!", "fakesink", "sync=false"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


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


@settings(max_examples=200, derandomize=True)
@given(st.text(max_size=80))
def test_a_request_is_parsed_or_refused(text):
    try:
        request = parse_request(text)
    except BadRequestError:
        return
    assert request.method.isalpha()


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


def test_what_can_not_be_played_is_told(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"nothing")
    for path in (tmp_path / "x.mp4", tmp_path / "missing.mp4"):
        with pytest.raises(MediaError, match="can't be played"):
            load_file(path)
