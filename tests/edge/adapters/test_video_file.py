"""A video file that breaks off is told from one that is whole, by what it says of itself."""

import av
import pytest

from edge.adapters.video_file import VideoFile, VideoFileError
from edge.virtual_camera.access_unit import MediaError
from edge.virtual_camera.files import open_file

FORMATS = {
    "fast.mp4": {"movflags": "faststart"},
    "fragments.mp4": {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    "some.mkv": {},
    "some.flv": {},
    "some.ts": {},
}


def remuxed(source, target, options):
    with av.open(str(source)) as given, av.open(str(target), "w", options=options) as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    return target


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_whole_file_is_whole(make_video, tmp_path, name, b_frames):
    path = remuxed(make_video(b_frames=b_frames), tmp_path / name, FORMATS[name])
    file = VideoFile(path, "gate", 10)
    assert len(list(file)) == 60
    assert not file.ends_early
    assert file.missing_s < 0.5  # how files round


@pytest.mark.parametrize(
    ("name", "missing_s"), [("fast.mp4", 3), ("fragments.mp4", 0), ("some.mkv", 3), ("some.flv", 3)], ids=str
)
def test_a_file_that_breaks_off_is_told(make_video, tmp_path, name, missing_s):
    path = remuxed(make_video(gop=5), tmp_path / name, FORMATS[name])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    file = VideoFile(path, "gate", 10)
    seen = len(list(file))
    assert 15 < seen < 45
    assert file.ends_early
    assert abs(file.missing_s - (6 - seen / 10 if missing_s else 0)) < 0.5


def test_a_file_without_its_index_can_not_be_read(make_video, tmp_path):
    path = remuxed(make_video(), tmp_path / "plain.mp4", {})
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(VideoFileError, match="can't be read as a video"):
        list(VideoFile(path, "gate", 10))


def test_damage_in_the_middle_is_counted(make_video, tmp_path):
    whole = make_video(seconds=6, gop=10).read_bytes()
    broken = tmp_path / "broken.mp4"
    middle = len(whole) // 2
    broken.write_bytes(whole[:middle] + bytes(2000) + whole[middle + 2000 :])
    file = VideoFile(broken, "gate", 10.0)
    seen = len(list(file))
    assert file.damaged > 0
    assert seen + file.damaged <= 60
    assert not file.ends_early


def test_a_file_whose_codec_is_unknown_is_refused_in_words(make_video, tmp_path):
    path = tmp_path / "odd.mp4"
    path.write_bytes(make_video().read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(VideoFileError, match="coded in a way that is not known"):
        list(VideoFile(path, "gate", 10.0))
    with pytest.raises(MediaError, match="no video that is known"):
        open_file(path)
