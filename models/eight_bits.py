"""8-bit copies of a float network, block by block: int8 weights, uint8 activations, calibrated on what it is shown."""

import copy
import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.shape_inference import quant_pre_process

from edge.adapters.onnx_session import ORT_ERRORS
from models.registry import ModelError

BLOCKS = 24  # at most; each costs a trial of its own
_OPSET = 17  # the first with 8-bit weights that have a scale for each channel is 13
_IN_8_BITS = (
    "Conv", "Add", "Mul", "Sigmoid", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat", "Resize",
    "Split", "Slice", "Transpose", "Reshape",
)  # fmt: skip


class _Inputs(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
    def __init__(self, name: str, inputs: Iterable[NDArray[np.float32]]) -> None:
        self._rows = ({name: tensor} for tensor in inputs)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._rows, None)


class EightBits:
    """One float network, calibrated once; `write` makes a copy of it with some of its blocks in 8 bits.

    A block is some convolutions that follow each other, with what works on their output. What comes after the last
    convolutions, and these themselves, belong to no block: boxes and scores need more than 256 levels.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        """folder: for files in between.

        Raises ModelError where the network can't be prepared or has no convolutions in floats.
        """
        self._model, self._folder = _prepared(source, folder), folder
        self.blocks = _blocks(self._model)
        if not self.blocks:
            raise ModelError(f"{source.name} has no convolutions in 32-bit floats: take the float network")

    def calibrate(self, inputs: Iterable[NDArray[np.float32]]) -> None:
        """Learns the ranges. inputs: (1, 3, height, width), what the network is shown on real frames."""
        prepared = self._folder / "prepared.onnx"
        onnx.save(self._model, prepared)
        calibrator = create_calibrator(prepared, augmented_model_path=str(self._folder / "calibrated.onnx"))
        calibrator.collect_data(_Inputs(self._model.graph.input[0].name, inputs))
        self._ranges = calibrator.compute_data()

    def convolutions(self, blocks: Iterable[int]) -> int:
        """How many convolutions these blocks have."""
        kinds = {node.name: node.op_type for node in self._model.graph.node}
        return sum(kinds[name] == "Conv" for block in blocks for name in self.blocks[block])

    def write(self, target: Path, blocks: Iterable[int]) -> None:
        """Writes the network with only `blocks` in 8 bits.

        Weights use 7 of their 8 bits: on x86-64 without VNNI the sum of two products saturates with all 8
        (YOLOX-nano finds 0.58 of the people instead of 0.68), and a file may be carried to another processor.
        """
        names = [name for block in blocks for name in self.blocks[block]]
        quantizer = QDQQuantizer(
            copy.deepcopy(self._model), True, True, QuantType.QInt8, QuantType.QUInt8, self._ranges, names, [],
            list(_IN_8_BITS), {},
        )  # fmt: skip
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # it warns of each tensor that needs no range
        try:
            quantizer.quantize_model()
        finally:
            root.setLevel(level)
        quantizer.model.save_model_to_file(str(target))


def _prepared(source: Path, folder: Path) -> Any:
    """The network with shapes known, batch normalisation melted in, every node named, and a usable opset."""
    plain, done = folder / "plain.onnx", folder / "done.onnx"
    try:
        model = onnx.load(source)
        if any(node.op_type in ("QuantizeLinear", "DequantizeLinear", "ConvInteger") for node in model.graph.node):
            raise ModelError(f"{source.name} is in 8 bits already: take the float network")
        opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
        if opset < 13:
            model = onnx.version_converter.convert_version(model, _OPSET)
        onnx.save(model, plain)
        # The symbolic half needs sympy, and serves shapes that are open; those here are fixed.
        quant_pre_process(str(plain), str(done), skip_symbolic_shape=True)
        model = onnx.load(done)
    except (*ORT_ERRORS, RuntimeError, ValueError) as error:
        raise ModelError(f"{source.name} can't be prepared for 8 bits: {str(error)[:200]}") from error
    for number, node in enumerate(model.graph.node):
        node.name = f"{number}:{node.name}"
    return model


def _blocks(model: Any) -> list[list[str]]:
    """Names of the nodes of each block, in the order in which they run."""
    nodes = list(model.graph.node)
    makers = {output: number for number, node in enumerate(nodes) for output in node.output}
    users: dict[str, list[int]] = defaultdict(list)
    for number, node in enumerate(nodes):
        for name in node.input:
            users[name].append(number)
    before_last: set[int] = set()  # nodes whose output still goes through a convolution
    for number in reversed(range(len(nodes))):
        after = [user for output in nodes[number].output for user in users[output]]
        if any(nodes[user].op_type == "Conv" or user in before_last for user in after):
            before_last.add(number)
    convolutions = [number for number in sorted(before_last) if nodes[number].op_type == "Conv"]
    size = -(-len(convolutions) // BLOCKS)
    block_of = {number: place // size for place, number in enumerate(convolutions)}
    blocks: dict[int, list[str]] = defaultdict(list)
    for number in sorted(before_last):
        if number not in block_of:
            fed_by = [block_of[makers[name]] for name in nodes[number].input if makers.get(name) in block_of]
            block_of[number] = max(fed_by, default=0)
        if nodes[number].op_type in _IN_8_BITS:
            blocks[block_of[number]].append(nodes[number].name)
    return [blocks[key] for key in sorted(blocks)]
