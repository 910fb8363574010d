"""Another network as a teacher cell by cell: its score and box in every cell, not only what is left after suppression.

Sparse labels say of ten cells in a thousand what to do; a teacher says it of all of them, and how sure to be (Hinton
et al., 'Distilling the Knowledge in a Neural Network', arXiv 1503.02531). None of its weights come into ours.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from edge.adapters.onnx_detector import UnusableModelError
from edge.core.detect.families.family import Reading
from edge.core.detect.families.table import FAMILIES
from models.registry import ModelEntry

_FAMILY = "yolox"  # its cells are those of our own network: strides 8, 16 and 32, row by row


class DenseTeacher:
    """Runs a YOLOX network at the side of whatever canvas it is shown; one thread of the processor."""

    def __init__(self, entry: ModelEntry, path: Path) -> None:
        """path: the entry's file. Raises UnusableModelError where it is of another family."""
        if entry.family != _FAMILY:
            raise UnusableModelError(f"{entry.name} is of family {entry.family}; only {_FAMILY} can teach cell by cell")
        self._entry, self._path = entry, path
        self._sessions: dict[int, ort.InferenceSession] = {}  # made where they run: in the process that paints

    def maps(self, bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(side, side, 3) canvas -> (cells, 5): xyxy in canvas pixels, score 0..1; cells in our network's order."""
        side = bgr.shape[0]
        session = self._sessions.get(side) or self._sessions.setdefault(side, _session(self._path, side))
        outputs = session.run(None, {session.get_inputs()[0].name: bgr.transpose(2, 0, 1)[None].astype(np.float32)})
        found = FAMILIES[_FAMILY].read(outputs, Reading(side, side, self._entry.person_class, 0.0))
        return np.column_stack([found.xyxy, found.score]).astype(np.float32)


def _session(path: Path, side: int) -> ort.InferenceSession:
    """The network for another input side than its file says: it is made of convolutions, which don't mind."""
    model = onnx.load(path)
    height, width = model.graph.input[0].type.tensor_type.shape.dim[2:]
    height.dim_value = width.dim_value = side
    model.graph.ClearField("value_info")
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
