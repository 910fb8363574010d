"""Who can run a network: the processor by onnxruntime or OpenVINO, an NVIDIA GPU by CUDA or TensorRT."""

import importlib.util
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.adapters.onnx_session import OrtNetwork, OrtProvider, open_session

Provider = Literal["cpu", "cuda", "tensorrt", "openvino"]
PROVIDERS: tuple[Provider, ...] = ("cpu", "cuda", "tensorrt", "openvino")
_CUDA, _TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
_GPU_CURE = (
    "on a Jetson put the onnxruntime-gpu wheel that was built for its JetPack in the place of onnxruntime (both in one "
    "environment overwrite each other)"
)


@dataclass(frozen=True, slots=True)
class Runner:
    """Who runs a network. engines: folder where TensorRT keeps what it has built."""

    provider: Provider
    engines: Path


ON_PROCESSOR = Runner("cpu", Path("engines"))


class UnusableProviderError(Exception):
    """A provider that is not here, or can't run the network; the text says what to do."""


class Network(Protocol):
    """An open network whose input, (1, 3, height, width), and outputs are arrays that stay: fill, run, read."""

    input: NDArray[np.float32]

    def run(self) -> list[NDArray[np.float32]]:
        """The outputs, in the file's order, for what stands in the input; they hold until the next run."""
        ...


def available() -> tuple[Provider, ...]:
    """Those that are installed, the processor first. Whether they run a network only a try can tell."""
    by_onnxruntime = ort.get_available_providers()
    here: dict[Provider, bool] = {
        "cpu": True,
        "cuda": _CUDA in by_onnxruntime,
        "tensorrt": _TENSORRT in by_onnxruntime,
        "openvino": importlib.util.find_spec("openvino") is not None,
    }
    return tuple(provider for provider in PROVIDERS if here[provider])


def runtime_versions() -> str:
    """Of what runs networks here, as one text: with another one speeds may be others."""
    versions = [f"onnxruntime {ort.__version__}"]
    with suppress(PackageNotFoundError):
        versions.append(f"openvino {version('openvino')}")
    return ", ".join(versions)


def open_network(path: Path, runner: Runner, session: ort.InferenceSession) -> Network:
    """The network in `path`, run by `runner`.

    session: of the same file on the processor. Raises UnusableModelError, UnusableProviderError.
    """
    provider = runner.provider
    if provider == "cpu":
        return OrtNetwork(session)
    if provider not in available():
        cure = "in Gatehouse's folder: pip install '.[openvino]'" if provider == "openvino" else _GPU_CURE
        raise UnusableProviderError(f"{provider} is not installed here: {cure}; or take another provider: cpu, auto")
    if provider == "openvino":
        from edge.adapters.openvino_network import OpenVinoNetwork

        return OpenVinoNetwork(path)
    opened = open_session(path, _gpu_providers(runner))
    wanted = _CUDA if provider == "cuda" else _TENSORRT
    if opened.get_providers()[0] != wanted:  # onnxruntime goes on without one that fails to load
        raise UnusableProviderError(
            f"{provider} is installed and does not start (is there a GPU, do its driver and libraries fit?); "
            "take another provider: cpu, auto"
        )
    return OrtNetwork(opened)


def _gpu_providers(runner: Runner) -> list[OrtProvider]:
    """As onnxruntime takes them, by preference.

    TensorRT builds an engine for minutes on a Jetson: it is kept, and so is what was timed for it
    (onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html).
    """
    if runner.provider == "cuda":
        return [_CUDA, "CPUExecutionProvider"]
    runner.engines.mkdir(parents=True, exist_ok=True)
    kept = str(runner.engines)
    options = {
        "trt_fp16_enable": "True", "trt_engine_cache_enable": "True", "trt_engine_cache_path": kept,
        "trt_timing_cache_enable": "True", "trt_timing_cache_path": kept,
    }  # fmt: skip
    return [(_TENSORRT, options), _CUDA, "CPUExecutionProvider"]
