"""Which network a node runs, and who runs it: finds it in the manifest and makes its detector."""

from pathlib import Path

import numpy as np

from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.onnx_session import ORT_ERRORS, UnusableModelError
from edge.adapters.provider_probe import Choice, choose
from edge.adapters.providers import Provider, Runner, UnusableProviderError
from edge.adapters.system_clock import SystemClock
from edge.config.environment import cache_folder, model_override, user_model_folder
from edge.config.schema import DetectorSection
from edge.core.frame import Frame
from models.registry import ModelEntry, ModelError, Registry

_FAINT = 0.05


class DetectorError(Exception):
    """There is no usable network; the text says how to get one. key: which one of the section's is at fault."""

    def __init__(self, text: str, key: str = "model") -> None:
        super().__init__(text)
        self.key = key


def find_model(section: DetectorSection) -> tuple[ModelEntry, Path]:
    """The network that `section` names and its checked file. Raises DetectorError."""
    override = model_override() if section.model == "default" else None
    try:
        return Registry(user_model_folder()).find(override or section.model)
    except ModelError as error:
        raise DetectorError(f"GATEHOUSE_MODEL={override}: {error}" if override else str(error)) from error


def make_detector(section: DetectorSection) -> tuple[OnnxDetector, ModelEntry]:
    """A detector with a session of its own, and the entry it was made from. Raises DetectorError."""
    entry, path = find_model(section)
    try:
        choice = _chosen(section, entry, path)
        return OnnxDetector(entry, path, section.confidence, runner(choice.provider)), entry
    except (UnusableModelError, RuntimeError, *ORT_ERRORS) as error:  # it may open, and fail on the first picture
        raise DetectorError(str(error)) from error
    except UnusableProviderError as error:
        raise DetectorError(str(error), "provider") from error


def provider_told(section: DetectorSection) -> str:
    """Who runs the network and why, for people. Raises DetectorError."""
    entry, path = find_model(section)
    try:
        choice = _chosen(section, entry, path)
    except UnusableModelError as error:
        raise DetectorError(str(error)) from error
    return f"{entry.name} runs on {choice.provider} ({choice.why})"


def runner(provider: Provider) -> Runner:
    """`provider`, and where it keeps what it makes."""
    return Runner(provider, cache_folder() / "tensorrt")


def network_fault(section: DetectorSection) -> tuple[str, str] | None:
    """Which key of `section` is at fault, and what is wrong with the cure; None where the network runs."""
    try:
        make_detector(section)
    except DetectorError as error:
        return error.key, str(error)
    return None


def _chosen(section: DetectorSection, entry: ModelEntry, path: Path) -> Choice:
    if section.provider != "auto":
        return Choice(section.provider, "as configured")

    def open_with(provider: Provider) -> OnnxDetector:
        return OnnxDetector(entry, path, _FAINT, runner(provider))

    return choose(entry.sha256, open_with, _gate, cache_folder(), SystemClock())


def _gate() -> Frame:
    """A drawn school gate with people, for trying a network."""
    import cv2

    from edge.virtual_camera.scene import DrawnScene, SceneSpec

    rgb = DrawnScene(SceneSpec(9200, "day", "school_day_mix", fps=0.5, duration_s=30.0)).picture(8)
    return Frame("drawn", 0, 0.0, 0.0, np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8))
