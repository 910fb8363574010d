"""`gatehouse edge track`, and the MOT text it reads and writes."""

import numpy as np
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.app.mot_format import ConfidenceRange, MotFormatError, read_detections, result_line
from edge.app.track_command import track
from edge.core.track import Track
from edge.core.tracking.tracker import Tracker

GOOD = "".join(f"{frame},-1,{10 + 2 * frame},20,30,80,0.9,-1,-1,-1\n" for frame in range(1, 21))


def run(*arguments):
    app = typer.Typer()
    app.command()(track)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_tracks_come_out_in_the_same_format(tmp_path):
    source, out = tmp_path / "det.txt", tmp_path / "tracks.txt"
    source.write_text(GOOD)
    result = run(source, "--fps", 10, "--out", out)
    assert result.exit_code == 0, result.output
    lines = [line.split(",") for line in out.read_text().splitlines()]
    assert [int(line[0]) for line in lines] == list(range(2, 21))
    assert {line[1] for line in lines} == {"1"}
    assert lines[0][2:] == ["14.00", "20.00", "30.00", "80.00", "0.9000", "-1", "-1", "-1"]


def test_the_detections_are_never_overwritten(tmp_path):
    source = tmp_path / "det.txt"
    source.write_text(GOOD)
    result = run(source, "--fps", 10, "--out", source)
    assert result.exit_code == 2
    assert "would be overwritten" in result.output
    assert source.read_text() == GOOD


def test_every_fifth_frame_only(tmp_path):
    source, out = tmp_path / "det.txt", tmp_path / "tracks.txt"
    source.write_text(GOOD)
    assert run(source, "--fps", 10, "--out", out, "--every", 5).exit_code == 0
    assert [line.split(",")[0] for line in out.read_text().splitlines()] == ["6", "11", "16"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,-1,10,20,30", "has 5 of at least 7 values; write frame,id,x,y,w,h,conf,-1,-1,-1"),
        ("1,-1,ten,20,30,80,0.9", "value 3, 'ten', is not a number; write one"),
        ("0,-1,10,20,30,80,0.9", "frames count from 1"),
        ("1.5,-1,10,20,30,80,0.9", "frame 1.5 is no whole number"),
        ("1,-1,10,20,0,80,0.9", "the box is 0 wide and 80 high"),
        ("1,-1,nan,20,30,80,0.9", "not finite"),
        ("1,-1,1e30,20,30,80,0.9", "lies beyond 1000000 pixels"),
        (
            "1,-1,10,20,30,80,4.2",
            "confidence 4.2 is not in 0..1; say which scores mean 0 and 1 with --confidence-range",
        ),
    ],
)
def test_a_bad_line_is_named_with_its_cure(tmp_path, line, problem):
    source = tmp_path / "det.txt"
    source.write_text(GOOD + "\n" + line + "\n")
    result = run(source, "--fps", 10, "--out", tmp_path / "tracks.txt")
    assert result.exit_code == 2
    assert f"{source}, line 22: " in result.output
    assert problem in result.output
    assert not (tmp_path / "tracks.txt").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--fps", 0], "--fps 0: give the source's frames a second"),
        (["--fps", 10, "--every", 0], "--every 0: give 1 for all frames"),
        (["--fps", 10, "--confidence-range", "high"], "give two numbers"),
        (["--fps", 10, "--confidence-range", "1,0"], "give the lower value first"),
    ],
)
def test_bad_options_are_named_with_their_cure(tmp_path, options, problem):
    source = tmp_path / "det.txt"
    source.write_text(GOOD)
    result = run(source, *options, "--out", tmp_path / "tracks.txt")
    assert result.exit_code == 2
    assert problem in result.output


def test_files_that_are_not_there_or_not_text_or_not_writable(tmp_path):
    result = run(tmp_path / "none.txt", "--fps", 10, "--out", tmp_path / "tracks.txt")
    assert result.exit_code == 2
    assert "none.txt: can't be read (No such file or directory)" in result.output
    (tmp_path / "picture.txt").write_bytes(b"\xff\xd8\xff")
    assert "is not text" in run(tmp_path / "picture.txt", "--fps", 10, "--out", tmp_path / "t.txt").output
    (tmp_path / "det.txt").write_text(GOOD)
    result = run(tmp_path / "det.txt", "--fps", 10, "--out", tmp_path / "no" / "t.txt")
    assert result.exit_code == 2
    assert "can't be written" in result.output


def test_an_empty_file_holds_nobody(tmp_path):
    (tmp_path / "det.txt").write_text("\n")
    result = run(tmp_path / "det.txt", "--fps", 10, "--out", tmp_path / "t.txt")
    assert result.exit_code == 0
    assert (tmp_path / "t.txt").read_text() == ""


def test_a_gap_of_millions_of_frames_is_passed_over_and_not_counted_through(tmp_path, monkeypatch):
    source, updates = tmp_path / "det.txt", []
    source.write_text(
        GOOD + "".join(f"90000{line}" if line.index(",") == 2 else f"900000{line}" for line in GOOD.splitlines(True))
    )
    whole = Tracker.update
    monkeypatch.setattr(Tracker, "update", lambda self, *rest: updates.append(rest) or whole(self, *rest))
    assert run(source, "--fps", 10, "--out", tmp_path / "tracks.txt").exit_code == 0
    assert len(updates) == 20 + 600 + 20
    rows = [line.split(",") for line in (tmp_path / "tracks.txt").read_text().splitlines()]
    assert {row[1] for row in rows} == {"1", "2"}


@settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.floats() | st.integers(-9, 99) | st.text(max_size=3), max_size=9), max_size=6))
def test_no_file_of_detections_ends_in_a_trace(tmp_path, rows):
    source = tmp_path / "det.txt"
    source.write_text("\n".join(",".join(map(str, row)) for row in rows), errors="replace")
    result = run(source, "--fps", 10, "--out", tmp_path / "tracks.txt")
    assert result.exit_code in (0, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_scores_of_another_scale_are_stretched_and_clipped(tmp_path):
    source = tmp_path / "det.txt"
    source.write_text("".join(f"{i},-1,1,1,9,9,{score}\n" for i, score in enumerate((-2, -1, 2, 5, 40), start=1)))
    found = read_detections(source, ConfidenceRange(-1, 5))
    assert [float(people.confidence[0]) for _, people in found.frames] == pytest.approx([0, 0, 0.5, 1, 1])
    with pytest.raises(MotFormatError, match="line 1: confidence -2"):
        read_detections(source)


def test_a_track_is_written_in_the_pixels_of_the_source():
    box = np.array([10, 20, 40, 100], np.float32)
    one = Track(7, box, 0.5, np.zeros(2, np.float32), 0.0, 1.0, True)
    assert result_line(3, one, 2.0, 1.5) == "3,7,20.00,30.00,60.00,120.00,0.5000,-1,-1,-1\n"
