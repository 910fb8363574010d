"""Takes a network into the user's manifest: recognised, tried out, copied, written down."""

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from edge.adapters.durable import put_in_place
from edge.adapters.onnx_detector import OnnxDetector
from edge.adapters.onnx_session import (
    ORT_ERRORS,
    UnusableModelError,
    class_names,
    means_person,
    open_session,
    output_shapes,
)
from edge.core.detect.families.table import FAMILIES, recognise
from edge.core.frame import Frame
from models.registry import Manifest, ModelEntry, ModelError, Registry, read_manifest, sha256_of
from models.whole_file import write_whole

COCO_CLASSES = 80  # person is class 0 there, in every network that was trained on it


def add(registry: Registry, file: Path, name: str | None = None, licence: str | None = None) -> ModelEntry:
    """Adds `file` to the user's networks and returns its entry. Raises ModelError; then nothing was changed.

    name: by default made from the file's name. licence: as its maker says; by default what the file says of itself.
    """
    digest = sha256_of(file)
    known = registry.of_file(digest)
    if known is None:
        entry = recognise_file(file, name, licence)
    else:
        given = {"name": name or known.name, "licence": licence or known.licence, "file": f"{digest[:16]}.onnx"}
        entry = _changed(known, given)
        _try_out(entry, file)
    registry.refuse_taken(entry.name, digest)
    return keep(entry, file, registry.user_folder, becomes_default=True)


def set_default(registry: Registry, name: str) -> None:
    """Makes a network of the manifest run where none is named. Raises ModelError; then nothing was changed.

    The name of the box's own default gives the choice back to the box: what a later version ships as it runs then.
    """
    entry, _ = registry.find(name)
    folder = registry.user_folder
    with _changing(folder) as manifest:
        chosen = "" if entry.name == registry.box_default else entry.name
        _write(folder / "manifest.toml", chosen, list(manifest.model))


def find_or_recognise(registry: Registry, name_or_file: str) -> tuple[ModelEntry, Path]:
    """As `Registry.find`, but an .onnx file that is in no manifest is recognised and tried out; nothing is kept.

    Raises ModelError.
    """
    file = Path(name_or_file)
    if file.suffix != ".onnx" or registry.of_file(sha256_of(file)):
        return registry.find(name_or_file)
    return recognise_file(file), file


def recognise_file(file: Path, name: str | None = None, licence: str | None = None) -> ModelEntry:
    """What `file` is, after it ran on a drawn picture. name, licence: as for `add`. Raises ModelError."""
    try:
        entry = _recognised(file, sha256_of(file), name, licence)
    except ValidationError as error:
        raise _cant_stand(error) from error
    _try_out(entry, file)
    return entry


def renamed(entry: ModelEntry, name: str) -> ModelEntry:
    """The same entry under another name. Raises ModelError where no manifest takes that name."""
    return _changed(entry, {"name": name})


def _changed(entry: ModelEntry, given: dict[str, str]) -> ModelEntry:
    try:
        return ModelEntry.model_validate({**entry.model_dump(), **given})
    except ValidationError as error:
        raise _cant_stand(error) from error


def _cant_stand(error: ValidationError) -> ModelError:
    first = error.errors(include_url=False)[0]
    return ModelError(f"{first['loc'][-1]} {first['input']!r} can't stand in the manifest: {first['msg']}")


def keep(entry: ModelEntry, file: Path, folder: Path, *, becomes_default: bool) -> ModelEntry:
    """Copies the file into the user's folder, writes its entry down and returns it. Raises ModelError.

    becomes_default: whether it runs from now on where none is named.
    """
    with _changing(folder) as manifest:
        _copy(entry, file, folder)
        entries = [other for other in manifest.model if other.name != entry.name] + [entry]
        _write(folder / "manifest.toml", entry.name if becomes_default else manifest.default, entries)
    return entry


@contextmanager
def _changing(folder: Path) -> Iterator[Manifest]:
    """The user's manifest while nobody else changes it: of two that add at once the second reads what the first wrote.

    Raises ModelError where the folder takes nothing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield read_manifest(folder / "manifest.toml")
    except OSError as error:
        why = getattr(error.__cause__ or error, "strerror", None) or error
        told = f"{folder} can't take it ({why}); make room, or set XDG_DATA_HOME to another place"
        raise ModelError(told) from error


def _copy(entry: ModelEntry, file: Path, folder: Path) -> None:
    part = folder / f"{entry.file}.part"
    try:
        shutil.copyfile(file, part)
        if sha256_of(part) != entry.sha256:
            raise ModelError(f"{file} changed while it was looked at; try again when it is written")
        put_in_place(part, folder / entry.file)
    finally:
        part.unlink(missing_ok=True)


def _recognised(file: Path, digest: str, name: str | None, licence: str | None) -> ModelEntry:
    try:
        session = open_session(file)
    except UnusableModelError as error:
        raise ModelError(str(error)) from error
    inputs = session.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else [one.shape for one in inputs]
    if len(shape) != 4 or shape[:2] != [1, 3] or not all(isinstance(side, int) for side in shape[2:]):
        raise ModelError(f"{file.name} takes {shape}; export it with batch 1, 3 channels and a fixed size")
    height, width = shape[2:]
    outputs = output_shapes(session)
    found = recognise(outputs, width, height)
    if found is None:
        raise ModelError(
            f"{file.name} has outputs {outputs}, of no family known here ({', '.join(FAMILIES)}); export one of these"
        )
    family, classes = found
    meta = session.get_modelmeta().custom_metadata_map
    names = class_names(session)
    classes = classes or (max(names) + 1 if names else COCO_CLASSES)
    return ModelEntry(
        name=name or re.sub(r"[^a-z0-9_.-]+", "-", file.stem.lower()).strip("-._")[:63] or "network",
        file=f"{digest[:16]}.onnx",
        sha256=digest,
        licence=licence or meta.get("license") or "not stated by the file; ask its maker",
        source=meta.get("docs", "") or meta.get("author", ""),
        family=family.name,  # type: ignore[arg-type]  # the table of families is the literal's other half; a test holds it
        width=width,
        height=height,
        colour=family.colour,  # type: ignore[arg-type]  # "rgb" or "bgr", see above
        mean=family.mean,
        std=family.std,
        person_class=_person_class(file, names, classes),
        classes=classes,
    )


def _person_class(file: Path, names: dict[int, str], classes: int) -> int:
    for number, name in names.items():
        if means_person(name):
            return number
    if names or classes != COCO_CLASSES:
        there = ", ".join(list(names.values())[:8]) or f"{classes} classes without names"
        raise ModelError(f"{file.name} finds {there}, but no class 'person'; Gatehouse needs one that finds people")
    return 0


def _try_out(entry: ModelEntry, file: Path) -> None:
    """Runs the network on a drawn picture; boxes that are not finite would mean another output than believed."""
    rows = np.arange(360 * 3 // 2, dtype=np.uint32)[:, None] * 7 + np.arange(480, dtype=np.uint32)[None] * 3
    frame = Frame("drawn", 0, 0.0, 0.0, (rows % 256).astype(np.uint8))
    try:
        found = OnnxDetector(entry, file, 0.01).detect(frame)
    except UnusableModelError as error:
        raise ModelError(str(error)) from error
    except ORT_ERRORS as error:
        raise ModelError(f"{file.name} opens but fails on a picture ({str(error)[:200]}); export it again") from error
    if not np.isfinite(found.xyxy).all() or not ((found.confidence >= 0) & (found.confidence <= 1)).all():
        raise ModelError(f"{file.name} answers with scores outside 0..1; its output is not that of {entry.family}")


def _write(path: Path, default: str, entries: list[ModelEntry]) -> None:
    lines = [f"default = {json.dumps(default)}", ""]
    for entry in entries:
        lines.append("[[model]]")
        for key, value in entry.model_dump().items():
            lines.append(
                f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}"
            )
        lines.append("")
    write_whole(path, "\n".join(lines).encode())
