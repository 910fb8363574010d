"""What an installer marked becomes a shard that the next training takes in."""

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from models.cli import app
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


def test_a_name_that_would_leave_the_folder_is_refused(frames):
    assert learn(frames, "../elsewhere").exit_code == 2
