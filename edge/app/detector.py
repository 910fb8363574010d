"""Which network a node runs: finds it in the manifest and makes its detector."""

from pathlib import Path

from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.onnx_session import UnusableModelError
from edge.config.environment import model_override, user_model_folder
from edge.config.schema import DetectorSection
from models.registry import ModelEntry, ModelError, Registry


class DetectorError(Exception):
    """There is no usable network; the text says how to get one."""


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
        return OnnxDetector(entry, path, section.confidence), entry
    except UnusableModelError as error:
        raise DetectorError(str(error)) from error


def network_fault(section: DetectorSection) -> str:
    """What is wrong with the network that `section` names, and the cure; empty where it runs."""
    try:
        make_detector(section)
    except DetectorError as error:
        return str(error)
    return ""
