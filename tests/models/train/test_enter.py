"""Our own networks in the manifest: replaced by name, the rest untouched."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from models.cli import app
from models.registry import SHIPPED, Registry, read_manifest, sha256_of


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "manifest.toml").write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


OURS = {"author": "Gatehouse", "license": "AGPL-3.0-or-later"}


def network(path, score=0.9, says=None, classes=1):
    table = np.zeros((1, 4 + classes, 84), np.float32)
    table[0, :5, 0] = [32, 32, 10, 30, score]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMin", ["images"], ["low"], keepdims=0),
            helper.make_node("Mul", ["low", "none"], ["still"]),
            helper.make_node("Add", ["table", "still"], ["output0"]),
        ],
        "made",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + classes, 84])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.zeros((), np.float32), "none")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    helper.set_model_props(model, {"names": "{0: 'person'}", **(OURS if says is None else says)})
    onnx.save(model, path)
    return path


def refused(folder, result, *words):
    assert result.exit_code == 2
    assert all(word in result.output for word in words), result.output
    assert (folder / "manifest.toml").read_text(encoding="utf-8") == SHIPPED.read_text(encoding="utf-8")


def test_what_is_written_of_ours_is_our_licence_our_card_and_what_was_measured(folder):
    file = network(folder / "weights" / "ours.onnx")
    assert enter(folder, file, "--measured", "AP50 0.5 on nothing").exit_code == 0
    entry = next(one for one in read_manifest(folder / "manifest.toml").model if one.name == "ours")
    assert (entry.licence, entry.source) == ("AGPL-3.0-or-later", "models/weights/README.md")
    assert (entry.measured, entry.file) == ("AP50 0.5 on nothing", "weights/ours.onnx")


@pytest.mark.parametrize(
    "says",
    [
        {"author": "Somebody", "license": "AGPL-3.0-or-later"},
        {"author": "Gatehouse", "license": "MIT"},
        {"license": "AGPL-3.0-or-later"},
        {**OURS, "names": "{0: 'person', 1: 'dog'}"},
    ],
)
def test_a_network_that_does_not_say_that_it_is_ours_is_refused(folder, says):
    classes = says.get("names", "").count(":") or 1
    result = enter(folder, network(folder / "weights" / "ours.onnx", says=says, classes=classes))
    refused(folder, result, "author Gatehouse", "gatehouse models add FILE")


def test_a_network_of_others_is_refused_whatever_it_says(folder):
    file = network(folder / "weights" / "ours.onnx")
    text = SHIPPED.read_text(encoding="utf-8")
    stranger = next(one for one in read_manifest(SHIPPED).model if one.name == "yolox_nano_416")
    (folder / "manifest.toml").write_text(text.replace(stranger.sha256, sha256_of(file)), encoding="utf-8")
    result = enter(folder, file)
    assert result.exit_code == 2
    assert "that file is 'yolox_nano_416', licence Apache-2.0" in result.output


def test_neither_the_name_of_others_nor_a_second_name_is_given(folder):
    file = network(folder / "weights" / "ours.onnx")
    result = enter(folder, file, "--name", "yolox_nano_416")
    refused(folder, result, "that name is 'yolox_nano_416'", "Apache-2.0")
    copy = folder / "weights" / "copy.onnx"
    copy.write_bytes((SHIPPED.parent / "weights" / "person_416.onnx").read_bytes())
    refused(folder, enter(folder, copy), "that file is 'person_416'")


def enter(folder, file, *words):
    command = ["train", "enter", str(file), "--name", "ours", "--manifest", str(folder / "manifest.toml"), *words]
    return CliRunner().invoke(app, command)


def test_the_entered_network_is_the_default_and_the_others_stay(folder):
    before = Registry(folder / "own", folder / "manifest.toml").entries()
    result = enter(folder, network(folder / "weights" / "ours.onnx"), "--default", "--confidence", "0.4")
    assert result.exit_code == 0, result.output
    registry = Registry(folder / "own", folder / "manifest.toml")
    entry, file = registry.find("default")
    assert (entry.name, entry.width, entry.classes, entry.confidence) == ("ours", 64, 1, 0.4)
    assert file == folder / "weights" / "ours.onnx"
    others = {other.name: other for other in before if other.name != "ours"}
    assert {other.name: other for other in registry.entries() if other.name != "ours"} == others


def test_a_better_one_takes_its_place(folder):
    for score in (0.5, 0.6):
        enter(folder, network(folder / "weights" / "ours.onnx", score), "--default")
    text = (folder / "manifest.toml").read_text(encoding="utf-8")
    assert text.count('name = "ours"') == text.count("default = ") == 1
    Registry(folder / "own", folder / "manifest.toml").find("ours")


def test_a_file_that_is_no_network_is_refused_and_the_manifest_stays(folder):
    junk = folder / "weights" / "junk.onnx"
    junk.write_bytes(b"no network")
    before = (folder / "manifest.toml").read_bytes()
    result = enter(folder, junk)
    assert result.exit_code == 2
    assert "junk.onnx can't be opened as an ONNX network" in result.output
    assert (folder / "manifest.toml").read_bytes() == before


def test_a_damaged_manifest_is_named_and_nothing_is_left_beside_it(folder):
    file = network(folder / "weights" / "ours.onnx")
    (folder / "manifest.toml").write_text("default = ")
    result = enter(folder, file)
    assert result.exit_code == 2
    assert "manifest.toml can't be read" in result.output
    assert {path.name for path in folder.iterdir()} == {"manifest.toml", "weights"}


def test_a_file_that_would_not_ship_is_refused(folder, tmp_path_factory):
    elsewhere = network(tmp_path_factory.mktemp("elsewhere") / "ours.onnx")
    before = (folder / "manifest.toml").read_bytes()
    result = enter(folder, elsewhere)
    assert result.exit_code == 2
    assert "weights/" in result.output
    assert (folder / "manifest.toml").read_bytes() == before
