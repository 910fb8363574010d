"""`gatehouse edge replay`: the whole pipeline on a file, the media's time as its clock, the same bytes at every run."""

import importlib.util
import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from edge.app.replay_command import replay
from models.add import add
from models.registry import Registry

_spec = importlib.util.spec_from_file_location("made_networks", Path(__file__).parents[1] / "networks.py")
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)

FPS = 10
ALL = "all=0,0 1,0 1,1 0,1"
LEFT = "left=0,0 0.2,0 0.2,1 0,1"  # the network's person stands in the middle


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Nobody for 2 s, somebody for 8 s (bright), nobody for 20 s (longer than any gap bridged), somebody for 3 s."""
    path = tmp_path_factory.mktemp("film") / "gate.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(33 * FPS):
            bright = 2 <= number / FPS < 10 or number / FPS >= 30
            picture = np.full((96, 128, 3), 235 if bright else 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(autouse=True)
def network(tmp_path, monkeypatch):
    """The made network is the user's default; nothing from outside decides."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)
    add(Registry(tmp_path / "data" / "gatehouse" / "models"), networks.bright_is_a_person(tmp_path / "bright.onnx"))


def run(*arguments):
    app = typer.Typer()
    app.command()(replay)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_stay_becomes_one_event_that_opens_in_time_and_closes(film, tmp_path):
    out = tmp_path / "events.jsonl"
    result = run(film, "--zone", ALL, "--loiter", 4, "--fps", 5, "--events", out)
    assert result.exit_code == 0, result.output
    opened, *_, closed = events = lines(out)
    assert [event["state"] for event in events if event["state"] != "updated"] == ["open", "closed"]
    assert {(e["rule"], e["zone"], e["camera"], e["event_id"]) for e in events} == {
        ("loitering", "all", "replay", opened["event_id"])
    }
    assert [event["revision"] for event in events] == list(range(1, len(events) + 1))
    assert opened["media_s"] == pytest.approx(2 + 4, abs=0.21)  # one analysed frame
    assert opened["dwell_s"] == pytest.approx(4, abs=0.21)
    assert closed["dwell_s"] == pytest.approx(8, abs=0.41)
    left, top, right, bottom = opened["box"]
    assert left < 0.5 < right
    assert 0 <= top < bottom <= 1


@pytest.mark.parametrize("fps", [2, 3.7, 10])
def test_dwell_is_the_media_s_seconds_whatever_the_frames_a_second(film, tmp_path, fps):
    out = tmp_path / "events.jsonl"
    assert run(film, "--zone", ALL, "--loiter", 4, "--fps", fps, "--events", out).exit_code == 0
    assert lines(out)[0]["media_s"] == pytest.approx(6, abs=2 / fps + 0.01)


def test_two_runs_give_the_same_bytes(film, tmp_path):
    outputs = []
    for number in range(2):
        events, tracks = tmp_path / f"events-{number}.jsonl", tmp_path / f"tracks-{number}.txt"
        run(film, "--zone", ALL, "--zone", LEFT, "--loiter", 2, "--events", events, "--tracks", tracks)
        outputs.append((events.read_bytes(), tracks.read_bytes()))
    assert outputs[0] == outputs[1]
    assert all(outputs[0])


def test_tracks_are_in_the_source_s_pixels_and_frame_numbers(film, tmp_path):
    tracks = tmp_path / "tracks.txt"
    assert run(film, "--fps", 5, "--tracks", tracks).exit_code == 0
    rows = [[float(value) for value in line.split(",")] for line in tracks.read_text().splitlines()]
    numbers = [row[0] for row in rows]
    assert min(numbers) > 2 * FPS
    assert {now - before for before, now in pairwise(numbers) if now - before < 20} == {2.0}
    # The network's box, 12 x 30 round (32, 20) of 64 x 64 with the picture letterboxed into 64 x 48: factor 2.
    assert rows[0][2:6] == pytest.approx([52, 10, 24, 60], abs=0.01)


def test_the_figures_of_a_run_are_written(film, tmp_path):
    stats = tmp_path / "stats.json"
    assert run(film, "--zone", ALL, "--loiter", 4, "--stats", stats).exit_code == 0
    figures = json.loads(stats.read_text())
    assert figures["frames_analysed"] == 33 * 5
    assert figures["media_s"] == pytest.approx(32.8)
    assert figures["events"] == {"loitering": 1}


def test_zones_and_rules_come_from_a_configuration(film, tmp_path):
    out, config = tmp_path / "events.jsonl", tmp_path / "school.yaml"
    config.write_text(
        """
node: {name: box, state_dir: state}
broker: {host: 127.0.0.1, port: 1883, tls: false, password_file: secret}
console: {url: "http://127.0.0.1:8080", token_file: secret}
detector: {model: default}
cameras:
  - name: street
    url: rtsp://192.0.2.10/stream1
  - name: gate
    url: rtsp://192.0.2.10/stream2
    zones: [{name: front, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]
    rules:
      - {kind: loitering, zone: front, dwell_s: 3, second_stage_at: 2, severity: low}
      - {kind: intrusion, zone: front, confirm_s: 1, armed: [{days: [sun], begins: "00:00", ends: "24:00"}]}
"""
    )
    (tmp_path / "secret").write_text("not-a-real-one")
    result = run(film, "--config", config, "--camera", "gate", "--events", out)
    assert result.exit_code == 0, result.output
    assert {(event["camera"], event["rule"]) for event in lines(out)} == {("gate", "loitering")}
    assert max(event["stage"] for event in lines(out)) == 2
    unnamed = run(film, "--config", config, "--events", out)
    assert unnamed.exit_code == 2
    assert "street, gate" in unnamed.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--zone", "a=0,0 1,1"], "--zone 'a=0,0 1,1'"),
        (["--zone", "a=0,0 1,0 0,1 1,1"], "cross"),
        (["--zone", "a=0;0 1;0 0;1"], "fractions"),
        (["--loiter", 5], "--loiter needs a zone"),
        (["--zone", ALL, "--fps", 0], "fps"),
        (["--model", "no-such.onnx"], "no-such.onnx"),
        (["--model", "no-such"], "gatehouse models add"),
    ],
)
def test_options_that_do_not_fit_are_named_with_their_cure(film, arguments, told):
    result = run(film, *arguments)
    assert result.exit_code == 2
    assert told in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("content", [b"", b"no video at all", None])
def test_a_file_that_is_no_video_is_named(tmp_path, content):
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    result = run(path, "--zone", ALL, "--loiter", 5)
    assert result.exit_code == 2
    assert "film.mp4" in result.output


def test_six_people_who_stand_at_a_table(shared_assets, tmp_path):
    """A real video: 6, 3 and 1 stays reach 10, 15 and 25 s; by eye, see events.json there."""
    config, out = tmp_path / "table.yaml", tmp_path / "events.jsonl"
    zone = "polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]"
    seconds = (10, 15, 25)
    zones = ", ".join(f"{{name: for-{s}, {zone}}}" for s in seconds)
    rules = ", ".join(f"{{kind: loitering, zone: for-{s}, dwell_s: {s}}}" for s in seconds)
    config.write_text(
        f"""
node: {{name: box, state_dir: state}}
broker: {{host: 127.0.0.1, port: 1883, tls: false, password_file: secret}}
console: {{url: "http://127.0.0.1:8080", token_file: secret}}
detector: {{model: {shared_assets / "models/yolox_nano_416.onnx"}}}
cameras: [{{name: table, url: "rtsp://192.0.2.10/", analysed_fps: 5, zones: [{zones}], rules: [{rules}]}}]
"""
    )
    (tmp_path / "secret").write_text("not-a-real-one")
    video = shared_assets / "videos/one-by-one-person-detection.mp4"
    result = run(video, "--config", config, "--events", out)
    assert result.exit_code == 0, result.output
    opened = [event["zone"] for event in lines(out) if event["state"] == "open"]
    assert [opened.count(f"for-{s}") for s in seconds] == [6, 3, 1]
