"""Labels are believed no more than they say: numbers that are no class, files that belong to nothing, cut pictures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from models.cli import app
from models.labelled import LabelError, LabelledFolder, labels_of

MIDDLE = "0.5 0.5 0.25 0.5"


def run(*words: object):
    return CliRunner().invoke(app, ["evaluate", "person_416_int8", *map(str, words)])


@pytest.fixture
def picture(tmp_path, monkeypatch):
    """Writes images/NAME and, unless None, its label."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)

    def write(name: str, label: str | None, images: str = "images", labels: str = "labels") -> Path:
        for kind in (images, labels):
            (tmp_path / kind).mkdir(parents=True, exist_ok=True)
        path = tmp_path / images / name
        noise = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
        assert cv2.imwrite(str(path), noise)
        if label is not None:
            (tmp_path / labels / f"{path.stem}.txt").write_text(label)
        return path.parent

    return write


@pytest.mark.parametrize("kind", ["-1", "0.5", "nan", "inf"])
def test_a_class_that_is_no_class_is_refused(picture, kind):
    images = picture("a.png", f"\n{kind} {MIDDLE}")
    with pytest.raises(LabelError, match=r"a\.txt line 2: the class is a whole number from 0"):
        list(LabelledFolder(images))


@pytest.mark.parametrize("size", ["0 0.5", "0.5 0"])
def test_a_box_without_size_is_refused(picture, size):
    images = picture("a.png", f"0 0.5 0.5 {size}")
    with pytest.raises(LabelError, match=r"a\.txt line 1: a box has a width and a height"):
        list(LabelledFolder(images))


def test_pictures_without_labels_and_labels_of_other_classes_are_counted_and_nobody_has_no_recall(picture):
    picture("a.png", f"1 {MIDDLE}")
    images = picture("b.png", None)
    figures = json.loads(run("--images", images, "--json").stdout)
    assert (figures["unlabelled"], figures["other_classes"], figures["boxes"]) == (1, 1, 0)
    assert figures["recall"] is None
    told = run("--images", images).output
    assert "1 pictures have no label file" in told
    assert "the labels of 1 pictures name other classes too" in told
    assert "--" in told


def test_labels_that_belong_to_no_picture_are_refused(picture, tmp_path):
    images = picture("a.png", None)
    (tmp_path / "labels" / "b.txt").write_text(f"0 {MIDDLE}")
    refused = run("--images", images)
    assert refused.exit_code == 2
    assert "belongs to a picture" in refused.output


def test_two_pictures_that_share_a_label_are_refused(picture):
    picture("T.jpg", f"0 {MIDDLE}")
    images = picture("T.png", None)
    with pytest.raises(LabelError, match=r"T\.jpg and T\.png .* share the label"):
        LabelledFolder(images)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_picture_that_breaks_off_is_refused(picture, name):
    images = picture(name, f"0 {MIDDLE}")
    content = (images / name).read_bytes()
    assert len(list(LabelledFolder(images))) == 1
    for share in (0.5, 0.9):
        (images / name).write_bytes(content[: int(share * len(content))])
        refused = run("--images", images)
        assert refused.exit_code == 2
        assert f"{name} breaks off before its end" in refused.output


def test_the_folders_cause_is_told(picture, tmp_path):
    picture("a.png", f"0 {MIDDLE}")
    for images, words in (
        (tmp_path / "nope", "nope can't be read (No such file or directory)"),
        (tmp_path / "images" / "a.png", "can't be read (Not a directory)"),
        (tmp_path / "labels", "labels holds no pictures"),
    ):
        refused = run("--images", images)
        assert (refused.exit_code, words in refused.output) == (2, True), refused.output
    refused = run("--images", tmp_path / "images", "--prefix", "night_")
    assert "begin with 'night_'" in refused.output


def test_the_usual_layouts_of_labels_are_found(picture, tmp_path):
    images = picture("a.png", f"0 {MIDDLE}", "set/images/val", "set/labels/val")
    (one,) = LabelledFolder(images)
    assert one.xyxy.tolist() == [[36, 16, 60, 48]]
    (tmp_path / "linked").symlink_to(images)
    assert len(LabelledFolder(tmp_path / "linked")) == 1, "labels are where the link leads"
    beside = picture("a.png", f"0 {MIDDLE}", "other/pictures", "other/labels")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "images").symlink_to(beside)
    (tmp_path / "mine" / "labels").mkdir()
    assert labels_of(tmp_path / "mine" / "images") == tmp_path / "mine" / "labels", "labels beside the link go first"
    assert len(LabelledFolder(images / ".." / "val")) == 1


def test_how_far_it_is_is_told(picture, monkeypatch):
    monkeypatch.setattr("models.evaluate_command.EVERY_S", 0.0)
    for name in "abc":
        images = picture(f"{name}.png", f"0 {MIDDLE}")
    done = run("--images", images)
    assert "evaluate: 1 of 3 (33%)" in done.stderr
    assert "{" not in done.stdout, "people read a table"
