"""Stop 6 of the house: people in a frame, by a network that onnxruntime runs."""

import ast
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edge.core.detect.families.family import Family, Reading
from edge.core.detect.families.table import FAMILIES, recognise
from edge.core.detect.letterbox import Letterbox
from edge.core.detect.suppression import suppress
from edge.core.detection import Detections
from edge.core.frame import Frame
from models.registry import ModelEntry

PAD = 114  # the grey around the picture, as all four families were trained with
MAX_CANDIDATES = 1000  # people before suppression; a school gate at noon stays far below, and what is cut is counted

ORT_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class UnusableModelError(Exception):
    """A file that can't be run as the network its entry describes; the text says what to do."""


def open_session(path: Path) -> ort.InferenceSession:
    """A session of one thread on the processor. Raises UnusableModelError where the file is no network."""
    options = ort.SessionOptions()
    # One single-threaded session a worker: on two cores two of them carry 1.5 to 2 times the frames of one with two.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except ORT_ERRORS as error:
        raise UnusableModelError(f"{path.name} can't be opened as an ONNX network: {str(error)[:200]}") from error


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


class OnnxDetector:
    """Implements edge.core.ports.Detector. For one thread; the input buffer is reused from frame to frame."""

    def __init__(self, entry: ModelEntry, path: Path, confidence: float | None = None) -> None:
        """path: the entry's file, already checked. confidence: threshold, None for the entry's own.

        Raises UnusableModelError where the file's input or outputs are not what the entry says.
        """
        self._entry = entry
        self._session = open_session(path)
        self._family = _checked_family(entry, self._session)
        self._reading = Reading(entry.width, entry.height, entry.person_class, confidence or entry.confidence)
        self._input_name = self._session.get_inputs()[0].name
        mean, std = (np.array(triple, np.float32)[:, None, None] for triple in (entry.mean, entry.std))
        self._mean, self._scale = mean, 1.0 / std
        self._blank = (np.full((3, entry.height, entry.width), PAD, np.float32) - mean) * self._scale
        self._input = self._blank[None].copy()
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(self._input_name, self._input)
        for output in self._session.get_outputs():
            self._binding.bind_output(output.name, "cpu")
        self._letterbox: Letterbox | None = None
        self.candidates_cut = 0

    @property
    def session(self) -> ort.InferenceSession:
        """The session, for benchmarks."""
        return self._session

    def detect(self, frame: Frame) -> Detections:
        """People in `frame`, in the frame's own pixels, best first."""
        letterbox = self._lay_in(frame)
        self._session.run_with_iobinding(self._binding)
        found = self._family.read(self._binding.copy_outputs_to_cpu(), self._reading)
        xyxy, score = found.xyxy, found.score
        if len(score) > MAX_CANDIDATES:
            self.candidates_cut += len(score) - MAX_CANDIDATES
            best = np.argsort(-score, kind="stable")[:MAX_CANDIDATES]
            xyxy, score = xyxy[best], score[best]
        if self._family.suppression:
            keep = suppress(xyxy, score, self._entry.suppression_iou)
        else:
            keep = np.argsort(-score, kind="stable")
        boxes = letterbox.to_frame(xyxy[keep])
        sound = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        return Detections(boxes, score[keep].astype(np.float32)).select(sound)

    def _lay_in(self, frame: Frame) -> Letterbox:
        """Scales the planes, turns the small picture's colours, writes it into the input: no full-size colour copy."""
        size = (frame.width, frame.height)
        letterbox = self._letterbox
        if letterbox is None or (letterbox.frame_width, letterbox.frame_height) != size:
            self._letterbox = letterbox = Letterbox.fit(size, (self._entry.width, self._entry.height))
            self._input[0] = self._blank
        small = _resized(frame, letterbox.width, letterbox.height)
        code = cv2.COLOR_YUV2RGB_I420 if self._entry.colour == "rgb" else cv2.COLOR_YUV2BGR_I420
        picture = cv2.cvtColor(small, code)
        target = self._input[0, :, : letterbox.height, : letterbox.width]
        np.subtract(picture.transpose(2, 0, 1), self._mean, out=target)
        np.multiply(target, self._scale, out=target)
        return letterbox


def _resized(frame: Frame, width: int, height: int) -> NDArray[np.uint8]:
    """The frame as I420 of width x height (both even)."""
    if (frame.width, frame.height) == (width, height):
        return frame.i420
    small = np.empty((height * 3 // 2, width), np.uint8)
    y, u, v = frame.planes()
    # Shrinking by much without averaging would let thin legs and far people flicker in and out between pixels.
    how = cv2.INTER_AREA if frame.width > 1.6 * width else cv2.INTER_LINEAR
    cv2.resize(y, (width, height), dst=small[:height], interpolation=how)
    chroma = small[height:].reshape(2, height // 2, width // 2)
    for source, target in ((u, chroma[0]), (v, chroma[1])):
        cv2.resize(source, (width // 2, height // 2), dst=target, interpolation=how)
    return small


def _checked_family(entry: ModelEntry, session: ort.InferenceSession) -> Family:
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
