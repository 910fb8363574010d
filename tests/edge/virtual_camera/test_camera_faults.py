"""Faults on command: each as a client sees it, on clips and on drawn scenes, for its time and no longer."""

import time
from itertools import islice, pairwise

import av
import numpy as np
import pytest

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.coder import LiveDecoder
from edge.virtual_camera.faults import PICTURE_FAULTS, FaultOrder, FaultState
from edge.virtual_camera.feed import loop_feed, source_feed
from edge.virtual_camera.media import Clip, PictureList, encode
from edge.virtual_camera.picture_faults import PictureSpoiler
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras

FPS, COUNT, WIDTH, HEIGHT = 10.0, 30, 128, 96
LIVE_FPS = 25.0  # where a client waits in real time
WRAP_S = 2**32 / 90_000


def picture(number: int) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    image[::3, ::5] = 90
    image[20:60, number * 3 : number * 3 + 20] = (200, 80, 40)
    return image


@pytest.fixture(scope="module", params=["h264", "hevc"])
def clip(request) -> Clip:
    return encode(PictureList([picture(number) for number in range(COUNT)], FPS), request.param)


@pytest.fixture(scope="module")
def h264() -> Clip:
    return encode(PictureList([picture(number) for number in range(COUNT)], LIVE_FPS))


def source() -> PictureList:
    return PictureList([picture(number) for number in range(COUNT)], FPS)


def decoded(codec, units):
    decoder = LiveDecoder(codec)
    pictures = [one for unit in units for one in decoder.decode(unit)]
    return [(image.astype(int), pts_s) for image, pts_s in pictures + decoder.rest()]


def grain(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image[..., 0], axis=1)).mean())


# Whether pictures from the middle of a fault show it: the last one, and the one before.
LOOKS = {
    "resolution": lambda last, _: last.shape == (HEIGHT // 2, WIDTH // 2, 3),
    "black": lambda last, _: last.mean() < 25,
    "covered": lambda last, _: last.std() < 15 and last.mean() > 30,
    "sprayed": lambda last, _: 3 < np.abs(last - picture(0)).mean() < 90,  # on its way, spot by spot
    "overexposed": lambda last, _: last.mean() > 240,
    "lamp_out": lambda last, _: last.mean() < 30 and last.max() < 60,
    "defocused": lambda last, _: grain(last) < 0.6 * grain(picture(0).astype(int)),
    "nudge": lambda last, _: last[17:19, :, 0].max() > 120,  # the block is further up
    "freeze": lambda last, before: np.abs(last - before).mean() < 3 and (last[40] - 60).max() > 80,
    "shake": lambda last, before: np.abs(last - before).mean() > 3,
    # what was at the right is at the left; still again
    "swing": lambda last, _: np.abs(last[:, : WIDTH // 8] - 60).mean() > 0 and np.abs(last - picture(0)).mean() > 3,
}


@pytest.mark.parametrize("fault", PICTURE_FAULTS)
@pytest.mark.parametrize("kind", ["clip", "source"])
def test_a_fault_of_the_picture_comes_and_goes(clip, fault, kind):
    on: set[str] = set()
    faults = lambda: frozenset(on)  # noqa: E731
    feed = loop_feed(clip, faults) if kind == "clip" else source_feed(source(), clip.codec, faults)
    sound = list(islice(feed, 13))
    on.add(fault)
    bad = list(islice(feed, 25))
    on.clear()
    again = list(islice(feed, 52))
    stamps = [unit.pts_s for unit in sound + bad + again]
    assert {round(b - a, 2) for a, b in pairwise(stamps)} == {0.1}  # one time line, without a step
    shown = [image for image, _ in decoded(clip.codec, sound + bad)]
    assert LOOKS[fault](shown[-1], shown[-2])
    if fault != "resolution":
        assert shown[12].shape == (HEIGHT, WIDTH, 3)
        assert np.abs(shown[12] - picture(12)).mean() < 8
    healthy, _ = decoded(clip.codec, sound + bad + again)[-1]
    assert np.abs(healthy - picture(89 % COUNT)).mean() < 8
    if kind == "clip":  # in the end the file's own packets, bit for bit
        assert again[-1].nals == clip.units[89 % COUNT].nals
        assert bad[-1].nals != clip.units[37 % COUNT].nals


def test_faults_add_up_and_are_the_same_in_every_run():
    on = frozenset({"shake", "resolution", "freeze"})
    runs = []
    for _ in range(2):
        spoiler = PictureSpoiler(FPS)
        runs.append([spoiler.spoilt(picture(number), number, on) for number in range(5)])
    assert all(np.array_equal(a, b) for a, b in zip(*runs, strict=True))
    assert runs[0][0].shape == (HEIGHT // 2, WIDTH // 2, 3)


def test_a_clip_that_is_small_gets_no_smaller_than_coders_take():
    tiny = np.zeros((34, 34, 3), np.uint8)
    assert PictureSpoiler(FPS).spoilt(tiny, 0, frozenset({"resolution"})).shape == (32, 32, 3)


def test_damage_is_seeded_and_as_much_as_ordered():
    packets = [bytes([128, 96, *number.to_bytes(2, "big")]) + bytes(200) for number in range(4000)]
    runs = []
    for _ in range(2):
        state = FaultState(seed=5)
        state.switch(FaultOrder("gate", "damage", amount=0.1))
        runs.append([state.damaged(packet) for packet in packets])
    assert runs[0] == runs[1]
    lost = sum(out is None for out in runs[0])
    turned = sum(out is not None and out != packet for out, packet in zip(runs[0], packets, strict=True))
    assert 140 < lost < 260
    assert 140 < turned < 260
    assert all(out is None or out[:14] == packet[:14] for out, packet in zip(runs[0], packets, strict=True))


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ({"fault": "fire"}, "there is no fault 'fire'"),
        ({"fault": "stall", "for_s": 0}, "more than 0"),
        ({"fault": "stall", "for_s": float("nan")}, "more than 0"),
        ({"fault": "stall", "amount": 1}, "has no amount"),
        ({"fault": "damage", "amount": 1.5}, "share"),
        ({"fault": "jump", "amount": float("inf")}, "ten million"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(order, text):
    with pytest.raises(ValueError, match=text):
        FaultOrder("gate", **order)


def exhaust(packets, limit: int) -> None:
    for _ in range(limit):
        next(packets)


@pytest.mark.system
def test_a_stall_is_silence_and_goes_on_from_the_newest_key_frame(h264):
    with serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server:
        with av.open(server.url("gate"), timeout=(5, 10)) as container:
            packets = container.demux(video=0)
            exhaust(packets, 25)
            server.fault("gate", "stall", for_s=2.5)
            assert server.faults("gate") == {"stall"}
            waits, stamps = [], []
            for _ in range(60):
                begun_s = time.monotonic()
                packet = next(packets)
                waits.append(time.monotonic() - begun_s)
                stamps.append((packet.pts, packet.is_keyframe))
            longest = max(range(60), key=waits.__getitem__)
            assert 1.5 < waits[longest] < 10
            assert server.faults("gate") == frozenset()
            # what comes after the silence can be decoded: it follows the last packet, or begins with a key frame
            step = stamps[longest][0] - stamps[longest - 1][0]
            assert stamps[longest][1] or step == 3600
            assert all(b > a for (a, _), (b, _) in pairwise(stamps))
        with av.open(server.url("gate"), timeout=(5, 1.0)) as container:
            frames = container.decode(video=0)
            next(frames)
            server.fault("gate", "stall")
            with pytest.raises(av.error.ExitError):
                list(islice(frames, 100))


@pytest.mark.system
def test_a_cut_is_the_end_and_one_can_come_back(h264):
    with serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server:
        with av.open(server.url("gate"), timeout=(5, 5)) as container:
            packets = container.demux(video=0)
            next(packets)
            server.fault("gate", "cut")
            with pytest.raises((av.FFmpegError, StopIteration)):
                exhaust(packets, limit=200)
        with av.open(server.url("gate"), timeout=(5, 5)) as container:
            assert next(container.decode(video=0)).width == WIDTH


@pytest.mark.system
@pytest.mark.parametrize(("amount", "jump_s"), [(None, 3600), (-500.0, -500)])
def test_time_stamps_jump_on_command(h264, amount, jump_s):
    with (
        serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server,
        av.open(server.url("gate"), timeout=(5, 5)) as container,
    ):
        packets = (packet for packet in container.demux(video=0) if packet.pts is not None)
        first = next(packets)
        server.fault("gate", "jump", amount=amount)
        steps = (float((packet.pts - first.pts) * packet.time_base) for packet in islice(packets, 80))
        jumped_s = next(step for step in steps if abs(step) > 100)
        assert jumped_s % WRAP_S == pytest.approx(jump_s % WRAP_S, abs=30)  # libav takes a step back for a wrap


@pytest.mark.system
def test_damage_is_seen_by_the_client_and_ends(h264):
    with (
        serve_cameras([VirtualCamera("gate", h264)], SystemClock()) as server,
        av.open(server.url("gate"), timeout=(5, 5)) as container,
    ):
        packets = container.demux(video=0)
        exhaust(packets, 35)
        sound = {bytes(packet) for packet in islice(packets, 40)}
        server.fault("gate", "damage", amount=0.6, for_s=30.0)
        later = [bytes(packet) for packet in islice(packets, 25)]
        assert sum(payload not in sound for payload in later) > 2
        server.fault("gate", "damage", on=False)
        exhaust(packets, 35)
        assert all(bytes(packet) in sound for packet in islice(packets, 10))


def watched(frames, width: int, until, limit: int = 250) -> bool:
    """Whether among the next pictures of a client there are some, `width` pixels wide, of which `until` holds."""
    last = None
    for frame in islice(frames, limit):
        image = frame.to_ndarray(format="rgb24").astype(int)
        if frame.width == width and last is not None and last.shape == image.shape and until(last, image):
            return True
        last = image
    return False


# What two pictures in a row of a client look like while a fault is on; see `picture` for the sound ones.
SEEN = {
    "black": lambda _, image: image.mean() < 25,
    "covered": lambda _, image: image.std() < 15 and image.mean() > 30,
    "sprayed": lambda _, image: 72 < image.mean() < 130,
    "overexposed": lambda _, image: image.mean() > 240,
    "lamp_out": lambda _, image: image.mean() < 30 and image.max() < 60,
    "nudge": lambda _, image: image[len(image) * 17 // 96 : len(image) * 19 // 96, :, 0].max() > 120,
    # the block moves in every sound picture
    "freeze": lambda before, image: np.abs(image - before).mean() < 0.3 and image[: len(image) * 2 // 3].max() > 150,
    # the lines of the ground move too
    "shake": lambda before, image: np.abs(image - before)[-len(image) // 4 :].mean() > 3,
    # what was in the middle is further up
    "swing": lambda _, image: (
        image[len(image) * 5 // 9 : len(image) * 6 // 10].max() < 130 and image[: len(image) * 2 // 3].std() > 8
    ),
    "resolution": lambda _, image: True,  # its width is asked for
}


def sound(_before: np.ndarray, image: np.ndarray) -> bool:
    """Whether it is one of the pictures that the camera was given."""
    step = HEIGHT // image.shape[0]
    return min(np.abs(image - picture(number)[::step, ::step]).mean() for number in range(COUNT)) < 9


@pytest.mark.system
@pytest.mark.parametrize("path", ["gate", "gate/sub"])
@pytest.mark.parametrize("fault", SEEN)  # all but `defocused`: at this size coding blurs as much
def test_a_client_of_either_stream_sees_each_fault_of_the_picture_and_its_end(h264, path, fault):
    half = encode(PictureList([picture(number)[::2, ::2].copy() for number in range(COUNT)], LIVE_FPS))
    width = WIDTH if path == "gate" else WIDTH // 2
    with (
        serve_cameras([VirtualCamera("gate", h264, sub=half)], SystemClock()) as server,
        av.open(server.url(path), timeout=(5, 5)) as container,
    ):
        frames = container.decode(video=0)
        assert watched(frames, width, sound)
        server.fault("gate", fault)
        assert watched(frames, width // 2 if fault == "resolution" else width, SEEN[fault])
        server.fault("gate", fault, on=False)
        assert watched(frames, width, sound)


@pytest.mark.system
@pytest.mark.parametrize("fault", ["stall", "refuse", "cut", "damage", "jump"])
def test_faults_of_the_stream_reach_the_sub_stream_too(h264, fault):
    with serve_cameras([VirtualCamera("gate", h264, sub=h264)], SystemClock()) as server:
        url = server.url("gate/sub")
        with av.open(url, timeout=(5, 1.5)) as container:
            packets = container.demux(video=0)
            whole = {bytes(packet) for packet in islice(packets, 60)}
            server.fault("gate", fault, amount=0.9 if fault == "damage" else None)
            if fault == "jump":
                stamps = [packet.pts for packet in islice(packets, 80) if packet.pts is not None]
                assert max(abs(b - a) for a, b in pairwise(stamps)) > 100 * 90_000
            elif fault == "damage":
                assert any(bytes(packet) not in whole for packet in islice(packets, 60))
            else:  # silence or the end
                with pytest.raises((av.FFmpegError, StopIteration)):
                    exhaust(packets, 500)
        server.fault("gate", fault, on=False)
        with av.open(url, timeout=(5, 5)) as container:
            assert next(container.decode(video=0)).width == WIDTH


@pytest.mark.system
def test_a_fault_of_one_camera_leaves_the_others_alone(h264):
    cameras = [VirtualCamera("one", h264), VirtualCamera("two", h264)]
    with serve_cameras(cameras, SystemClock()) as server:
        server.fault("one", "stall")
        server.fault("one", "black")
        with av.open(server.url("two"), timeout=(5, 5)) as container:
            assert all(f.to_ndarray(format="gray").mean() > 50 for f in islice(container.decode(video=0), 12))
        with pytest.raises(KeyError):
            server.fault("three", "stall")
        with pytest.raises(ValueError, match="there is no fault"):
            server.fault("one", "fire")
