"""A network's file as onnxruntime opens it: the session, what the file says of itself, whether its entry is true."""

import ast
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edge.core.detect.families.family import Family
from edge.core.detect.families.table import FAMILIES, recognise
from models.registry import ModelEntry

ORT_ERRORS = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
OrtProvider = str | tuple[str, dict[str, str]]


class UnusableModelError(Exception):
    """A file that can't be run as the network its entry describes; the text says what to do."""


class NetworkFailedError(Exception):
    """A network that was opened and does not run any more: its driver, its GPU or its memory is at fault."""


def open_session(path: Path, providers: Sequence[OrtProvider] = ("CPUExecutionProvider",)) -> ort.InferenceSession:
    """A session of one thread. Raises UnusableModelError where the file is no network, or no provider takes it.

    providers: as onnxruntime names them, by preference; the processor's takes what the others leave.
    """
    options = ort.SessionOptions()
    # One single-threaded session a worker: on two cores two of them carry 1.5 to 2 times the frames of one with two.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=list(providers))
    except (*ORT_ERRORS, UnicodeDecodeError) as error:  # what it complains of may be no text
        raise UnusableModelError(f"{path.name} can't be opened as an ONNX network: {str(error)[:200]}") from error


class OrtNetwork:
    """Implements `edge.adapters.providers.Network` on an open session: input and outputs bound once, run after run."""

    def __init__(self, session: ort.InferenceSession) -> None:
        """session: of one input of a fixed shape. Raises UnusableModelError where an output's shape is not fixed."""
        self._session = session
        given = session.get_inputs()[0]
        self.input: NDArray[np.float32] = np.zeros(given.shape, np.float32)
        self._binding = session.io_binding()
        self._binding.bind_cpu_input(given.name, self.input)
        self._outputs: list[NDArray[np.float32]] = []
        for output, shape in zip(session.get_outputs(), output_shapes(session), strict=True):
            if min(shape, default=1) < 0 or output.type != "tensor(float)":
                told = f"output {output.name!r} of the network is {output.type} of {output.shape}"
                raise UnusableModelError(f"{told}; export it with a fixed size, then: gatehouse models add FILE")
            array = np.empty(shape, np.float32)
            self._binding.bind_output(output.name, "cpu", 0, np.float32, shape, array.ctypes.data)
            self._outputs.append(array)

    def run(self) -> list[NDArray[np.float32]]:
        """The outputs, in the file's order, for what stands in the input; they hold until the next run."""
        self._session.run_with_iobinding(self._binding)
        return self._outputs


def class_names(session: ort.InferenceSession) -> dict[int, str]:
    """What the file itself calls its classes: the dictionary that ultralytics writes into it, as Python text."""
    text = session.get_modelmeta().custom_metadata_map.get("names", "")
    try:
        names = ast.literal_eval(text) if text else {}
        found = {int(key): str(value) for key, value in names.items()} if isinstance(names, dict) else {}
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return {}
    return found if all(number >= 0 for number in found) else {}


def output_shapes(session: ort.InferenceSession) -> list[tuple[int, ...]]:
    """The shapes of all outputs; -1 for a side that the file leaves open."""
    return [tuple(side if isinstance(side, int) else -1 for side in output.shape) for output in session.get_outputs()]


def means_person(name: str) -> bool:
    """Whether a class of this name is people."""
    return name.strip().lower() in ("person", "pedestrian", "people", "human")


def checked_family(entry: ModelEntry, session: ort.InferenceSession) -> Family:
    """The family of the open file. Raises UnusableModelError where it contradicts its entry."""
    inputs = session.get_inputs()
    wanted = [1, 3, entry.height, entry.width]
    if len(inputs) != 1 or list(inputs[0].shape) != wanted or inputs[0].type != "tensor(float)":
        raise UnusableModelError(
            f"network {entry.name!r} takes {[(i.shape, i.type) for i in inputs]}, its entry says float {wanted}; "
            "export it with a fixed size and batch 1, then: gatehouse models add FILE"
        )
    shapes = output_shapes(session)
    found = recognise(shapes, entry.width, entry.height)
    if found is None or found[0].name != entry.family:
        raise UnusableModelError(
            f"network {entry.name!r} has outputs {shapes}, not those of {entry.family}; known are "
            f"{', '.join(FAMILIES)}: export it as one of these"
        )
    _check_classes(entry, found[1], class_names(session))
    return found[0]


def _check_classes(entry: ModelEntry, counted: int, names: dict[int, str]) -> None:
    """Raises UnusableModelError where the file contradicts what its entry says of its classes.

    counted: classes by the shape of the outputs; 0 where it does not tell. names: as the file says, may be empty.
    """
    counted = counted or (max(names) + 1 if names else entry.classes)
    if counted != entry.classes:
        raise UnusableModelError(
            f"network {entry.name!r} has {counted} classes, its entry says {entry.classes}: correct `classes` and "
            "`person_class` there, or let the file be looked at again: gatehouse models add FILE"
        )
    if entry.person_class >= counted:
        raise UnusableModelError(
            f"network {entry.name!r} has no class {entry.person_class}, they count from 0 to {counted - 1}: "
            "correct `person_class` in its entry, or take a network that knows people"
        )
    called = names.get(entry.person_class, "person")
    if not means_person(called):
        people = [number for number, name in names.items() if means_person(name)]
        cure = f"set `person_class = {people[0]}` in its entry" if people else "take a network that knows people"
        raise UnusableModelError(
            f"class {entry.person_class} of network {entry.name!r} is {called!r}, no person: {cure}"
        )
