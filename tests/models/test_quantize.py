"""8 bits only where they find the same people: the network in the box, and small ones made to lose everything."""

import json
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from models.add import add
from models.cli import app
from models.drawn import drawn_gates
from models.registry import Registry

SIZE, CELLS = 64, 84


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the user's networks lie."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)
    return tmp_path / "data" / "gatehouse" / "models"


def labelled(folder: Path, name: str, bgr: np.ndarray, boxes: list[list[float]]) -> None:
    """boxes: left, top, right, bottom in pixels."""
    height, width = bgr.shape[:2]
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / f"{name}.png"), bgr)
    corners = np.array(boxes, float).reshape(-1, 2, 2)
    rows = np.concatenate([corners.mean(axis=1), corners[:, 1] - corners[:, 0]], axis=1) / np.tile([width, height], 2)
    text = "\n".join("0 " + " ".join(f"{value:.6f}" for value in row) for row in rows)
    (folder / "labels" / f"{name}.txt").write_text(text)


@pytest.fixture
def spots(tmp_path) -> Path:
    """Dark pictures, in each a bright square of 8 pixels: the person."""
    for number in range(4):
        bgr = np.full((SIZE, SIZE, 3), 20, np.uint8)
        left, top = 8 * number, 16 + 8 * number
        bgr[top : top + 8, left : left + 8] = 230
        labelled(tmp_path / "spots", str(number), bgr, [[left, top, left + 8, top + 8]])
    return tmp_path / "spots" / "images"


def loud_network(path: Path, quiet_convolutions: int) -> Path:
    """Scores are how bright a square is, carried beside a channel 3000 times as loud, which 256 levels can't hold.

    Two convolutions have to do with the loud channel, `quiet_convolutions` and a last one only with the scores.
    """
    mean = np.full((1, 3, 8, 8), 1 / 192, np.float32)
    weights = {
        "loud": np.concatenate([mean, 3000 * mean]),
        "mixed": np.array([1, 0], np.float32).reshape(1, 2, 1, 1),
        **{f"quiet{number}": np.ones((1, 1, 1, 1), np.float32) for number in range(quiet_convolutions)},
        "last": np.ones((1, 1, 1, 1), np.float32),
    }
    nodes, name = [], "images"
    for layer in weights:
        sides = {"kernel_shape": [8, 8], "strides": [8, 8]} if layer == "loud" else {"kernel_shape": [1, 1]}
        nodes.append(helper.make_node("Conv", [name, f"w_{layer}"], [layer], name=layer, **sides))
        name = layer
    nodes += [
        helper.make_node("Reshape", [name, "row"], ["scores"]),
        helper.make_node("Concat", ["scores", "nobody"], ["all"], axis=2),
        helper.make_node("Concat", ["boxes", "all"], ["output0"], axis=1),
    ]
    rows, columns = np.divmod(np.arange(64), 8)
    boxes = np.ones((1, 4, CELLS), np.float32)
    boxes[0, :, :64] = [columns * 8 + 4, rows * 8 + 4, np.full(64, 8), np.full(64, 8)]
    constants = {"boxes": boxes, "row": np.array([1, 1, 64]), "nobody": np.zeros((1, 1, 20), np.float32)}
    constants |= {f"w_{layer}": weight for layer, weight in weights.items()}
    graph = helper.make_graph(
        nodes, "loud",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 5, CELLS])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)])
    model.ir_version = 7
    helper.set_model_props(model, {"names": "{0: 'person'}"})
    onnx.save(model, path)
    return path


def run(*words: object):
    return CliRunner().invoke(app, ["quantize", *map(str, words)])


def test_the_network_in_the_box_is_entered_and_as_good(folder, tmp_path):
    for picture in islice(drawn_gates(range(9300, 9301)), 6):
        bgr = cv2.cvtColor(picture.frame.i420, cv2.COLOR_YUV2BGR_I420)
        labelled(tmp_path / "gates", picture.name, bgr, picture.xyxy.tolist())
    done = run("person_416", "--images", tmp_path / "gates" / "images", "--name", "mine", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["entry"] == "mine"
    assert told["recall"] - told["best"]["recall"] <= 0.01
    registry = Registry(folder)
    float_file = registry.find("person_416")[1]
    entry, file = registry.find("mine")
    assert file.stat().st_size < 0.5 * float_file.stat().st_size
    assert f"recall {told['best']['recall']:.3f} (float {told['recall']:.3f})" in entry.measured
    assert told["processor"] in entry.measured
    assert registry.find("default")[0].name != "mine", "an 8-bit copy becomes nobody's default by itself"
    again = run("mine", "--images", tmp_path / "gates" / "images")
    assert (again.exit_code, "in 8 bits already" in again.output) == (2, True)


def test_what_loses_people_goes_back_to_floats(folder, spots, tmp_path):
    add(Registry(folder), loud_network(tmp_path / "loud.onnx", quiet_convolutions=2), licence="MIT")
    done = run("loud", "--images", spots, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["recall"], told["best"]["recall"]) == (1.0, 1.0)
    assert (told["convolutions"], told["in_8_bits"]) == (4, 2)
    assert [len(trial["float_blocks"]) for trial in told["tried"]] == [0, 2, 1], "all, then half of what is left"
    assert [trial["recall"] for trial in told["tried"]] == [0.0, 1.0, 0.0]


def test_where_nothing_helps_nothing_is_entered_and_the_loss_is_told(folder, spots, tmp_path):
    add(Registry(folder), loud_network(tmp_path / "loud.onnx", quiet_convolutions=0), licence="MIT")
    before = (folder / "manifest.toml").read_bytes(), sorted(folder.iterdir())
    done = run("loud", "--images", spots)
    assert done.exit_code == 1
    assert "NOT entered: recall fell by 100.0 points" in done.output
    assert "1 blocks in floats: recall 0.000" in done.output
    assert ((folder / "manifest.toml").read_bytes(), sorted(folder.iterdir())) == before


def test_what_can_not_be_judged_or_calibrated_is_told(folder, spots, tmp_path):
    add(Registry(folder), loud_network(tmp_path / "loud.onnx", quiet_convolutions=1), licence="MIT")
    for name in "ab":
        labelled(tmp_path / "empty", name, np.zeros((SIZE, SIZE, 3), np.uint8), [])
    labelled(tmp_path / "one", "a", np.zeros((SIZE, SIZE, 3), np.uint8), [[8, 8, 16, 16]])
    (tmp_path / "no.mp4").write_bytes(b"no video")
    for words, fault in (
        (["--images", tmp_path / "empty" / "images"], "nobody is marked"),
        (["--images", tmp_path / "one" / "images"], "can't judge what it calibrates; name --calibration"),
        (
            ["--images", spots, "--name", "person_416_int8"],
            "is the name of a network in the box; give",
        ),
        (["--images", spots, "--name", "nanodet_m_320"], "is the name of another network"),
        (["--images", spots, "--calibration", tmp_path / "no.mp4"], "can't be read as a video"),
        (["--images", spots, "--name", "loud"], "another name"),
        (["--images", spots, "--name", "Big Net"], "can't stand in the manifest"),
    ):
        done = run("loud", *words)
        assert (done.exit_code, fault in done.output) == (2, True), done.output
