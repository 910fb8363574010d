"""Clips hold the camera's packets bit for bit, say truly what they hold, and appear whole or not at all."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import tracemalloc
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.adapters import clip_writer
from edge.adapters.av_source import StreamInfo
from edge.adapters.clip_writer import DamagedRecording, Gap, NoRecording, write_clip
from edge.adapters.recorded_picture import recorded_picture
from edge.adapters.recorder import Recorder
from edge.adapters.segments import list_segments

EPOCH_S = 1_790_000_000.0
ROOM = 10**9


@pytest.mark.parametrize(("codec", "tag", "name"), [("libx264", "avc1", "h264"), ("libx265", "hvc1", "hevc")])
def test_a_clip_over_several_segments_is_the_sources_packets(
    tmp_path, make_video, record, payloads_of, codec, tag, name
):
    fed = record(Recorder(tmp_path, 2.0, ROOM), make_video(codec))
    out = tmp_path / "clips" / "clip.mp4"
    facts = write_clip(tmp_path, EPOCH_S + 1.25, EPOCH_S + 4.5, out)
    assert payloads_of(out) == fed.payloads[10:46]
    assert (facts.codec, facts.width, facts.height, facts.frames, facts.gaps) == (name, 160, 96, 36, ())
    assert facts.begins_at_s == pytest.approx(EPOCH_S + 1.0, abs=0.002)
    assert facts.ends_at_s == pytest.approx(EPOCH_S + 4.6, abs=0.002)
    assert facts.bytes == out.stat().st_size
    assert facts.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert b"moof" not in content
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec_tag == tag
        pictures = [picture.time for picture in container.decode(stream)]
    assert pictures[0] == 0
    assert [later - earlier for earlier, later in pairwise(pictures)] == pytest.approx([0.1] * 35, abs=1e-4)
    assert [path.name for path in out.parent.iterdir()] == ["clip.mp4"]


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.0, 5.9), st.floats(0.0, 6.0))
def test_a_clip_covers_what_was_asked_and_begins_with_a_key_frame(tmp_path, make_video, record, begin, length):
    if not list_segments(tmp_path):
        record(Recorder(tmp_path, 2.0, ROOM), make_video())
    out = tmp_path / "clip.mp4"
    facts = write_clip(tmp_path, EPOCH_S + begin, EPOCH_S + begin + length, out)
    assert EPOCH_S + begin - 1.0 <= facts.begins_at_s <= EPOCH_S + begin + 1e-3
    assert facts.ends_at_s >= min(EPOCH_S + begin + length, EPOCH_S + 6.0) - 1e-3
    with av.open(str(out)) as container:
        first = next(packet for packet in container.demux(video=0) if packet.size)
        assert first.is_keyframe


def test_pictures_in_another_order_come_out_in_the_right_one(tmp_path, make_video, record):
    video = make_video(b_frames=2)
    record(Recorder(tmp_path, 2.0, ROOM), video)
    out = tmp_path / "clip.mp4"
    write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, out)
    with av.open(str(video)) as made, av.open(str(out)) as cut:
        wanted, found = ([frame.to_ndarray() for frame in c.decode(video=0)] for c in (made, cut))
    with av.open(str(out)) as cut:
        times = [frame.time for frame in cut.decode(video=0)]
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([0.1] * 59, abs=1e-4)
    assert len(found) == len(wanted)
    assert all((a == b).all() for a, b in zip(found, wanted, strict=True))


def test_a_hole_in_the_recording_is_told_and_kept(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 2.0, ROOM)
    record(recorder, make_video(), EPOCH_S)
    record(recorder, make_video(), EPOCH_S + 20)
    out = tmp_path / "clip.mp4"
    facts = write_clip(tmp_path, EPOCH_S - 3, EPOCH_S + 30, out)
    assert facts.gaps == (
        Gap(EPOCH_S - 3, EPOCH_S),
        Gap(EPOCH_S + 6, EPOCH_S + 20),
        Gap(EPOCH_S + 26, EPOCH_S + 30),
    )
    with av.open(str(out)) as container:
        times = [picture.time for picture in container.decode(video=0)]
    assert times[-1] == pytest.approx(25.9, abs=0.01)
    assert max(later - earlier for earlier, later in pairwise(times)) == pytest.approx(14.1, abs=0.01)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_clip_that_would_be_too_large_ends_earlier_and_says_so(tmp_path, make_video, record, payloads_of, b_frames):
    fed = record(Recorder(tmp_path, 2.0, ROOM), make_video(b_frames=b_frames))
    out, most = tmp_path / "clip.mp4", sum(map(len, fed.payloads[:33])) + 1
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, out, most_bytes=most)
    assert payloads_of(out) == fed.payloads[:33]
    assert facts.gaps == (Gap(facts.ends_at_s, EPOCH_S + 6),)
    assert 3.1 <= facts.ends_at_s - facts.begins_at_s <= 3.31
    with pytest.raises(NoRecording):
        write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, out, most_bytes=len(fed.payloads[0]) - 1)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_hole_inside_a_segment_is_told(tmp_path, make_video, b_frames):
    recorder = Recorder(tmp_path, 60.0, ROOM)
    with av.open(str(make_video(b_frames=b_frames))) as container:
        stream = container.streams.video[0]
        recorder.connected(StreamInfo("h264", 160, 96, stream.time_base, 10.0), stream)
        for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
            late_s = 3.0 if number >= 30 else 0.0  # the camera hung for three seconds and went on by itself
            packet.dts += round(late_s / packet.time_base)
            packet.pts += round(late_s / packet.time_base)
            recorder.packet(packet, number / 10 + late_s, EPOCH_S + number / 10 + late_s)
        recorder.close()
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 9, tmp_path / "clip.mp4")
    (gap,) = facts.gaps
    assert gap.begins_at_s == pytest.approx(EPOCH_S + 3.0, abs=0.4)
    assert gap.ends_at_s - gap.begins_at_s == pytest.approx(3.0, abs=0.01)
    assert write_clip(tmp_path, EPOCH_S + 7, EPOCH_S + 9, tmp_path / "clip.mp4").gaps == ()


def test_pictures_that_are_rare_are_no_holes(tmp_path, make_video, record):
    record(Recorder(tmp_path, 60.0, ROOM), make_video(fps=1, seconds=12, gop=2, b_frames=0))
    assert write_clip(tmp_path, EPOCH_S, EPOCH_S + 12, tmp_path / "clip.mp4").gaps == ()


def test_no_moment_is_shown_twice_where_a_new_connection_repeats_pictures(tmp_path, make_video, record, payloads_of):
    recorder = Recorder(tmp_path, 60.0, ROOM)
    fed = record(recorder, make_video(), EPOCH_S, only=slice(0, 25))
    again = record(recorder, make_video(), EPOCH_S + 2, only=slice(20, None))
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, tmp_path / "clip.mp4")
    assert payloads_of(tmp_path / "clip.mp4") == fed.payloads[:20] + again.payloads
    assert facts.gaps == ()
    assert facts.frames == 60


def test_of_two_picture_formats_the_longer_one_is_kept(tmp_path, make_video, record):
    recorder = Recorder(tmp_path, 2.0, ROOM)
    record(recorder, make_video(seconds=3), EPOCH_S)
    record(recorder, make_video(width=96, height=64), EPOCH_S + 3)
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 9, tmp_path / "clip.mp4")
    assert (facts.width, facts.frames) == (96, 60)
    assert facts.gaps == (Gap(EPOCH_S, EPOCH_S + 3),)


def test_the_segment_being_written_is_part_of_the_clip(tmp_path, make_video, record, payloads_of):
    recorder = Recorder(tmp_path, 4.0, ROOM)
    fed = record(recorder, make_video(), close=False)
    facts = write_clip(tmp_path, EPOCH_S + 3, EPOCH_S + 10, tmp_path / "clip.mp4")
    assert facts.frames >= 20
    assert payloads_of(tmp_path / "clip.mp4") == fed.payloads[30 : 30 + facts.frames]
    assert facts.gaps == (Gap(facts.ends_at_s, EPOCH_S + 10),)
    recorder.close()


def test_a_span_without_pictures_is_told_in_a_sentence(tmp_path, make_video, record):
    record(Recorder(tmp_path, 2.0, ROOM), make_video())
    with pytest.raises(NoRecording, match=r"in the 10 s from 2026-09-\d\d .* UTC: .* \(raise recording\.max_bytes\)"):
        write_clip(tmp_path, EPOCH_S + 60, EPOCH_S + 70, tmp_path / "clip.mp4")
    with pytest.raises(NoRecording):
        write_clip(tmp_path / "nowhere", EPOCH_S, EPOCH_S + 70, tmp_path / "clip.mp4")


def test_a_damaged_segment_costs_itself_only(tmp_path, make_video, record):
    record(Recorder(tmp_path, 2.0, ROOM), make_video())
    list_segments(tmp_path)[1].path.write_bytes(b"no video at all")
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, tmp_path / "clip.mp4")
    assert facts.frames == 40
    assert facts.gaps == (Gap(EPOCH_S + 2, EPOCH_S + 4),)


def test_a_segment_whose_codec_was_damaged_away_costs_itself_only(tmp_path, make_video, record):
    record(Recorder(tmp_path, 2.0, ROOM), make_video())
    second = list_segments(tmp_path)[1].path
    second.write_bytes(second.read_bytes().replace(b"avc1", b"zzz1"))
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 6.0, tmp_path / "clip.mp4")
    assert facts.frames == 40
    assert recorded_picture(tmp_path, "gate", EPOCH_S + 3.9).captured_at_s == pytest.approx(EPOCH_S + 1.9, abs=0.002)


def test_a_folder_that_cant_be_written_to_leaves_nothing_behind(tmp_path, make_video, record):
    record(Recorder(tmp_path, 2.0, ROOM), make_video())
    out = tmp_path / "taken"
    out.mkdir()
    (out / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, out)
    assert not (tmp_path / "taken.part").exists()


def test_a_long_clip_is_bit_for_bit_and_takes_no_more_memory_than_a_short_one(tmp_path, record, payloads_of):
    video = tmp_path / "noise.mp4"
    noise = np.random.default_rng(5)
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "1", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(40):
            picture = av.VideoFrame.from_ndarray(noise.integers(0, 256, (240, 320, 3), np.uint8), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    recorder, fed = Recorder(tmp_path / "recorded", 4.0, ROOM), []
    for turn in range(20):
        fed += record(recorder, video, EPOCH_S + turn * 4).payloads
    out = tmp_path / "clip.mp4"
    tracemalloc.start()
    facts = write_clip(tmp_path / "recorded", EPOCH_S, EPOCH_S + 80, out)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (facts.frames, facts.gaps) == (800, ())
    assert payloads_of(out) == fed
    assert facts.bytes > 40_000_000
    assert peak_bytes < 4_000_000


def test_a_segment_deleted_while_the_clip_is_made_is_an_error_that_may_be_tried_again(
    tmp_path, make_video, record, monkeypatch
):
    record(Recorder(tmp_path, 2.0, ROOM), make_video())
    whole = clip_writer._of_one_format

    def overwritten_meanwhile(pieces):
        pieces[1].segment.path.unlink()
        return whole(pieces)

    monkeypatch.setattr(clip_writer, "_of_one_format", overwritten_meanwhile)
    with pytest.raises(FileNotFoundError):
        write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, tmp_path / "clip.mp4")
    assert not list(tmp_path.glob("*.part"))
    monkeypatch.undo()
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, tmp_path / "clip.mp4")
    assert facts.gaps == (Gap(EPOCH_S + 2, EPOCH_S + 4),)


@pytest.mark.system
@pytest.mark.skipif(shutil.which("cvlc") is None, reason="VLC is not installed")
@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_vlc_plays_a_clip_to_its_end(tmp_path, make_video, record, codec, name):
    record(Recorder(tmp_path, 2.0, ROOM), make_video(codec))
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # VLC refuses to run as root, and others can't see into tmp_path
        write_clip(tmp_path, EPOCH_S, EPOCH_S + 1, Path(folder) / "clip.mp4")
        command = ["cvlc", "-vv", "--intf", "dummy", "--vout", "dummy", "--no-audio", "--play-and-exit"]
        played = subprocess.run(
            [*command, f"{folder}/clip.mp4"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            user="nobody" if os.geteuid() == 0 else None,
            env={**os.environ, "HOME": folder},
        )
    assert f"codec ({name}) started" in played.stderr
    assert "Received first picture" in played.stderr
    assert "EOF reached" in played.stderr


def test_a_segment_that_rotted_is_no_evidence_and_is_told_as_a_gap(tmp_path, make_video, record):
    record(Recorder(tmp_path, 2.0, ROOM), make_video())
    rotten = list_segments(tmp_path)[1].path
    facts = write_clip(tmp_path, EPOCH_S, EPOCH_S + 6, tmp_path / "clip.mp4", lambda path: path != rotten)
    assert facts.gaps == (Gap(EPOCH_S + 2, EPOCH_S + 4),)
    assert facts.frames == 40
    with pytest.raises(DamagedRecording, match="damaged on the box's disk"):
        write_clip(tmp_path, EPOCH_S + 2.5, EPOCH_S + 3.5, tmp_path / "none.mp4", lambda path: path != rotten)
