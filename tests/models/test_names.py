"""Names of networks: what is in the box keeps its own, and what runs where none is named is told and can be chosen."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from models.cli import app
from models.registry import SHIPPED, Registry

BOX = SHIPPED.parent / "weights" / "person_416_int8.onnx"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the user's networks lie."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)
    return tmp_path / "data" / "gatehouse" / "models"


@pytest.fixture
def other(tmp_path) -> Path:
    """A network that is in no manifest."""
    model = onnx.load(BOX)
    onnx.helper.set_model_props(model, {"names": "{0: 'person'}", "license": "MIT"})
    onnx.save(model, tmp_path / "other.onnx")
    return tmp_path / "other.onnx"


def run(*words: object):
    return CliRunner().invoke(app, list(map(str, words)))


def test_a_name_of_the_box_is_refused_and_the_box_is_still_found(folder, other, tmp_path):
    for name in ("person_416", "person_416_int8", "yolox_nano_416"):
        refused = run("add", other, "--name", name)
        assert refused.exit_code == 2
        assert f"'{name}' is the name of" in refused.output
        assert "--name NAME" in refused.output
    named_so = shutil.copy(other, tmp_path / "person_416_int8.onnx")
    assert run("add", named_so).exit_code == 2, "nor by the file's name"
    assert run("add", BOX).exit_code == 2, "and what is in the box need not be added"
    assert not folder.exists()
    assert Registry(folder).find(str(BOX))[0].file == str(BOX)


def test_an_older_entry_of_that_name_no_longer_hides_the_box_and_is_told(folder, other):
    assert run("add", other, "--name", "mine").exit_code == 0
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text().replace('"mine"', '"person_416_int8"'))
    registry = Registry(folder)
    assert registry.find("default")[1] == BOX
    assert registry.find(str(BOX))[0].name == "person_416_int8"
    assert "your own person_416_int8 is left out" in run("list").output


def test_what_is_added_last_runs_and_the_choice_goes_back_to_the_box(folder, other):
    box = Registry(folder).default
    told = run("add", other, "--name", "first").output
    assert f"where no network is named, first runs; back to the box's: gatehouse models default {box}" in told
    assert "second runs" in run("add", other, "--name", "second").output
    assert "first runs" in run("default", "first").output
    assert "first runs" in run("default").output
    assert Registry(folder).find("default")[0].name == "first"
    assert f"{box} runs, the one in the box" in run("default", box).output
    assert 'default = ""' in (folder / "manifest.toml").read_text(), "so that a later version's default runs then"
    assert "person_416 runs; back" in run("default", "person_416").output
    for name, words in (("nobody", "there is no network 'nobody'"), ("yolox_nano_416", "not here; get it")):
        refused = run("default", name)
        assert (refused.exit_code, words in refused.output) == (2, True)
    assert Registry(folder).default == "person_416"


def test_the_environment_that_overrules_the_choice_is_told(folder, other, monkeypatch):
    monkeypatch.setenv("GATEHOUSE_MODEL", "person_416")
    assert "person_416 runs: GATEHOUSE_MODEL says so (without it: mine)" in run("add", other, "--name", "mine").output


def test_the_list_fits_a_terminal(folder):
    lines = run("list").output.splitlines()
    assert max(map(len, lines)) <= 110
    assert any("AP50 pets" in line for line in lines)


def test_an_8_bit_copy_of_ours_takes_a_free_name_and_says_what_runs(folder, tmp_path):
    made = tmp_path / "spots"
    for kind in ("images", "labels"):
        (made / kind).mkdir(parents=True)
    for number in range(8):
        cv2.imwrite(str(made / "images" / f"{number}.png"), np.full((64, 96, 3), 60 + number, np.uint8))
        (made / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.2 0.5")
    for name in ("person_416_int8_2", "person_416_int8_3"):
        done = run("quantize", "person_416", "--images", made / "images")
        assert done.exit_code == 0, done.output
        assert "judged on 6 pictures, calibrated on 2 others of" in done.output
        assert f"entered {name} " in done.output
        assert "person_416_int8 runs, the one in the box" in done.output
    assert Registry(folder).find("default")[1] == BOX


def test_a_damaged_manifest_is_told_in_one_line(folder):
    folder.mkdir(parents=True)
    for text in ("default = [", "[[model]]\nname = 'x'\nfile = 3"):
        (folder / "manifest.toml").write_text(text)
        told = run("list")
        assert (told.exit_code, told.output.count("\n")) == (2, 1), told.output
        assert "manifest.toml" in told.output
