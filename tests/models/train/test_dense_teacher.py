"""A teacher's maps: for any canvas, in the order of our own network's cells."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.adapters.onnx_detector import UnusableModelError
from models.registry import ModelEntry
from models.train.dense_teacher import DenseTeacher

ROW = np.array([0.5, 0.5, np.log(2.0), np.log(3.0), 0.8, 0.5], np.float32)  # of every cell: its middle, 2 x 3 strides


def entry(family="yolox") -> ModelEntry:
    return ModelEntry(
        name="tiny", sha256="0" * 64, licence="made here", family=family, width=64, height=64, colour="bgr", classes=1
    )


@pytest.fixture
def tiny(tmp_path):
    """A YOLOX of one class for 64 x 64 that answers `ROW` everywhere."""
    nodes, weights = [], [numpy_helper.from_array(np.array([1, 6, -1]), "rows")]
    for stride in (8, 16, 32):
        weights.append(numpy_helper.from_array(np.zeros((6, 3, stride, stride), np.float32), f"w{stride}"))
        nodes.append(helper.make_node("Conv", ["images", f"w{stride}", "bias"], [f"c{stride}"], strides=[stride] * 2))
        nodes.append(helper.make_node("Reshape", [f"c{stride}", "rows"], [f"r{stride}"]))
    nodes.append(helper.make_node("Concat", ["r8", "r16", "r32"], ["all"], axis=2))
    nodes.append(helper.make_node("Transpose", ["all"], ["output"], perm=[0, 2, 1]))
    weights.append(numpy_helper.from_array(ROW, "bias"))
    cells = 64 + 16 + 4
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, cells, 6])], weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    onnx.save(model, tmp_path / "tiny.onnx")
    return tmp_path / "tiny.onnx"


@pytest.mark.parametrize("side", [64, 96])
def test_each_cell_has_its_box_and_score_at_any_side(tiny, side):
    maps = DenseTeacher(entry(), tiny).maps(np.zeros((side, side, 3), np.uint8))
    assert maps.shape == (sum((side // stride) ** 2 for stride in (8, 16, 32)), 5)
    assert maps[:, 4] == pytest.approx(0.4)
    first_of_8, second_of_8, last_of_32 = maps[[0, 1, -1], :4]
    assert first_of_8 == pytest.approx([4 - 8, 4 - 12, 4 + 8, 4 + 12])
    assert second_of_8 == pytest.approx([12 - 8, 4 - 12, 12 + 8, 4 + 12])
    assert last_of_32 == pytest.approx([side - 16 - 32, side - 16 - 48, side - 16 + 32, side - 16 + 48])


def test_another_family_cannot_teach_cell_by_cell(tiny):
    with pytest.raises(UnusableModelError, match="only yolox"):
        DenseTeacher(entry("nanodet"), tiny)
