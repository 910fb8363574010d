"""What Home Assistant is told of cameras that were taken out of a node's configuration."""

import json

import pytest

from edge.adapters.home_assistant import MOST_GONE, discovery, with_gone_cameras


def test_a_camera_that_was_taken_out_is_taken_back_until_it_comes_again(tmp_path):
    """Its sensor stood there for ever, for nobody remembered that it had been announced."""
    file = tmp_path / "announced.json"
    assert with_gone_cameras(file, ["gate", "yard"]) == []
    for _ in range(2):  # Home Assistant may have been away at the first time
        assert with_gone_cameras(file, ["yard"]) == ["gate"]
    assert with_gone_cameras(file, ["gate"]) == ["yard"]
    told = json.loads(discovery("box", "1", {"gate": "Cổng"}, ["yard"]))["components"]
    assert told["camera_yard"] == {"platform": "binary_sensor"}
    assert told["camera_gate"]["name"] == "Cổng"


def test_of_cameras_that_change_their_names_all_the_time_the_last_are_remembered(tmp_path):
    for number in range(MOST_GONE + 50):
        gone = with_gone_cameras(tmp_path / "announced.json", [f"c{number}"])
    assert gone == [f"c{number}" for number in range(49, MOST_GONE + 49)]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"a": 1}', b"[1, null]"])
def test_a_damaged_list_stops_no_node(tmp_path, content, caplog):
    file = tmp_path / "announced.json"
    file.write_bytes(content)
    assert with_gone_cameras(file, ["gate"]) == []
    file.unlink(missing_ok=True)
    file.mkdir()
    assert with_gone_cameras(file, ["gate"]) == []
    assert "cameras that were taken out stay in Home Assistant" in caplog.text
