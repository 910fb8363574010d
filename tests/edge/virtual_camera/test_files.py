"""Video files as loops and as pictures: sound ones bit for bit, odd ones coded anew, broken ones refused."""

from itertools import islice, pairwise

import av
import numpy as np
import pytest

from edge.virtual_camera.access_unit import MediaError, split_nals
from edge.virtual_camera.feed import loop_feed, source_feed
from edge.virtual_camera.files import FileLoop, FilePictures, open_file

COUNT, FPS = 30, 25


def picture(number: int, size=(96, 128)) -> np.ndarray:
    image = np.full((*size, 3), 60, np.uint8)
    image[20:60, number * 3 : number * 3 + 20] = (200, 80, 40)
    return image


def write(path, encoder, *, sizes=((96, 128),), pts=lambda number: number, gop=15, **options):
    """A file of COUNT pictures; returns its packets as they were written."""
    packets = []
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(encoder, rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 128, 96, "yuv420p", gop
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(number, sizes[number % len(sizes)]), format="rgb24")
            frame.pts = pts(number)
            for packet in stream.encode(frame):
                packets.append(bytes(packet))
                container.mux(packet)
        for packet in stream.encode():
            packets.append(bytes(packet))
            container.mux(packet)
    return packets


def no_faults() -> frozenset[str]:
    return frozenset()


@pytest.mark.parametrize(
    ("name", "encoder", "codec"),
    [
        ("a.mp4", "libx264", "h264"),
        ("a.mkv", "libx265", "hevc"),
        ("a.ts", "libx264", "h264"),
        ("a.ts", "libx265", "hevc"),
    ],
)
def test_a_sound_file_is_sent_bit_for_bit_again_and_again(tmp_path, name, encoder, codec):
    packets = write(tmp_path / name, encoder)
    loop = open_file(tmp_path / name)
    assert isinstance(loop, FileLoop)
    assert (loop.codec, loop.fps) == (codec, FPS)
    units = list(islice(loop_feed(loop, no_faults), 2 * COUNT + 5))
    assert units[0].key
    assert units[0].has_parameters(codec)
    assert {round(b.dts_s - a.dts_s, 3) for a, b in pairwise(units)} == {0.04}
    shown = sorted(unit.pts_s for unit in units[: 2 * COUNT])
    assert {round(b - a, 3) for a, b in pairwise(shown)} == {0.04}
    assert all(unit.pts_s >= unit.dts_s for unit in units)
    assert [unit.nals for unit in units[COUNT : 2 * COUNT]] == [unit.nals for unit in units[:COUNT]]
    # the picture's own data is among the NAL units; the container may have moved the parameter sets
    assert all(split_nals(packet)[-1] == unit.nals[-1] for packet, unit in zip(packets[1:], units[1:], strict=False))


@pytest.mark.parametrize(("name", "encoder"), [("a.avi", "mpeg4"), ("a.mkv", "mjpeg"), ("a.h264", "libx264")])
def test_what_no_camera_would_send_is_coded_anew(tmp_path, name, encoder):
    if encoder == "mjpeg":
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("mjpeg", rate=FPS)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p"
            for number in range(COUNT):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
            container.mux(stream.encode())
    else:
        write(tmp_path / name, encoder)
    source = open_file(tmp_path / name)
    assert isinstance(source, FilePictures)
    assert (source.width, source.height, source.fps, source.picture_count) == (128, 96, FPS, COUNT)
    for number in (0, 5, 29, 3):  # also backwards
        assert np.abs(source.picture(number).astype(int) - picture(number)).mean() < 8
    units = list(islice(source_feed(source, "h264", no_faults), COUNT + 1))
    assert [unit.key for unit in units][:2] == [True, False]
    assert units[COUNT].key


def test_a_step_in_the_recording_is_not_waited_for(tmp_path):
    """A recorder that was off for an hour, and one whose clock was set back."""
    write(tmp_path / "gap.mkv", "libx264", pts=lambda number: number + (90_000 if number >= 15 else 0))
    units = list(islice(open_file(tmp_path / "gap.mkv").endless(), COUNT + 3))
    assert {round(b.dts_s - a.dts_s, 2) for a, b in pairwise(units)} == {0.04}


def test_a_file_that_is_cut_off_is_played_as_far_as_it_goes(tmp_path):
    write(tmp_path / "whole.ts", "libx264")
    data = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "cut.ts").write_bytes(data[: len(data) * 2 // 3])
    units = list(islice(open_file(tmp_path / "cut.ts").endless(), 2 * COUNT))
    assert len(units) == 2 * COUNT
    assert all(b.dts_s > a.dts_s for a, b in pairwise(units))


def test_a_file_that_vanishes_ends_the_stream_with_a_sentence(tmp_path):
    path = tmp_path / "a.mp4"
    write(path, "libx264")
    units = loop_feed(open_file(path), no_faults)
    next(units)
    path.unlink()
    with pytest.raises(MediaError, match="can't be played"):
        list(islice(units, 2 * COUNT))


def test_what_can_not_be_played_is_told(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"nothing")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        for _ in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 8000
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for name in ("x.mp4", "missing.mp4", "sound.mp4"):
        with pytest.raises(MediaError, match=f"{name} can't be played"):
            open_file(tmp_path / name)
