"""The whole pipeline on real video, held to what people counted by eye."""

import json
from pathlib import Path

from typer.testing import CliRunner

from edge.app.cli import app

WHOLE = "polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]"


def opened(video: Path, config: Path, folder: Path) -> list[dict]:
    events = folder / "events.jsonl"
    result = CliRunner().invoke(app, ["replay", str(video), "--config", str(config), "--events", str(events)])
    assert result.exit_code == 0, result.output
    return [event for line in events.read_text().splitlines() if (event := json.loads(line))["state"] == "open"]


def test_six_people_who_stand_at_a_table_one_after_the_other(shared_assets, tmp_path):
    """6, 3 and 1 of them stay for 10, 15 and 25 s: events.json beside the video."""
    seconds = (10, 15, 25)
    zones = ", ".join(f"{{name: for-{s}, {WHOLE}}}" for s in seconds)
    rules = ", ".join(f"{{kind: loitering, zone: for-{s}, dwell_s: {s}}}" for s in seconds)
    config = tmp_path / "table.yaml"
    config.write_text(
        f"""
node: {{name: box, state_dir: state}}
broker: {{host: 127.0.0.1, port: 1883, tls: false, password_file: not-needed}}
console: {{url: "http://127.0.0.1:8080", token_file: not-needed}}
detector: {{model: "{shared_assets / "models/yolox_nano_416.onnx"}"}}
cameras: [{{name: table, url: "rtsp://192.0.2.10/", analysed_fps: 5, zones: [{zones}], rules: [{rules}]}}]
"""
    )
    zone_of_each = [
        event["zone"] for event in opened(shared_assets / "videos/one-by-one-person-detection.mp4", config, tmp_path)
    ]
    assert [zone_of_each.count(f"for-{s}") for s in seconds] == [6, 3, 1]


def test_the_man_at_the_night_gate_is_told_and_nothing_else_with_the_network_in_the_box(shared_assets, tmp_path):
    """He stands far away from 51 s to 75 s; insects, a torch and an empty gate are all the rest of three minutes.

    And a thing of 12x32 pixels above him, which the network takes for a person: it never moves, and is no
    reason to hold a man near it for its double.
    """
    config = tmp_path / "gate.yaml"
    config.write_text(
        f"""
node: {{name: box, state_dir: state}}
broker: {{host: 127.0.0.1, port: 1883, tls: false, password_file: not-needed}}
console: {{url: "http://127.0.0.1:8080", token_file: not-needed}}
detector: {{model: person_416_int8}}
cameras:
  - name: gate
    url: "rtsp://192.0.2.10/"
    analysed_fps: 5
    zones: [{{name: all, {WHOLE}}}]
    rules: [{{kind: loitering, zone: all, dwell_s: 10}}]
"""
    )
    events = opened(shared_assets / "videos/night_ir_far_person_at_gate.mp4", config, tmp_path)
    assert len(events) == 1
    assert 61 <= events[0]["opened_at_s"] <= 75
