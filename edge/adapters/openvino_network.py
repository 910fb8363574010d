"""OpenVINO runs the same file as onnxruntime, on the processor.

Its own package, not the wheel onnxruntime-openvino: that one overwrites onnxruntime's files where both are installed.
"""

from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from edge.adapters.onnx_session import UnusableModelError

_ONE_THREAD = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
    "ENABLE_CPU_PINNING": False,  # several workers would be pinned to the same core
}


class OpenVinoNetwork:
    """Implements `edge.adapters.providers.Network`."""

    def __init__(self, path: Path) -> None:
        """path: of a network of fixed shapes. Raises UnusableModelError where OpenVINO can't take it."""
        try:
            compiled = openvino.Core().compile_model(str(path), "CPU", _ONE_THREAD)
            self._request = compiled.create_infer_request()
            self.input: NDArray[np.float32] = np.zeros(tuple(compiled.input(0).shape), np.float32)
            self._request.set_input_tensor(openvino.Tensor(self.input, shared_memory=True))
            self._outputs: list[NDArray[np.float32]] = []
            for number, output in enumerate(compiled.outputs):
                array = np.empty(tuple(output.shape), np.float32)
                self._request.set_output_tensor(number, openvino.Tensor(array, shared_memory=True))
                self._outputs.append(array)
        except RuntimeError as error:
            raise UnusableModelError(f"{path.name} can't be run by OpenVINO: {str(error)[:200]}") from error

    def run(self) -> list[NDArray[np.float32]]:
        """The outputs, in the file's order, for what stands in the input; they hold until the next run."""
        self._request.infer()
        return self._outputs
