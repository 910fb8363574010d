"""Which network a node runs: finds it in the manifest and makes its detector."""

from models.registry import ModelEntry, ModelError, find

from edge.adapters.onnx_detector import OnnxDetector
from edge.config.environment import model_override
from edge.config.schema import DetectorSection


class DetectorError(Exception):
    """There is no usable network; the text says how to get one."""


def find_model(section: DetectorSection) -> ModelEntry:
    """The entry of the network that `section` names. Raises DetectorError."""
    name = section.model if section.model != "default" else model_override() or "default"
    try:
        return find(name)
    except ModelError as error:
        raise DetectorError(str(error)) from error


def make_detector(section: DetectorSection) -> tuple[OnnxDetector, ModelEntry]:
    """A detector of its own session, and the entry it was made from. Raises DetectorError."""
    entry = find_model(section)
    try:
        return OnnxDetector(entry, section.confidence), entry
    except ModelError as error:
        raise DetectorError(str(error)) from error
