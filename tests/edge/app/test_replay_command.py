"""`gatehouse edge replay`: the whole pipeline on a file, the same bytes each time; no bad file ends in a trace."""

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from edge.app.cli import app
from models.add import add
from models.registry import Registry

ALL = "all=0,0 1,0 1,1 0,1"
CONFIG = """
node: {name: box, state_dir: state, timezone: Asia/Ho_Chi_Minh}
broker: {host: 127.0.0.1, tls: false, password_file: not-here}
console: {url: "http://127.0.0.1:9", token_file: not-here}
cameras:
  - name: gate
    url: rtsp://192.0.2.1/a
    analysed_fps: 5
    zones: [{name: z, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]
    rules: [{kind: loitering, zone: z, dwell_s: 3, armed: [{begins: "07:30", ends: "16:00"}]}]
  - {name: yard, url: "rtsp://192.0.2.1/b"}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bright_network):
    """A folder with a network that takes bright pictures for a person, and a video: dark 2 s, bright 6 s, dark 4 s."""
    folder = tmp_path_factory.mktemp("replay")
    add(Registry(folder / "data" / "gatehouse" / "models"), bright_network)
    with av.open(str(folder / "video.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(120):
            shown = np.full((96, 128, 3), 235 if 20 <= number < 80 else 20, np.uint8)
            arm_px = 54 + 2 * abs(number % 18 - 9)  # what never moves is nobody
            shown[20:40, arm_px : arm_px + 6] //= 2
            picture = av.VideoFrame.from_ndarray(shown, "rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    (folder / "edge.yaml").write_text(CONFIG)
    return folder


@pytest.fixture
def replay(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words, video=folder / "video.mp4"):
        return CliRunner().invoke(app, ["replay", str(video), *map(str, words)])

    return run


def refused(result) -> str:
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result.output


def test_events_tracks_and_figures_come_out_and_twice_the_same_bytes(replay, tmp_path):
    hashes = set()
    for turn in ("1", "2"):
        words = ["--zone", ALL, "--loiter", "3", "--fps", "5", "--events", f"e{turn}", "--tracks", f"t{turn}"]
        result = replay(*words, "--stats", "s.json")
        assert result.exit_code == 0, result.output
        assert "video.mp4: 1 loitering" in result.output
        files = [(tmp_path / f"{kind}{turn}").read_bytes() for kind in "et"]
        hashes.add(tuple(hashlib.sha256(content).hexdigest() for content in files))
    assert len(hashes) == 1
    events = [json.loads(line) for line in (tmp_path / "e1").read_text().splitlines()]
    assert [event["state"] for event in events] == ["open", "closed"]
    for event in events:
        needed = {"rule", "state", "zone", "camera", "media_s", "dwell_s", "box", "event_id", "revision"}
        assert needed <= event.keys()
        assert (event["rule"], event["zone"]) == ("loitering", "all")
        assert all(0 <= side <= 1 for side in event["box"])
    assert 5.0 <= events[0]["media_s"] <= 5.4  # in the zone from 2.0, for 3 s
    assert 3.0 <= events[0]["dwell_s"] <= 3.4
    assert [event["revision"] for event in events] == [1, 2]
    rows = [line.split(",") for line in (tmp_path / "t1").read_text().splitlines()]
    assert {row[1] for row in rows} == {"1"}
    assert [int(row[0]) for row in rows][:2] == [23, 25]
    figures = json.loads((tmp_path / "s.json").read_text())
    wall = {key: figures.pop(key) for key in ("wall_s", "analysed_fps", "times_real_time")}
    assert all(value > 0 for value in wall.values())
    assert figures == {
        "video": "video.mp4",
        "model": "bright",
        "width": 128,
        "height": 96,
        "last_source_frame": 119,
        "frames_analysed": 60,
        "detections": 30,
        "persons": 1,
        "media_s": 11.8,
        "ends_early": False,
        "missing_s": 0.0,
        "damaged": 0,
        "events": {"loitering": 1},
    }


def test_a_camera_of_a_configuration_is_played_without_its_secrets(replay):
    result = replay("--config", "../edge.yaml", "--camera", "gate", "--begins", "2026-11-24T08:00")
    assert "../edge.yaml can't be used" in refused(result)


def test_armed_hours_count_from_the_moment_that_is_given(replay, folder, tmp_path):
    words = ["--config", folder / "edge.yaml", "--camera", "gate"]
    assert "say when the video begins with --begins" in refused(replay(*words))
    assert "1 loitering" in replay(*words, "--begins", "2026-11-24T08:00").output
    assert "no events" in replay(*words, "--begins", "2026-11-24T17:00").output
    assert "1 loitering" in replay(*words, "--begins", "2026-11-24T01:00:00+00:00", "--events", "e").output
    first = json.loads((tmp_path / "e").read_text().splitlines()[0])
    assert first["opened_at_s"] == pytest.approx(1795482000 + 5.0, abs=0.4)
    assert (first["camera"], first["zone"]) == ("gate", "z")
    assert replay("--config", folder / "edge.yaml", "--camera", "yard").exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--zone", "a=0,0 1,1"], "at least three corners"),
        (["--zone", "a=0,0 1,1 0,1 1,0"], "crosses the edge"),
        (["--zone", "a b=0,0 1,1 0,1"], "letters, digits, - and _"),
        (["--zone", "a=0,0 1,1 nan,1"], "finite"),
        (["--zone", "a=0,0 1,0 2,1"], "less than or equal to 1"),
        (["--zone", "a"], "at least three corners"),
        (["--zone", "a=0,0 1;1 0,1"], "write it as NAME="),
        (["--zone", ALL, "--zone", ALL], "two zones are named 'all'"),
        (["--zone", ALL, "--loiter", "0"], "--loiter 0: give seconds from 1 to 7200"),
        (["--zone", ALL, "--loiter", "nan"], "--loiter nan"),
        (["--zone", ALL, "--loiter", "-4"], "--loiter -4"),
        (["--zone", ALL, "--grace", "-1"], "--grace -1: give seconds"),
        (["--loiter", "5"], "--loiter needs a zone"),
        (["--fps", "0"], "--fps 0: give frames a second"),
        (["--fps", "inf"], "--fps inf"),
        (["--fps", "often"], "--fps"),
        (["--model", "nope"], "there is no network 'nope'"),
        (["--model", "nope.onnx"], "can't be read"),
        (["--events", "no/such/folder"], "can't be written (No such file"),
        (["--stats", "."], "can't be written (Is a directory)"),
        (["--camera", "gate"], "add --config FILE"),
        (["--begins", "soon"], "write it like 2026-11-24T07:30"),
        (["--config", "nothing.yaml"], "can't be read: No such file"),
    ],
)
def test_options_that_make_no_sense_are_told_with_their_cure(replay, words, told):
    assert told in refused(replay(*words))


def test_options_beside_a_configuration(replay, folder):
    config = ["--config", folder / "edge.yaml"]
    assert "--camera ?: the file has the cameras gate, yard" in refused(replay(*config))
    assert "--camera x: the file has" in refused(replay(*config, "--camera", "x"))
    for words in (["--zone", ALL], ["--loiter", "5"], ["--grace", "1"]):
        assert "--config brings zones and rules of its own" in refused(replay(*config, "--camera", "yard", *words))
    assert "--fps 99" in refused(replay(*config, "--camera", "yard", "--fps", "99"))
    assert "no network 'x'" in refused(replay(*config, "--camera", "yard", "--model", "x"))


def test_the_video_is_never_overwritten(replay, folder):
    before = (folder / "video.mp4").read_bytes()
    for option in ("--events", "--tracks", "--stats"):
        assert "is the video itself" in refused(replay(option, folder / "video.mp4"))
    assert (folder / "video.mp4").read_bytes() == before


def test_no_output_destroys_an_input_or_another_output(replay, folder, tmp_path, bright_network):
    before = bright_network.read_bytes()
    assert "is the network itself" in refused(replay("--model", bright_network, "--stats", bright_network))
    assert bright_network.read_bytes() == before
    config = ["--config", folder / "edge.yaml", "--camera", "yard"]
    assert "is the configuration itself" in refused(replay(*config, "--events", folder / "edge.yaml"))
    (tmp_path / "link").symlink_to(tmp_path / "out")
    assert "is the file of --events" in refused(replay("--events", tmp_path / "out", "--tracks", tmp_path / "link"))


def broken(folder: Path, name: str) -> Path:
    path = folder / name
    whole = (folder / "video.mp4").read_bytes()
    if name == "empty":
        path.touch()
    elif name == "text":
        path.write_text("no video")
    elif name == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif name == "sound.mp4":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=44_100)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.rate, frame.pts = 44_100, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["empty", "text", "truncated", "sound.mp4", "not-here", "."])
def test_a_file_that_is_no_video_is_told(replay, folder, name):
    told = refused(replay("--zone", ALL, video=broken(folder, name)))
    assert "can't be read as a video" in told or "holds no video" in told


def test_damage_in_the_middle_costs_pictures_and_not_the_run(replay, folder, tmp_path):
    content = bytearray((folder / "video.mp4").read_bytes())
    begin = content.index(b"mdat") + 8
    with av.open(str(folder / "video.mp4")) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    begin += sum(sizes[:25])
    content[begin : begin + sum(sizes[25:28])] = bytes([255]) * sum(sizes[25:28])
    (tmp_path / "damaged.mp4").write_bytes(content)
    result = replay("--zone", ALL, "--loiter", "3", video=tmp_path / "damaged.mp4")
    assert result.exit_code == 0, result.output
    assert "1 loitering" in result.output


def test_a_video_that_breaks_off_is_told_and_counted(replay, folder, tmp_path):
    result = replay("--stats", "whole.json")
    assert (result.exit_code, "breaks off" in result.output) == (0, False)
    whole = json.loads((tmp_path / "whole.json").read_text())
    assert (whole["ends_early"], whole["missing_s"] < 0.1) == (False, True)
    with av.open(str(folder / "video.mp4")) as given, av.open("cut.mkv", "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    content = (tmp_path / "cut.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) * 2 // 3])
    result = replay("--stats", "cut.json", video=tmp_path / "cut.mkv")
    assert result.exit_code == 0, result.output
    cut = json.loads((tmp_path / "cut.json").read_text())
    assert cut["ends_early"]
    assert cut["missing_s"] == pytest.approx(12 - cut["media_s"], abs=0.5)
    assert f"cut.mkv breaks off, about {cut['missing_s']:.0f} s before its end" in result.output


def test_all_options_that_do_not_fit_are_told_at_once(replay):
    zones = ["--zone", "a=0,0 1,1 0,1 1,0", "--zone", "b", "--zone", "c=0,0 1,0 1,1", "--zone", "c=0,0 1,0 1,1"]
    told = refused(replay(*zones, "--loiter", "nan", "--fps", "99"))
    for words in ("5 problem(s)", "crosses the edge", "--zone 'b'", "two zones are named 'c'", "--loiter", "--fps 99"):
        assert words in told
    assert refused(replay("--zone", ALL, "--zone", "d=0,0 1,0 1,1", "--grace", "99")).count("--grace 99") == 1


@pytest.mark.parametrize("begins", ["0001-01-01T00:00", "9999-12-31T23:59", "1969-12-31T12:00Z"])
def test_a_day_that_no_message_holds_is_told(replay, folder, begins):
    words = ["--config", folder / "edge.yaml", "--camera", "gate", "--begins", begins]
    assert "--begins" in refused(replay(*words))


@pytest.mark.parametrize("option", ["--events", "--tracks", "--stats"])
def test_a_full_disk_is_told(replay, option):
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is not here")
    told = refused(replay("--zone", ALL, "--loiter", "3", option, "/dev/full"))
    assert "an output can't be written (No space left on device); make room" in told
