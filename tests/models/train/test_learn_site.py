"""What an installer marked becomes a shard that the next training takes in."""

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from models.cli import app
from models.train.fit_command import times
from models.train.shards import read_shards


@pytest.fixture
def frames(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / "kim" / folder).mkdir(parents=True)
    for name in ("missed", "nobody", "not-yet"):
        assert cv2.imwrite(str(tmp_path / "kim" / "images" / f"{name}.png"), np.full((60, 80, 3), 90, np.uint8))
    return tmp_path / "kim"


def learn(frames, site="kim-lien"):
    words = ["learn-site", site, str(frames), "--shards", str(frames.parent / "train")]
    return CliRunner().invoke(app, words)


def test_only_what_is_marked_is_taken_and_the_rest_is_counted(frames):
    (frames / "labels" / "missed.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (frames / "labels" / "nobody.txt").write_text("")
    done = learn(frames)
    assert done.exit_code == 0, done.output
    assert "2 pictures with 1 people, 1 of them empty; 1 not marked yet" in done.output
    missed, nobody = read_shards([frames.parent / "train" / "site-kim-lien-0.npz"])
    assert missed.people.tolist() == [[30, 15, 50, 45, 1]]
    assert nobody.people.tolist() == []


def test_frames_that_nobody_marked_are_refused(frames):
    refused = learn(frames)
    assert refused.exit_code == 2
    assert "labels/NAME.txt" in refused.output


@pytest.mark.parametrize(
    ("label", "text", "told"),
    [("lost", "", "lost.txt has no picture"), ("missed", "0 0.5 much 0.1 0.1", "missed.txt line 1: write class")],
)
def test_a_label_that_cant_be_used_is_named(frames, label, text, told):
    (frames / "labels" / "nobody.txt").write_text("")
    (frames / "labels" / f"{label}.txt").write_text(text)
    refused = learn(frames)
    assert refused.exit_code == 2
    assert told in refused.output
    assert not (frames.parent / "train" / "site-kim-lien-0.npz").exists()


def test_whoever_marked_people_with_another_number_is_told_where(frames):
    (frames / "labels" / "nobody.txt").write_text("")
    (frames / "labels" / "missed.txt").write_text("\n1 0.5 0.5 0.25 0.5\n")
    refused = learn(frames)
    assert refused.exit_code == 2
    assert "missed.txt line 2: only people are marked here, as class 0" in refused.output
    assert not (frames.parent / "train").exists() or not list((frames.parent / "train").iterdir())


def test_only_this_account_reads_the_pictures(frames):
    (frames / "labels" / "missed.txt").write_text("")
    assert learn(frames).exit_code == 0
    (shard,) = (frames.parent / "train").iterdir()
    assert shard.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("size", [(3, 4000), (1, 1), (15, 64)])
def test_a_picture_in_which_nobody_could_be_seen_is_named(frames, size):
    (frames / "labels" / "missed.txt").write_text("")
    assert cv2.imwrite(str(frames / "images" / "missed.png"), np.zeros((*size, 3), np.uint8))
    refused = learn(frames)
    assert refused.exit_code == 2
    assert f"missed.png is {size[1]}x{size[0]} pixels" in refused.output


def test_a_very_wide_picture_is_taken(frames):
    (frames / "labels" / "missed.txt").write_text("")
    assert cv2.imwrite(str(frames / "images" / "missed.png"), np.zeros((16, 30_000, 3), np.uint8))
    assert learn(frames).exit_code == 0


@pytest.mark.parametrize("folder", ["images", "labels"])
def test_a_folder_that_cant_be_read_is_named(frames, folder):
    (frames / folder).rename(frames / "elsewhere")
    (frames / folder).write_text("no folder")
    refused = learn(frames)
    assert refused.exit_code == 2
    assert f"{folder} can't be read (Not a directory)" in refused.output


def test_a_place_that_cant_be_written_is_told_before_the_work(frames, monkeypatch):
    (frames / "labels" / "missed.txt").write_text("")
    (frames.parent / "train").write_text("no folder")
    monkeypatch.setattr("models.train.sources.read_picture", None)  # no picture is looked at
    refused = learn(frames)
    assert refused.exit_code == 2
    assert "site-kim-lien-0.npz can't be written (Not a directory); make room, or name another place" in refused.output


def test_pictures_of_sites_are_a_tenth_but_none_is_learnt_by_heart():
    assert times([0] * 900, [0] * 10) == 10
    assert times([0] * 6400, [0] * 5) == 20
    assert times([0] * 10, [0] * 100) == times([], [0]) == 1


def test_a_name_that_would_leave_the_folder_is_refused(frames):
    assert learn(frames, "../elsewhere").exit_code == 2
