"""Networks made for the test, and the real ones where they are there: found, tried out, refused."""

import fcntl
import importlib.util
import json
import threading
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.onnx_session import UnusableModelError
from edge.core.frame import Frame
from models.add import add
from models.cli import app
from models.drawn import drawn_gates, how_many
from models.labelled import LabelError, LabelledFolder
from models.registry import ModelEntry, ModelError, Registry, sha256_of

ASSETS = Path(__file__).resolve().parents[2] / ".." / "shared" / "assets"
SIZE, CELLS = 64, 84


def network(path: Path, output: np.ndarray, names: str = "") -> Path:
    """A network that answers `output` whatever it sees."""
    zero = helper.make_node("ReduceMin", ["images"], ["low"], keepdims=0)
    nothing = helper.make_node("Mul", ["low", "none"], ["still"])
    answer = helper.make_node("Add", ["constant", "still"], ["output0"])
    graph = helper.make_graph(
        [zero, nothing, answer],
        "made",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(output.shape))],
        [
            numpy_helper.from_array(output.astype(np.float32), "constant"),
            numpy_helper.from_array(np.zeros((), np.float32), "none"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.save(model, path)
    return path


def one_person(classes: int = 2) -> np.ndarray:
    raw = np.zeros((1, 4 + classes, CELLS), np.float32)
    raw[0, :4, [3, 4]] = [[20, 18, 16, 30], [21, 18, 16, 30]]  # twice the same person
    raw[0, 4, [3, 4]] = [0.9, 0.8]
    return raw


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "own")


@pytest.fixture
def person_net(tmp_path):
    return network(tmp_path / "Tiny Net.onnx", one_person(), "{0: 'person', 1: 'dog'}")


def frame(width: int = 128, height: int = 96) -> Frame:
    return Frame("c", 0, 0.0, 0.0, np.full((height * 3 // 2, width), 128, np.uint8))


def test_an_added_network_finds_people_in_the_frames_own_pixels(registry, person_net, tmp_path):
    entry = add(registry, person_net)
    assert (entry.name, entry.family, entry.classes, entry.person_class) == ("tiny-net", "yolov8", 2, 0)
    again = Registry(tmp_path / "own")
    found, path = again.find("default")
    people = OnnxDetector(found, path).detect(frame())
    # 128 x 96 is laid into 64 x 48, so input pixels count double; the second box is suppressed.
    assert people.xyxy.tolist() == [[24, 6, 56, 66]]
    assert people.confidence.tolist() == [pytest.approx(0.9)]


def test_the_detector_follows_a_change_of_resolution(registry, person_net):
    entry = add(registry, person_net)
    detector = OnnxDetector(entry, person_net)
    detector.detect(frame())
    assert detector.detect(frame(64, 64)).xyxy.tolist() == [[12, 3, 28, 33]]


def test_a_second_name_for_the_same_file_and_a_named_file(registry, person_net, tmp_path):
    add(registry, person_net, name="gate-net", licence="MIT")
    registry = Registry(tmp_path / "own")
    assert registry.find("gate-net")[0].licence == "MIT"
    assert registry.find(str(person_net))[0].name == "gate-net"


def test_a_changed_file_is_refused(registry, person_net, tmp_path):
    add(registry, person_net)
    registry = Registry(tmp_path / "own")
    _, path = registry.find("default")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelError, match="its SHA-256 differs"):
        registry.find("default")
    path.unlink()
    with pytest.raises(ModelError, match="not here; get it"):
        registry.find("default")


@pytest.mark.parametrize(
    ("output", "names", "words"),
    [
        (one_person(1), "{0: 'face'}", "no class 'person'"),
        (one_person(3), "", "no class 'person'"),
        (np.zeros((1, 7, 99), np.float32), "", "of no family known"),
        (
            np.where(one_person() == np.float32(0.9), 9.0, one_person()),
            "{0: 'person', 1: 'dog'}",
            "scores outside 0..1",
        ),
    ],
)
def test_what_can_not_find_people_is_refused_and_nothing_is_kept(registry, tmp_path, output, names, words):
    with pytest.raises(ModelError, match=words):
        add(registry, network(tmp_path / "n.onnx", output, names))
    assert not registry.user_folder.exists()


def test_no_network_at_all_is_told_with_the_cure(registry, tmp_path):
    (tmp_path / "n.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match="can't be opened as an ONNX network"):
        add(registry, tmp_path / "n.onnx")
    with pytest.raises(ModelError, match="gatehouse models add"):
        Registry(tmp_path / "own", tmp_path / "nothing.toml").find("default")
    with pytest.raises(ModelError, match="can't be read"):
        registry.find(str(tmp_path / "nothing.onnx"))
    with pytest.raises(ModelError, match="there is no network 'x'"):
        registry.find("x")


def test_an_entry_that_lies_about_its_file_is_refused(registry, person_net):
    entry = add(registry, person_net)
    lies = [
        ({"width": 32}, "takes"),
        ({"family": "yolox"}, "not those of yolox"),
        ({"person_class": 7}, "no class 7, they count from 0 to 1: correct `person_class`"),
        ({"person_class": 1}, "is 'dog', no person: set `person_class = 0`"),
        ({"classes": 80}, "has 2 classes, its entry says 80: correct `classes`"),
    ]
    for change, words in lies:
        with pytest.raises(UnusableModelError, match=words):
            OnnxDetector(ModelEntry(**{**entry.model_dump(), **change}), person_net)


@pytest.mark.parametrize(("names", "classes"), [("{0: 'face', 1: 'dog'}", 2), ("{0: 'face', 5: 'dog'}", 6)])
def test_an_entry_that_calls_a_face_a_person_is_refused(registry, person_net, tmp_path, names, classes):
    entry = add(registry, person_net).model_dump()
    faces = network(tmp_path / "faces.onnx", np.zeros((1, 300, 6), np.float32), names)
    lie = {**entry, "family": "yolo26", "classes": classes}
    with pytest.raises(UnusableModelError, match="is 'face', no person: take a network that knows people"):
        OnnxDetector(ModelEntry(**lie), faces)


@pytest.mark.parametrize("names", ["", "{0:", "[1, 2]", "{'x': 1}", "{-1: 'person'}", "{0: None}", "(" * 500])
def test_names_that_are_none_are_never_more_than_none(registry, tmp_path, names):
    with pytest.raises(ModelError, match="no class 'person'"):
        add(registry, network(tmp_path / "n.onnx", one_person(), names))


def own_names(folder: Path) -> list[str]:
    """Of the networks that a user added, not of those in the box."""
    return [entry.name for entry in Registry(folder).entries() if Path(entry.file).is_relative_to(folder)]


@pytest.mark.parametrize("name", ["Big Net", "", "-x", "a" * 64, "é"])
def test_a_name_that_no_manifest_takes_is_refused_and_nothing_is_kept(registry, person_net, name, tmp_path):
    if name:
        with pytest.raises(ModelError, match="can't stand in the manifest"):
            add(registry, person_net, name=name)
        assert not registry.user_folder.exists()
    add(registry, person_net)
    if name:
        with pytest.raises(ModelError, match="can't stand in the manifest"):
            add(Registry(tmp_path / "own"), person_net, name=name)
    assert own_names(tmp_path / "own") == ["tiny-net"]


def test_two_that_add_at_once_lose_nothing(registry, person_net, tmp_path, monkeypatch):
    other = network(tmp_path / "other.onnx", one_person(3), "{0: 'person', 1: 'dog', 2: 'cat'}")
    add(registry, person_net)
    added_alone = (registry.user_folder / "manifest.toml").read_text()
    (registry.user_folder / "manifest.toml").unlink()
    waits, lock = threading.Event(), fcntl.flock

    def flock(file, how):
        waits.set()
        lock(file, how)

    with (registry.user_folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        monkeypatch.setattr("models.add.fcntl.flock", flock)
        thread = threading.Thread(target=add, args=(registry, other))
        thread.start()
        assert waits.wait(20)
        (registry.user_folder / "manifest.toml").write_text(added_alone)  # what the first one writes
    thread.join(20)
    assert sorted(own_names(tmp_path / "own")) == ["other", "tiny-net"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[model]]\nname = 'x'", "model.0.sha256: Field required"),
        ("default = [", "can't be read"),
        ("colour = 1", "colour: Extra inputs"),
    ],
)
def test_a_manifest_that_cant_be_used_is_told(tmp_path, text, words):
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ModelError, match=words):
        Registry(tmp_path)
    (tmp_path / "manifest.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="can't be read"):
        Registry(tmp_path)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (b"0 0.5 0.5", "line 1: write class"),
        (b"0 0.5 nan 0.1 0.1", "line 1: centre, width"),
        (b"\n0 0.5 0.5 0.1 7", "line 2: centre, width"),
        (b"\xff\xfe", "it is not text"),
    ],
)
def test_labels_that_cant_be_used_are_told(tmp_path, label, words):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "labels" / "a.txt").write_bytes(label)
    with pytest.raises(LabelError, match=words):
        list(LabelledFolder(tmp_path / "images"))


def test_the_command_line(tmp_path, person_net, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GATEHOUSE_MODEL", raising=False)
    run = CliRunner().invoke
    assert run(app, ["evaluate", "default", "--images", str(tmp_path)]).exit_code == 2
    assert "added tiny-net" in run(app, ["add", str(person_net)]).output
    listed = run(app, ["list"]).output
    assert "✓* tiny-net" in listed
    assert listed.count("*") == 1
    figures = json.loads(run(app, ["benchmark", "tiny-net", "--rounds", "5", "--json"]).output)
    camera, own = figures["sizes"]
    assert (camera["width"], camera["height"]) == (1280, 720)
    assert (own["width"], own["height"]) == (64, 36)
    assert figures["ratio"] == max(camera["ratio"], own["ratio"]) > 1
    assert figures["people"] == 1  # whatever it sees
    assert run(app, ["add", str(tmp_path / "no.onnx")]).exit_code == 2


def test_people_are_counted_by_how_the_pictures_names_begin(tmp_path, person_net, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    run = CliRunner().invoke
    assert run(app, ["add", str(person_net)]).exit_code == 0
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for name, label in (("day_1", "0 0.3125 0.28125 0.25 0.46875"), ("day_2", "0 0.9 0.9 0.1 0.1"), ("night_1", "")):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.zeros((64, 64, 3), np.uint8))
        (tmp_path / "labels" / f"{name}.txt").write_text(label)
    words = ["evaluate", "tiny-net", "--images", str(tmp_path / "images")]
    figures = json.loads(run(app, [*words, "--json"]).output)
    assert figures["recall"] == 0.5
    assert {name: (part["boxes"], part["recall"]) for name, part in figures["parts"].items()} == {
        "day": (2, 0.5), "night": (0, None),
    }  # fmt: skip
    assert "night " in run(app, words).output
    unknown = network(tmp_path / "unknown.onnx", one_person() * 0.5, "{0: 'person', 1: 'dog'}")
    by_file = json.loads(run(app, ["evaluate", str(unknown), *words[2:], "--json"]).output)
    assert (by_file["model"], by_file["pictures"]) == ("unknown", 3)
    assert own_names(tmp_path / "data" / "gatehouse" / "models") == ["tiny-net"]  # looked at, not kept
    (tmp_path / "junk.onnx").write_bytes(b"no network")
    assert run(app, ["evaluate", str(tmp_path / "junk.onnx"), *words[2:]]).exit_code == 2
    assert run(app, [*words, "--drawn"]).exit_code == 2
    assert run(app, ["evaluate", "tiny-net"]).exit_code == 2


def test_drawn_gates_are_in_each_light():
    pictures = list(drawn_gates(range(9300, 9301)))
    assert {picture.name.partition("_")[0] for picture in pictures} == {"day", "dusk", "rain", "night-ir"}
    assert sum(len(picture.xyxy) for picture in pictures) > 20
    assert len({picture.name for picture in pictures}) == len(pictures) == how_many(range(9300, 9301))
    assert all(len(picture.kinds) == len(picture.xyxy) for picture in pictures)
    ages = {kind for picture in pictures for kind in picture.kinds}
    assert {"adult", "child"} <= ages <= {"adult", "teenager", "child"}


@pytest.mark.skipif(importlib.util.find_spec("ultralytics") is not None, reason="ultralytics is here")
def test_without_ultralytics_export_says_what_to_install_and_whose_licence(tmp_path):
    done = CliRunner().invoke(app, ["export", "yolo26n", "--out", str(tmp_path / "y.onnx")])
    assert done.exit_code == 2
    assert "AGPL-3.0" in done.output
    assert ".[export]" in done.output
    assert "32" in CliRunner().invoke(app, ["export", "yolo26n", "--side", "100"]).output


needs_assets = pytest.mark.skipif(not ASSETS.exists(), reason="the shared networks and pictures are not here")
GOLDEN = ["yolox_nano_416", "yolov8n_640_fp32dq", "yolo11n_320_fp32dq", "nanodet_m_320", "yolo26n_640_int8_end2end"]


@needs_assets
@pytest.mark.parametrize("name", GOLDEN)
def test_real_networks_find_the_people_of_a_real_picture(name, tmp_path):
    entry, path = Registry(tmp_path).find(str(ASSETS / "models" / f"{name}.onnx"))
    detector = OnnxDetector(entry, path)
    picture = next(p for p in LabelledFolder(ASSETS / "person_eval" / "images", "indoor1_") if len(p.xyxy) == 1)
    found = detector.detect(picture.frame)
    assert len(found) == 1
    assert np.abs(found.xyxy[0] - picture.xyxy[0]).max() < 0.08 * (picture.xyxy[0, 3] - picture.xyxy[0, 1])


@needs_assets
def test_a_network_for_faces_is_refused(tmp_path):
    path = ASSETS / "models" / "no_person_class_yolo11n_face_640_int8.onnx"
    with pytest.raises(ModelError, match="finds face, but no class 'person'"):
        add(Registry(tmp_path), path)


@needs_assets
def test_the_shipped_manifest_names_the_files_that_it_was_written_from():
    for entry in (other for other in Registry(Path("nowhere")).entries() if not other.file):
        path = ASSETS / "models" / f"{entry.name}.onnx"
        assert sha256_of(path) == entry.sha256
